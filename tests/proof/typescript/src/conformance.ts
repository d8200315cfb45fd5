// node built/conformance.js openapi/conformance: holds rules.ts against the cases; prints how many there are, and those that fail.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { allPages, apiError, begunTask, failureIn, readStream, readTask, repeatAfter, upload, type Json, type Outcome, type Values } from "./rules.js";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a case is any JSON
type Case = any;

const bytes = (piece: string | { base64: string }): Uint8Array => (typeof piece === "string" ? new TextEncoder().encode(piece) : Buffer.from(piece.base64, "base64"));

function outcome(failure: Case): Outcome {
  return "connection" in failure ? failure : apiError(failure.status, failure.headers, failure.body);
}

function isRepeatedRight({ failure, free, attempt, retries, expect }: Case): boolean {
  return [0, 1].every((chance) => {
    const after = repeatAfter(outcome(failure), free, attempt, retries, chance);
    return after === null || expect.after === null ? after === expect.after : expect.after[0] <= after && after <= expect.after[1] + 1e-9;
  });
}

function pagesOf({ rule, asked, pages }: Case): { cursors: Values[]; items: Json[][] } {
  const cursors: Values[] = [];
  const items = allPages(rule, asked, (cursor) => {
    cursors.push(cursor);
    return pages[cursors.length - 1];
  });
  return { cursors, items };
}

const has = (found: object, expect: object): boolean => Object.entries(expect).every(([name, value]) => isDeepStrictEqual((found as Values)[name], value));

const topics: { [topic: string]: (one: Case) => boolean } = {
  task: ({ rule, response, file, expect }) => has(readTask(rule, response, file), expect),
  submit: ({ rule, response, expect }) => isDeepStrictEqual(begunTask(rule, response), expect),
  failure: ({ rules, response, expect }) => isDeepStrictEqual(failureIn(rules, response), expect),
  error: ({ status, headers, body, expect }) => has(apiError(status, headers, body), expect),
  retry: isRepeatedRight,
  stream: ({ rule, chunks, end, expect }) => has(readStream(rule, chunks.map(bytes), end === "broken"), expect),
  upload: ({ rule, first, put, last, expect }) => isDeepStrictEqual(upload(rule, first, put, last), expect),
  pages: (one) => isDeepStrictEqual(pagesOf(one), one.expect),
};

const folder = process.argv[2] ?? "conformance";
const failed: string[] = [];
let count = 0;
for (const [topic, holds] of Object.entries(topics)) {
  for (const one of JSON.parse(readFileSync(join(folder, `${topic}.json`), "utf8")).cases as Case[]) {
    count += 1;
    if (!holds(one)) failed.push(`${topic}: ${one.name}`);
  }
}
console.log(JSON.stringify({ count, failed }));
