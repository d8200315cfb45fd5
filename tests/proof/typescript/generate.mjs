// node generate.mjs openapi-3.1.yaml src/api302.d.ts: the types of the whole API.
import { writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const [document, target] = process.argv.slice(2);
const blob = ts.factory.createTypeReferenceNode("Blob");
const text = ts.factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword);

const types = await openapiTS(pathToFileURL(document), {
  // A field that the server has a default for may be left out.
  defaultNonNullable: false,
  // KlingTask beside components["schemas"]["KlingTask"].
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
  // Bytes are a Blob, not a string (openapi-typescript's documentation has this recipe). x-file tells where an address will do as well.
  transform(schema) {
    if (schema.format !== "binary") return undefined;
    return schema["x-file"]?.some((form) => form !== "part") ? ts.factory.createUnionTypeNode([blob, text]) : blob;
  },
});
await writeFile(target, astToString(types));
