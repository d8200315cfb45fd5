// A task of the client by hey-api: node built/sample.js ADDRESS.
import { klingGetTextToVideo, klingTextToVideo, ai302ListModels } from "./client/index.js";
import { client } from "./client/client.gen.js";

client.setConfig({ baseUrl: process.argv[2], auth: () => "sk-test" });

async function main(): Promise<void> {
  const models = await ai302ListModels({ throwOnError: true });
  const made = await klingTextToVideo({ body: { prompt: "A red panda", duration: "5" }, throwOnError: true });
  const id = made.data.data?.task_id ?? "";
  const polled = await klingGetTextToVideo({ path: { id }, throwOnError: true });
  const states = [made.data.data?.task_status, polled.data.data?.task_status];
  console.log(JSON.stringify({ models: models.data.data.map((model) => model.id), id, polled: polled.data.data?.task_id, states }));
}

void main();
