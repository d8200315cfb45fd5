// A task of the client by orval, whose address was set as it was generated: node built/sample.js.
import { ai302ListModels } from "./client/llm-ai302/llm-ai302.js";
import { klingGetTextToVideo, klingTextToVideo } from "./client/videos-kling/videos-kling.js";

const options = { headers: { Authorization: "Bearer sk-test" } };

async function main(): Promise<void> {
  const models = await ai302ListModels(undefined, options);
  const made = await klingTextToVideo({ prompt: "A red panda", duration: "5" }, options);
  if (models.status !== 200 || made.status !== 200) throw new Error("refused");
  const id = made.data.data?.task_id ?? "";
  const polled = await klingGetTextToVideo(id, options);
  if (polled.status !== 200) throw new Error("refused");
  const states = [made.data.data?.task_status, polled.data.data?.task_status];
  console.log(JSON.stringify({ models: models.data.data.map((model) => model.id), id, polled: polled.data.data?.task_id, states }));
}

void main();
