package sample;

import api302.ApiClient;
import api302.ApiException;
import api302.api.AudioOpenaiApi;
import api302.api.InformationAi302Api;
import api302.api.LlmAi302Api;
import api302.api.LlmOpenaiApi;
import api302.api.VideosKlingApi;
import api302.model.Ai302Model;
import api302.model.ErrorDetail;
import api302.model.ErrorResponse;
import api302.model.KlingTask;
import api302.model.KlingTextToVideoRequest;
import api302.model.OpenaiChatChunk;
import api302.model.OpenaiChatCompletionsRequest;
import api302.model.OpenaiChatMessage;
import api302.model.OpenaiChatMessageContent;
import api302.model.OpenaiChatResponse;
import api302.model.OpenaiSpeechRequest;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Uses the generated client as a program would, at the address that is given, and prints what it saw as one line of JSON. */
public final class Sample {
    private final String address;
    private final ApiClient client = new ApiClient();
    private final ObjectMapper mapper = client.getJSON().getMapper();
    private final Map<String, Object> seen = new LinkedHashMap<>();

    private Sample(String address) {
        this.address = address;
        client.setBasePath(address);
        client.setBearerToken("sk-test");
    }

    public static void main(String[] arguments) throws Exception {
        Sample sample = new Sample(arguments[0]);
        sample.models();
        sample.chat();
        sample.stream();
        sample.video();
        sample.upload();
        sample.speech();
        sample.refused();
        System.out.println(sample.mapper.writeValueAsString(sample.seen));
    }

    private void models() throws ApiException {
        seen.put("models", new LlmAi302Api(client).ai302ListModels(null, null).getData().stream().map(Ai302Model::getId).toList());
    }

    private static OpenaiChatCompletionsRequest hello() {
        OpenaiChatMessage message = new OpenaiChatMessage().role(OpenaiChatMessage.RoleEnum.USER).content(new OpenaiChatMessageContent("Hello"));
        return new OpenaiChatCompletionsRequest().model("gpt-4o").addMessagesItem(message);
    }

    private void chat() throws ApiException {
        OpenaiChatResponse reply = new LlmOpenaiApi(client)
                .openaiChatCompletionsAsJson(hello(), null, null)
                .getOpenaiChatResponse();
        seen.put("chat", reply.getChoices().get(0).getMessage().getContent());
        seen.put("tokens", reply.getUsage().getTotalTokens());
    }

    /** The generated client reads a stream to its end before it returns. So java.net.http reads it, line by line, and the generated types say what it is. */
    private void stream() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + "/v1/chat/completions"))
                .header("Authorization", "Bearer sk-test")
                .header("Content-Type", "application/json")
                .header("Accept", "text/event-stream")
                .POST(HttpRequest.BodyPublishers.ofString(mapper.writeValueAsString(hello().stream(true))))
                .build();
        StringBuilder text = new StringBuilder();
        int chunks = 0;
        boolean whole = false;
        try (Stream<String> lines = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofLines()).body()) {
            for (Iterator<String> line = lines.filter(each -> each.startsWith("data:")).iterator(); !whole && line.hasNext(); ) {
                String data = line.next().substring("data:".length()).strip();
                if (data.equals("[DONE]")) {
                    whole = true;
                    continue;
                }
                OpenaiChatChunk chunk = mapper.readValue(data, OpenaiChatChunk.class);
                chunk.getChoices().stream().map(choice -> choice.getDelta().getContent()).filter(each -> each != null).forEach(text::append);
                chunks++;
            }
        }
        if (!whole) {
            throw new IllegalStateException("the stream broke off");
        }
        seen.put("chunks", chunks);
        seen.put("streamed", text.toString());
    }

    private void video() throws Exception {
        VideosKlingApi kling = new VideosKlingApi(client);
        KlingTask task = kling.klingTextToVideo(new KlingTextToVideoRequest().prompt("A red panda")).getData();
        List<String> states = new ArrayList<>();
        while (!List.of("succeed", "failed").contains(task.getTaskStatus())) { // states are open: any other is on the way
            Thread.sleep(10); // poll the real service every 10 seconds, as x-task-status says
            task = kling.klingGetTextToVideo(task.getTaskId()).getData();
            states.add(task.getTaskStatus());
        }
        seen.put("states", states);
        seen.put("video", task.getTaskResult().getVideos().get(0).getUrl());
    }

    private void upload() throws Exception {
        Path file = Files.write(Files.createTempFile("cat", ".png"), new byte[] {(byte) 0x89, 'P', 'N', 'G'});
        seen.put("uploaded", new InformationAi302Api(client).ai302UploadFile(file.toFile()).getData());
        Files.delete(file);
    }

    private void speech() throws Exception {
        Path sound = new AudioOpenaiApi(client).openaiSpeech(new OpenaiSpeechRequest().model("tts-1").input("Hello").voice("alloy")).toPath();
        seen.put("sound", Files.size(sound));
        Files.delete(sound);
    }

    private void refused() throws Exception {
        ApiClient stranger = new ApiClient().setBasePath(address);
        stranger.setBearerToken("wrong");
        try {
            new LlmAi302Api(stranger).ai302ListModels(null, null);
        } catch (ApiException error) {
            ErrorDetail detail = mapper.readValue(error.getResponseBody(), ErrorResponse.class).getError().getErrorDetail();
            seen.put("refused", Map.of("status", error.getCode(), "code", detail.getErrCode().getActualInstance(), "message", detail.getMessage()));
        }
    }
}
