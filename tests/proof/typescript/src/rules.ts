// What a client does with what the service says: the x- extensions of the description, carried out. Copy this file; conformance.ts proves it.
import jmespath from "jmespath";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Values = { [name: string]: Json };
export type Path = string | { field: string; encoding?: "json"; then?: string };
type Test = { field?: string; values?: Json[]; data?: string; binary?: boolean };

export const isObject = (value: unknown): value is Values => typeof value === "object" && value !== null && !Array.isArray(value);

// --- values

/** Scalars as they are compared: texts without case and outer space; a number equals the text that spells it, a boolean no number. */
function word(value: Json | undefined): string | number | null {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return value;
  if (typeof value !== "string") return null;
  const text = value.trim().toLowerCase();
  return /^[-+]?\d{1,40}(\.\d{1,40})?$/.test(text) ? Number(text) : text;
}

export function among(value: Json | undefined, words: readonly Json[]): boolean {
  const said = word(value);
  return said !== null && words.some((one) => word(one) === said);
}

/** Something is there: not null, not false, not empty. 0 is something. */
export function isPresent(value: Json | undefined): boolean {
  if (value === null || value === undefined || value === false || value === "") return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

export function find(path: Path | undefined, data: Json): Json {
  if (path === undefined) return null;
  if (typeof path === "string") {
    try {
      return (jmespath.search(data, path) as Json | undefined) ?? null;
    } catch {
      return null; // a function of the path was given another type: the response is not as described
    }
  }
  let value = find(path.field, data);
  if (path.encoding === "json" && typeof value === "string") {
    try {
      value = JSON.parse(value) as Json;
    } catch {
      return value;
    }
  }
  return path.then === undefined ? value : find(path.then, value);
}

const holds = (test: Test, data: Json): boolean => {
  const value = find(test.field, data);
  return test.values ? among(value, test.values) : isPresent(value);
};
const textOrNull = (value: Json): string | null => (typeof value === "string" && value ? value : null);

// --- tasks

export type TaskStatus = {
  state?: Path;
  pending?: Json[];
  succeeded?: Json[];
  failed?: Json[];
  done?: Test;
  progress?: { field: string; of?: number };
  outputs?: Path[];
  error?: { message?: string; code?: string };
};
export type Reading = { state: "pending" | "succeeded" | "failed"; outputs: string[]; message: string | null; code: Json; progress: number | null };

export function readTask(rule: TaskStatus, response: Json, isFile = false): Reading {
  const reading: Reading = { state: "pending", outputs: [], message: null, code: null, progress: null };
  if (isFile && rule.done?.binary) return { ...reading, state: "succeeded", progress: 1 };
  const outputs = urls(rule.outputs ?? [], response);
  const progress = share(rule.progress, response);
  const state = stateOf(rule, response, outputs.length > 0 && (progress === null || progress === 1));
  if (state === "succeeded") return { ...reading, state, outputs, progress: 1 };
  if (state === "pending") return { ...reading, progress };
  return { ...reading, state, progress, message: textOrNull(find(rule.error?.message, response)), code: find(rule.error?.code, response) };
}

function stateOf(rule: TaskStatus, response: Json, hasOutputs: boolean): Reading["state"] {
  const said = find(rule.state, response);
  const listed = listedState(rule, said);
  if (listed) return listed;
  if (rule.done) return !rule.done.binary && holds(rule.done, response) ? "succeeded" : "pending";
  return said !== null && hasOutputs ? "succeeded" : "pending";
}

function listedState(rule: TaskStatus, said: Json): Reading["state"] | null {
  for (const state of ["succeeded", "failed", "pending"] as const) if (among(said, rule[state] ?? [])) return state;
  return null;
}

function urls(paths: readonly Path[], response: Json): string[] {
  const found = paths.flatMap((path) => find(path, response));
  return [...new Set(found.filter((one): one is string => typeof one === "string" && /^(https?:\/\/|data:)/i.test(one)))];
}

function share(rule: TaskStatus["progress"], response: Json): number | null {
  if (!rule) return null;
  const value = find(rule.field, response);
  if (typeof value !== "number" && (typeof value !== "string" || !value.trim())) return null;
  const isPercent = typeof value === "string" && value.includes("%");
  const number = Number(typeof value === "string" ? value.trim().replace(/%$/, "") : value);
  return Number.isNaN(number) ? null : Math.min(Math.max(number / (isPercent ? 100 : (rule.of ?? 1)), 0), 1);
}

/** The parameters of the call that gets the status; null if the response began no task. */
export function begunTask(rule: { parameters: { [name: string]: string } }, response: Json): Values | null {
  const found = Object.fromEntries(Object.entries(rule.parameters).map(([name, path]) => [name, find(path, response)]));
  return Object.values(found).some((one) => one === null || one === "") ? null : found;
}

// --- failures

export type Failure = { code: Json; message: string | null };
export type Success = { field: string; values: Json[]; message?: string; code?: string };
const MESSAGES = "message_en message msg readableMessage error_message description detail details message_cn message_jp status_msg".split(" ");
const CODES = "err_code error_code code status_code".split(" ");

/** The failure that a response of status 200 reports, or null. */
export function failureIn(rules: { "x-success"?: Success; "x-task-status"?: TaskStatus }, response: Json): Failure | null {
  const { "x-success": success, "x-task-status": status } = rules;
  if (status && isObject(response) && listedState(status, find(status.state, response))) return null;
  if (success && isObject(response)) {
    const value = find(success.field, response);
    if (value !== null && !among(value, success.values)) {
      const message = find(success.message, response);
      return { code: success.code ? find(success.code, response) : value, message: typeof message === "string" ? message : null };
    }
  }
  const data = Array.isArray(response) && response.length === 1 && isBare(response[0]) ? response[0] : response;
  if (!isObject(data)) return null;
  const error = data["error"];
  const isError = isObject(error) ? [error["err_code"] || error["message"]].some((one) => one && typeof one !== "object") : typeof error === "string" && error.trim() && isBare(data);
  return isError ? explain(response) : null;
}

const isBare = (data: Json | undefined): data is Values => isObject(data) && "error" in data && Object.entries(data).every(([name, one]) => name === "error" || !isPresent(one));

/** Code and message of any error body, English first. */
export function explain(body: Json): Failure {
  const data = Array.isArray(body) && body.length ? (body[0] as Json) : body;
  if (!isObject(data)) {
    const text = String(data ?? "").split(/\s+/).filter(Boolean).join(" ");
    return { code: null, message: text.startsWith("<") ? null : text || null };
  }
  const levels = [data["error"], data["base_resp"], data["output"], data].filter(isObject);
  const first = (names: string[], fits: (value: Json | undefined) => boolean) => levels.flatMap((level) => names.map((name) => level[name])).find(fits) ?? null;
  const isText = (value: Json | undefined) => typeof value === "string" && value !== "";
  const code = first(CODES, (value) => typeof value === "string" || typeof value === "number") ?? first(["type"], isText);
  const detail = data["detail"];
  const other = typeof data["error"] === "string" ? data["error"] : Array.isArray(detail) ? spaced(detail) : null;
  return { code, message: (first(MESSAGES, isText) as string | null) ?? other };
}

/** JSON with a space behind each comma and colon. */
const spaced = (value: Json): string => {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${spaced(one)}`).join(", ")}}`;
};

export type Kind = "authentication" | "quota" | "permission" | "not_found" | "bad_request" | "too_large" | "rate_limit" | "server" | "no_channel" | "other";
const BY_CODE: [Kind, string][] = [
  ["authentication", "-10001 -10005 Unauthorized invalid_api_key authentication_error"],
  ["quota", "-10004 -10006 -10007 -10012 -10018 InsufficientBalance insufficient_quota"],
  ["permission", "-10002 -10013 -10014"],
  ["not_found", "-10010"],
  ["bad_request", "-10009 -10011 -10015 -10016 -10600 InvalidParameter MissingParameter"],
  ["too_large", "-10017"],
  ["rate_limit", "RateLimitExceeded rate_limit_exceeded rate_limit_error"],
  ["server", "-10003 -1024 -10504 InternalError"],
  ["no_channel", "-10008"],
];
const BY_STATUS: { [status: number]: Kind } = { 400: "bad_request", 401: "authentication", 402: "quota", 403: "permission", 404: "not_found", 413: "too_large", 422: "bad_request", 429: "rate_limit" };

export type ApiError = Failure & { kind: Kind; status: number; retry_after: number | null };
type Headers = { [name: string]: string };

export function apiError(status: number, headers: Headers, body: Json): ApiError {
  const { code, message } = explain(body);
  const known = BY_CODE.find(([, codes]) => codes.split(" ").includes(String(code)))?.[0];
  const kind = known ?? BY_STATUS[status] ?? (status >= 500 ? "server" : "other");
  return { kind, status, code, message, retry_after: retryAfter(headers) };
}

function retryAfter(headers: Headers): number | null {
  for (const [name, unit] of [["retry-after-ms", 1000], ["retry-after", 1]] as const) {
    const seconds = Number(headers[name] || "none") / unit;
    if (seconds >= 0 && Number.isFinite(seconds)) return seconds;
  }
  const time = Date.parse(headers["retry-after"]?.match(/^[A-Z][a-z]{2},/) ? headers["retry-after"] : "");
  return Number.isNaN(time) ? null : Math.max(0, (time - Date.now()) / 1000);
}

// --- repeating

export type Outcome = { connection: "refused" | "timeout" | "broken" } | ApiError;
const LONGEST_WAIT = 60;

/** Seconds before a call that failed is made again; null if it is not. `chance` is from 0 to 1. */
export function repeatAfter(outcome: Outcome, isFree: boolean, attempt: number, retries: number, chance: number): number | null {
  if (attempt >= retries || !mayRepeat(outcome, isFree)) return null;
  const asked = "kind" in outcome ? outcome.retry_after : null;
  if (asked === null) return Math.min(0.5 * 2 ** attempt, 8) * (1 - 0.25 * chance);
  return asked <= LONGEST_WAIT ? asked + 0.1 * chance : null;
}

function mayRepeat(outcome: Outcome, isFree: boolean): boolean {
  if ("connection" in outcome) return outcome.connection === "refused" || isFree;
  if (outcome.kind === "rate_limit" || outcome.kind === "no_channel") return true;
  return isFree && (outcome.kind === "server" || outcome.status === 408 || outcome.status === 425);
}

// --- streams

export type Stream = { done: Test; error?: string; text?: string; accumulate?: string; complete?: string };
export type Read = { outcome: "whole" | "cut" | "error"; events: Json[]; text: string };

/** The events of a body, however it is cut into pieces. */
export function readStream(rule: Stream, pieces: readonly Uint8Array[], isBroken: boolean): Read {
  const decoder = new TextDecoder();
  let rest = "";
  const events: Json[] = [];
  const ended = (outcome: Read["outcome"]): Read => ({ outcome, events, text: events.map((one) => textOrNull(find(rule.text, one)) ?? "").join("") });
  const take = (blocks: string[]): Read["outcome"] | null => {
    for (const block of blocks) {
      const event = eventOf(block);
      if (!event) continue;
      if (event.data === "[DONE]" || event.data === rule.done.data) return "whole";
      const value = parsed(event.data);
      if (value === undefined) continue;
      if (event.name === "error" || isErrorEvent(rule, value)) return "error";
      events.push(value);
      if (rule.done.field && holds(rule.done, value)) return "whole";
    }
    return null;
  };
  for (const piece of pieces) {
    rest += decoder.decode(piece, { stream: true });
    const held = rest.endsWith("\r") ? "\r" : ""; // its LF may yet come
    const blocks = (held ? rest.slice(0, -1) : rest).replace(/\r\n?/g, "\n").split("\n\n");
    rest = blocks.pop() + held;
    const outcome = take(blocks);
    if (outcome) return ended(outcome);
  }
  const outcome = take((rest + decoder.decode()).replace(/\r\n?/g, "\n").split("\n\n"));
  if (outcome) return ended(outcome);
  return ended(!isBroken && events.length && isComplete(rule, events) ? "whole" : "cut");
}

function eventOf(block: string): { name: string; data: string } | null {
  const lines = block.split("\n");
  const field = (name: string) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
  const data = field("data").join("\n").trim() || (lines.find((line) => line.startsWith("{")) ?? "");
  return data ? { name: field("event")[0] ?? "", data } : null;
}

function parsed(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const isErrorEvent = (rule: Stream, value: Json): boolean => isObject(value) && (isPresent(value["error"]) || value["type"] === "error" || isPresent(find(rule.error, value)));

/** Whether events without their end make a whole response: every choice that began has its finish_reason. */
function isComplete(rule: Stream, events: readonly Json[]): boolean {
  if (rule.accumulate !== "openai_chat" || !rule.complete) return false;
  const choices = new Map<Json, Values>();
  for (const choice of events.flatMap((event) => (find("choices", event) as Values[] | null) ?? [])) {
    const known = choices.get(choice["index"] ?? 0) ?? {};
    choices.set(choice["index"] ?? 0, { ...known, ...(choice["finish_reason"] ? { finish_reason: choice["finish_reason"] } : {}) });
  }
  return find(rule.complete, { choices: [...choices.values()] }) === true;
}

// --- uploads and pages

export type Upload = { address: string; finish?: string; put?: string; etag?: string; file?: string; parameters?: { [name: string]: string } };
export type Uploaded = { put?: string; key_at_put?: boolean; finish?: Values; address?: string; fails?: "first" | "put" | "last" };

/** How an upload goes on, from what its steps give. The PUT never sees the API key. */
export function upload(rule: Upload, first: Json, put: Headers | null, last: Json): Uploaded {
  if (!rule.finish) return addressed({}, rule, "first", [first]);
  const begun = begunTask({ parameters: rule.parameters ?? {} }, first);
  const url = find(rule.put, first);
  if (!begun || (rule.put && !/^https?:\/\//.test(String(url)))) return { fails: "first" };
  const made: Uploaded = rule.put ? { put: String(url), key_at_put: false } : {};
  if (rule.etag && !put?.["etag"]) return { ...made, fails: "put" };
  made.finish = { ...begun, ...(rule.etag ? { [rule.etag]: put?.["etag"] ?? null } : {}), ...(rule.file ? { [rule.file]: true } : {}) };
  return addressed(made, rule, "last", [last, first]);
}

function addressed(made: Uploaded, rule: Upload, step: "first" | "last", responses: Json[]): Uploaded {
  const address = responses.map((one) => find(rule.address, one)).find((one) => typeof one === "string");
  return typeof address === "string" ? { ...made, address } : { ...made, fails: step };
}

export type Pages = { items: string; parameter?: string; first?: number; counts?: "pages" | "items"; step?: number; size?: string; next?: { [name: string]: string }; more?: string };

/** Asks `get` for page after page, each with the parameters of its place; returns the items of each page. */
export function allPages(rule: Pages, asked: Values, get: (cursor: Values) => Json): Json[][] {
  const items: Json[][] = [];
  let before = "";
  let cursor: Values | null = rule.parameter ? { [rule.parameter]: asked[rule.parameter] ?? rule.first ?? 1 } : {};
  while (cursor) {
    const response = get(cursor);
    const page = find(rule.items, response);
    const found = Array.isArray(page) ? page : [];
    if ((rule.parameter && !found.length) || JSON.stringify(found) === before) break;
    before = JSON.stringify(found);
    items.push(found);
    cursor = following(rule, asked, cursor, response, found.length);
  }
  return items;
}

function following(rule: Pages, asked: Values, cursor: Values, response: Json, count: number): Values | null {
  if (rule.more && [false, 0, "false"].includes(find(rule.more, response) as never)) return null;
  const next: Values = {};
  for (const [name, path] of Object.entries(rule.next ?? {})) {
    const value = find(path, response);
    if (value !== null && value !== "") next[name] = value;
  }
  if (rule.parameter) {
    const step = rule.counts === "items" ? Number((rule.size && asked[rule.size]) || rule.step || count) : 1;
    next[rule.parameter] = Number(cursor[rule.parameter]) + step;
  }
  return Object.keys(next).length ? { ...cursor, ...next } : null;
}
