// node built/sample.js http://127.0.0.1:8302: a call of each kind against the mock; prints one line of JSON.
import { EventSourceParserStream } from "eventsource-parser/stream";
import createClient from "openapi-fetch";
import type { ErrorResponse, KlingTask, OpenaiChatChunk, OpenaiChatResponse, OpenaiChatRequest, paths } from "./api302.js";

const baseUrl = process.argv[2] ?? "http://127.0.0.1:8302";
const connect = (key: string) => createClient<paths, "application/json">({ baseUrl, headers: { Authorization: `Bearer ${key}` } });
const client = connect("sk-test");

async function models(): Promise<string[]> {
  const { data, error } = await client.GET("/v1/models");
  if (error) throw new Error(problem(error));
  return data.data.map((model) => model.id);
}

async function chat(content: string): Promise<OpenaiChatResponse> {
  const { data, error } = await client.POST("/v1/chat/completions", {
    body: { model: "gpt-4o", messages: [{ role: "user", content }] },
  });
  if (error) throw new Error(problem(error));
  if (!("choices" in data)) throw new Error("not the answer, but a task or the short form");
  return data;
}

// x-stream of the operation says that "[DONE]" ends the stream; x-itemSchema that each other event holds an OpenaiChatChunk.
async function* chatStream(content: string): AsyncGenerator<OpenaiChatChunk> {
  const body: OpenaiChatRequest = { model: "gpt-4o", messages: [{ role: "user", content }], stream: true };
  const { data, error } = await client.POST("/v1/chat/completions", { body, parseAs: "stream" });
  if (error) throw new Error(problem(error));
  if (!data) throw new Error("no body");
  for await (const event of data.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())) {
    if (event.data === "[DONE]") return;
    yield JSON.parse(event.data) as OpenaiChatChunk;
  }
  throw new Error("the stream was cut short");
}

async function video(prompt: string): Promise<{ states: string[]; task: KlingTask }> {
  const { data: reply, error } = await client.POST("/klingai/v1/videos/text2video", { body: { prompt, duration: "5" } });
  if (error) throw new Error(problem(error));
  const id = reply.data?.task_id;
  if (!id) throw new Error(reply.message ?? "no task");
  const states: string[] = [];
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    const { data, error } = await client.GET("/klingai/v1/videos/text2video/{id}", { params: { path: { id } } });
    if (error) throw new Error(problem(error));
    const task = data.data;
    if (!task?.task_status) throw new Error(data.message ?? "no state");
    states.push(task.task_status);
    switch (task.task_status) {
      case "succeed":
        return { states, task };
      case "failed":
        throw new Error(task.task_status_msg ?? "failed");
      default: // "submitted", "processing", and any state that is not known yet
        await new Promise((resolve) => setTimeout(resolve, 20)); // x-task-status suggests 10 seconds for the real service
    }
  }
  throw new Error("not done in time");
}

async function upload(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  const { data, error } = await client.POST("/302/upload-file", {
    body: { file: new Blob([bytes], { type: "image/png" }) },
    bodySerializer({ file }) {
      const form = new FormData();
      form.append("file", file, name);
      return form;
    },
  });
  if (error) throw new Error(problem(error));
  return data.data;
}

async function speech(input: string): Promise<ArrayBuffer> {
  const { data, error } = await client.POST("/v1/audio/speech", {
    body: { model: "tts-1", input, voice: "alloy" },
    parseAs: "arrayBuffer",
  });
  if (error) throw new Error(problem(error));
  return data;
}

function problem({ error, message }: ErrorResponse): string {
  return (typeof error === "object" ? error?.message : error) ?? message ?? "unknown error";
}

async function refused(): Promise<{ status: number; code: number | string | null | undefined; message: string }> {
  const { error, response } = await connect("wrong").GET("/v1/models");
  if (!error) throw new Error("a wrong key was taken");
  const code = typeof error.error === "object" ? error.error?.err_code : undefined;
  return { status: response.status, code, message: problem(error) };
}

const reply = await chat("Hello");
const chunks: OpenaiChatChunk[] = [];
for await (const chunk of chatStream("你好!")) chunks.push(chunk);
const made = await video("A red panda eats bamboo");

console.log(
  JSON.stringify({
    models: await models(),
    chat: reply.choices[0]?.message?.content,
    tokens: reply.usage?.total_tokens,
    chunks: chunks.length,
    streamed: chunks.map((chunk) => chunk.choices?.[0]?.delta?.content ?? "").join(""),
    states: made.states,
    video: made.task.task_result?.videos?.[0]?.url,
    uploaded: await upload("cat.png", new Uint8Array([0x89, 0x50, 0x4e, 0x47])),
    sound: (await speech("Hello")).byteLength,
    refused: await refused(),
  }),
);
