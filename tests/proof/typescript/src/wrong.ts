// What must not compile. A mistake that the types let pass makes its "@ts-expect-error" line an error.
import createClient from "openapi-fetch";
import type { KlingTask, KlingTextToVideoRequest, OpenaiChatResponse, OpenaiChatRequest, OpenaiSpeechRequest, paths } from "./api302.js";

const client = createClient<paths, "application/json">();

// @ts-expect-error a misspelt field
export const field: KlingTextToVideoRequest = { prompt: "a red panda", aspectratio: "1:1" };
// @ts-expect-error a value that is not one of those that may be chosen
export const choice: KlingTextToVideoRequest = { prompt: "a red panda", aspect_ratio: "1:2" };
// @ts-expect-error a required field is missing
export const missing: KlingTextToVideoRequest = { duration: 5 };
// @ts-expect-error a text where a number belongs
export const type: OpenaiChatRequest = { model: "gpt-4o", messages: [], temperature: "0.2" };
// @ts-expect-error a role that nobody has
export const nested: OpenaiChatRequest = { model: "gpt-4o", messages: [{ role: "robot", content: "Hello" }] };
// A field with a default of the server's may be left out.
export const defaults: OpenaiSpeechRequest = { model: "tts-1", input: "Hello", voice: "alloy" };

// @ts-expect-error a path that is not there
client.GET("/v1/modules");
// @ts-expect-error a method that the path does not have
client.POST("/v1/models");
// @ts-expect-error the path's parameter is missing
client.GET("/klingai/v1/videos/text2video/{id}");
// @ts-expect-error an unknown query parameter's value
client.GET("/v1/models", { params: { query: { llm: 2 } } });
// @ts-expect-error the name of a file in place of the file
client.POST("/302/upload-file", { body: { file: "cat.png" } });

// @ts-expect-error a field that the reply does not have
export const reply = (reply: OpenaiChatResponse) => reply.choice;
// @ts-expect-error a choice that may not be there
export const first = (reply: OpenaiChatResponse) => reply.choices[0].message;
// @ts-expect-error a state is text: which words there are may change
export const state = (task: KlingTask) => task.task_status === 99;
