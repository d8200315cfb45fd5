// Command sample makes a call of each kind against the mock and prints one line of JSON: go run ./sample http://127.0.0.1:8302
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tmaxmax/go-sse"

	"api302.example/proof/api302"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	result, err := calls(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		log.Fatal(err)
	}
}

func connect(server, key string) (*api302.ClientWithResponses, error) {
	return api302.NewClientWithResponses(server, api302.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+key)
		return nil
	}))
}

func calls(ctx context.Context, server string) (map[string]any, error) {
	client, err := connect(server, "sk-test")
	if err != nil {
		return nil, err
	}
	models, err := listModels(ctx, client)
	if err != nil {
		return nil, err
	}
	reply, err := chat(ctx, client, "Hello")
	if err != nil {
		return nil, err
	}
	chunks, err := streamChat(ctx, client, "你好!")
	if err != nil {
		return nil, err
	}
	var streamed strings.Builder
	for _, chunk := range chunks {
		for _, choice := range chunk.Choices {
			streamed.WriteString(deref(choice.Delta.Content))
		}
	}
	states, video, err := makeVideo(ctx, client, "A red panda eats bamboo")
	if err != nil {
		return nil, err
	}
	uploaded, err := uploadFile(ctx, client, "cat.png", strings.NewReader("\x89PNG"))
	if err != nil {
		return nil, err
	}
	sound, err := speak(ctx, client, "Hello")
	if err != nil {
		return nil, err
	}
	refused, err := meetRefusal(ctx, server)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"models": models, "chat": reply.Choices[0].Message.Content, "tokens": reply.Usage.TotalTokens,
		"chunks": len(chunks), "streamed": streamed.String(), "states": states, "video": video,
		"uploaded": uploaded, "sound": len(sound), "refused": refused,
	}, nil
}

func listModels(ctx context.Context, client *api302.ClientWithResponses) ([]string, error) {
	response, err := client.Ai302ListModelsWithResponse(ctx, nil)
	if err != nil {
		return nil, err
	}
	if response.JSON200 == nil {
		return nil, problem(response.Status(), response.JSON4XX, response.JSON5XX)
	}
	var ids []string
	for _, model := range response.JSON200.Data {
		ids = append(ids, model.Id)
	}
	return ids, nil
}

// question is a conversation of one message.
func question(content string, stream bool) (body api302.OpenaiChatCompletionsRequest, err error) {
	message := api302.OpenaiChatMessage{Role: api302.OpenaiChatMessageRoleUser, Content: &api302.OpenaiChatMessage_Content{}}
	if err := message.Content.FromOpenaiChatMessageContent0(content); err != nil {
		return body, err
	}
	messages := []api302.OpenaiChatMessage{message}
	return api302.OpenaiChatCompletionsRequest{Model: "gpt-4o", Messages: &messages, Stream: &stream}, nil
}

func chat(ctx context.Context, client *api302.ClientWithResponses, content string) (reply api302.OpenaiChatResponse, err error) {
	body, err := question(content, false)
	if err != nil {
		return reply, err
	}
	response, err := client.OpenaiChatCompletionsWithResponse(ctx, nil, body)
	if err != nil {
		return reply, err
	}
	if response.JSON200 == nil {
		return reply, problem(response.Status(), response.JSON4XX, response.JSON5XX)
	}
	return response.JSON200.AsOpenaiChatResponse()
}

// streamChat reads the answer's pieces. The operation's x-stream says that [DONE] ends them, x-itemSchema that each other event holds a chunk.
func streamChat(ctx context.Context, client *api302.ClientWithResponses, content string) ([]api302.OpenaiChatChunk, error) {
	body, err := question(content, true)
	if err != nil {
		return nil, err
	}
	response, err := client.OpenaiChatCompletions(ctx, nil, body) // the method without WithResponse does not read the body
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	var chunks []api302.OpenaiChatChunk
	for event, err := range sse.Read(response.Body, nil) {
		if err != nil {
			return nil, err
		}
		if event.Data == "[DONE]" {
			return chunks, nil
		}
		var chunk api302.OpenaiChatChunk
		if err := json.Unmarshal([]byte(event.Data), &chunk); err != nil {
			return nil, err
		}
		chunks = append(chunks, chunk)
	}
	return nil, io.ErrUnexpectedEOF
}

