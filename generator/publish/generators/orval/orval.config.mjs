// npx orval: types of the whole API, and a client with fetch, a file for each tag.
export default {
  api302: {
    input: { target: "../../openapi-3.1.json" },
    output: {
      target: "src/client/api302.ts",
      mode: "tags-split",
      client: "fetch",
      // The address stands in the client: another one, such as a mock's, needs AI302_BASE_URL when orval runs.
      baseUrl: process.env.AI302_BASE_URL ?? "https://api.302.ai",
      override: {
        // A value that may be text and a number would be two members of one name in a constant, which does not compile.
        enumGenerationType: "union",
        // A field that takes a file or a list of files does not compile without it.
        formData: { path: "./src/form.ts", name: "form" },
      },
    },
  },
};
