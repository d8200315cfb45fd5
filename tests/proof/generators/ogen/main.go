// Follows a task with the client by ogen, and prints what it saw as one line of JSON: go run ./sample ADDRESS.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"api302/ogen/api302"

	"github.com/ogen-go/ogen/ogenerrors"
)

// key is one API key, sent as a bearer token alone.
type key string

func (key) Anthropic(context.Context, api302.OperationName) (made api302.Anthropic, err error) {
	return made, ogenerrors.ErrSkipClientSecurity
}

func (k key) Bearer(context.Context, api302.OperationName) (api302.Bearer, error) {
	return api302.Bearer{Token: string(k)}, nil
}

func (key) Google(context.Context, api302.OperationName) (made api302.Google, err error) {
	return made, ogenerrors.ErrSkipClientSecurity
}

func (key) GoogleQuery(context.Context, api302.OperationName) (made api302.GoogleQuery, err error) {
	return made, ogenerrors.ErrSkipClientSecurity
}

func (key) Midjourney(context.Context, api302.OperationName) (made api302.Midjourney, err error) {
	return made, ogenerrors.ErrSkipClientSecurity
}

// task is what a response holds, if it is no failure.
func task(response any, err error) (api302.KlingTask, error) {
	if err != nil {
		return api302.KlingTask{}, err
	}
	fine, ok := response.(*api302.KlingResponse)
	if !ok {
		return api302.KlingTask{}, fmt.Errorf("a failure: %+v", response)
	}
	return fine.Data.Value, nil
}

func follow(address string) (map[string]any, error) {
	ctx := context.Background()
	client, err := api302.NewClient(address, key("sk-test"))
	if err != nil {
		return nil, err
	}
	listed, err := client.Ai302ListModels(ctx, api302.Ai302ListModelsParams{})
	if err != nil {
		return nil, err
	}
	var models []string
	for _, model := range listed.(*api302.Ai302ModelList).Data {
		models = append(models, model.ID)
	}
	request := api302.KlingTextToVideoRequest{Prompt: "A red panda"}
	made, err := task(client.KlingTextToVideo(ctx, &request))
	if err != nil {
		return nil, err
	}
	polled, err := task(client.KlingGetTextToVideo(ctx, api302.KlingGetTextToVideoParams{ID: made.TaskID.Value}))
	if err != nil {
		return nil, err
	}
	states := []string{made.TaskStatus.Value, polled.TaskStatus.Value}
	return map[string]any{"models": models, "id": made.TaskID.Value, "polled": polled.TaskID.Value, "states": states}, nil
}

func main() {
	seen, err := follow(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
		log.Fatal(err)
	}
}
