// Reads an AsyncAPI document and prints what is wrong with it, a JSON array of {place, message, isFatal}.
import { readFileSync } from "node:fs";
import asyncapi from "@asyncapi/parser";

const text = readFileSync(process.argv[2], "utf-8");
const { document, diagnostics } = await new asyncapi.Parser().parse(text);
const faults = diagnostics
  .filter(({ severity }) => severity <= 1) // errors and warnings; a newer version of AsyncAPI is none
  .map(({ path, message }) => ({ place: path.join("/"), message }));
if (!document && faults.length === 0) {
  faults.push({ place: "", message: "it cannot be read" });
}
process.stdout.write(JSON.stringify(faults));