// makeVideo submits a task and polls it to its end.
func makeVideo(ctx context.Context, client *api302.ClientWithResponses, prompt string) (states []string, url string, err error) {
	submitted, err := client.KlingTextToVideoWithResponse(ctx, api302.KlingTextToVideoRequest{Prompt: prompt})
	if err != nil {
		return nil, "", err
	}
	if submitted.JSON200 == nil || submitted.JSON200.Data == nil {
		return nil, "", problem(submitted.Status(), submitted.JSON4XX, submitted.JSON5XX)
	}
	for {
		polled, err := client.KlingGetTextToVideoWithResponse(ctx, deref(submitted.JSON200.Data.TaskId))
		if err != nil {
			return nil, "", err
		}
		if polled.JSON200 == nil || polled.JSON200.Data == nil {
			return nil, "", problem(polled.Status(), polled.JSON4XX, polled.JSON5XX)
		}
		task := polled.JSON200.Data
		states = append(states, deref(task.TaskStatus))
		switch deref(task.TaskStatus) {
		case "succeed":
			return states, deref(deref(task.TaskResult.Videos)[0].Url), nil
		case "failed":
			return nil, "", errors.New(deref(task.TaskStatusMsg))
		default: // states are open: one that is not known is taken for one on the way
			select {
			case <-ctx.Done():
				return nil, "", ctx.Err()
			case <-time.After(20 * time.Millisecond): // x-task-status suggests 10 seconds for the real service
			}
		}
	}
}

func uploadFile(ctx context.Context, client *api302.ClientWithResponses, name string, file io.Reader) (string, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(part, file); err != nil {
		return "", err
	}
	if err := form.Close(); err != nil {
		return "", err
	}
	response, err := client.Ai302UploadFileWithBodyWithResponse(ctx, form.FormDataContentType(), &body)
	if err != nil {
		return "", err
	}
	if response.JSON200 == nil {
		return "", problem(response.Status(), response.JSON4XX, response.JSON5XX)
	}
	return deref(response.JSON200.Data), nil
}

func speak(ctx context.Context, client *api302.ClientWithResponses, input string) ([]byte, error) {
	response, err := client.OpenaiSpeechWithResponse(ctx, api302.OpenaiSpeechRequest{Model: "tts-1", Input: input, Voice: "alloy"})
	if err != nil {
		return nil, err
	}
	if response.StatusCode() != http.StatusOK {
		return nil, problem(response.Status(), response.JSON4XX, response.JSON5XX)
	}
	return response.Body, nil
}

// meetRefusal calls with a wrong key and tells the typed error.
func meetRefusal(ctx context.Context, server string) (map[string]any, error) {
	client, err := connect(server, "wrong")
	if err != nil {
		return nil, err
	}
	response, err := client.Ai302ListModelsWithResponse(ctx, nil)
	if err != nil {
		return nil, err
	}
	if response.JSON4XX == nil || response.JSON4XX.Error == nil {
		return nil, fmt.Errorf("a wrong key was taken: %s", response.Status())
	}
	detail, err := response.JSON4XX.Error.AsErrorDetail()
	if err != nil {
		return nil, err
	}
	return map[string]any{"status": response.StatusCode(), "code": detail.ErrCode, "message": deref(detail.Message)}, nil
}

// problem is a refusal as an error, with the service's own words if it gave any.
func problem(status string, replies ...*api302.ErrorResponse) error {
	for _, reply := range replies {
		if reply != nil && reply.Error != nil {
			if detail, err := reply.Error.AsErrorDetail(); err == nil {
				return fmt.Errorf("%s: %s", status, deref(detail.Message))
			}
		}
	}
	return errors.New(status)
}

// deref is what an optional field holds, or nothing.
func deref[T any](pointer *T) (value T) {
	if pointer != nil {
		value = *pointer
	}
	return value
}
