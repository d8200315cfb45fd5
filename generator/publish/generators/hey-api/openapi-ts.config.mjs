// npx openapi-ts: types of the whole API, and a client with fetch.
export default {
  input: "../../openapi-3.1.json",
  output: "src/client",
  // Without its validators (zod and others): a state that the document does not list must not lose a response.
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
