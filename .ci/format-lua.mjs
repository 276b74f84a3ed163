// Formats Lua files with StyLua, whose npm package is a library without a command.
//   node .ci/format-lua.mjs [--write] FILE…
// Without --write it names the files that are not formatted and exits with status 1.

import { readFileSync, writeFileSync } from "node:fs";
import { argv, exit, stderr } from "node:process";
import {
  CollapseSimpleStatement,
  Config,
  formatCode,
  IndentType,
  LuaVersion,
  OutputVerification,
  QuoteStyle,
} from "@johnnymorganz/stylua";

// One for each call: `formatCode` frees it.
function style() {
  const config = Config.new();
  config.syntax = LuaVersion.Lua51; // what Redis runs
  config.column_width = 118; // as .luacheckrc
  config.indent_type = IndentType.Spaces;
  config.indent_width = 2;
  config.quote_style = QuoteStyle.AutoPreferSingle;
  config.collapse_simple_statement = CollapseSimpleStatement.Always;
  return config;
}

const write = argv.includes("--write");
const unformatted = [];
for (const file of argv.slice(2).filter((name) => name !== "--write")) {
  const code = readFileSync(file, "utf8");
  const formatted = formatCode(code, style(), undefined, OutputVerification.Full);
  if (formatted === code) {
    continue;
  }
  if (write) {
    writeFileSync(file, formatted);
  } else {
    unformatted.push(file);
  }
}
if (unformatted.length > 0) {
  stderr.write(`Not formatted (make format-lua does it): ${unformatted.join(", ")}\n`);
  exit(1);
}
