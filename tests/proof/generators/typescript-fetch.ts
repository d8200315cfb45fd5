// A task of the client by openapi-generator for typescript-fetch: node built/sample.js ADDRESS.
import { Configuration, LlmAi302Api, VideosKlingApi } from "./client/index.js";

const configuration = new Configuration({ basePath: process.argv[2]!, accessToken: "sk-test" });
const kling = new VideosKlingApi(configuration);

async function main(): Promise<void> {
  const models = await new LlmAi302Api(configuration).ai302ListModels();
  const made = await kling.klingTextToVideo({ klingTextToVideoRequest: { prompt: "A red panda" } });
  const id = made.data?.taskId ?? "";
  const polled = await kling.klingGetTextToVideo({ id });
  const states = [made.data?.taskStatus, polled.data?.taskStatus];
  console.log(JSON.stringify({ models: models.data.map((model) => model.id), id, polled: polled.data?.taskId, states }));
}

void main();
