// Makes the TypeScript types of the messages from the JSON Schema that Rust prints (`cargo xtask messages`).
import { writeFileSync } from "node:fs";
import { compileFromFile } from "json-schema-to-typescript";

const here = new URL("../src/core/", import.meta.url);
const types = await compileFromFile(new URL("messages.schema.json", here).pathname, {
  additionalProperties: false,
  unknownAny: true,
  bannerComment: "// Made from messages.schema.json by `cargo xtask messages`; not edited by hand.",
});
writeFileSync(new URL("messages.ts", here), types);
