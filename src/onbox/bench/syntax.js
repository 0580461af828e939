// Which of the named files cannot be parsed, and which this node cannot parse at all: JSON on standard output.
// Nothing is run: a script is compiled, a module is not even linked.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");
const { stripTypeScriptTypes } = require("node:module");

const HEAD = "(function (exports, require, module, __filename, __dirname) {\n";
const asScript = (text) => new vm.Script(`${HEAD}${text.replace(/^#!/, "//")}\n})`);
const asModule = (text) => new vm.SourceTextModule(text);
const asEither = (text) => {
  try {
    asScript(text);
  } catch {
    asModule(text);
  }
};
const FORMS = { c: asScript, m: asModule };

// [, form, language] of a name that is no JSX.
const kind = (name) => /\.([cm]?)(js|ts)$/.exec(name);

function parse(name) {
  const [, form, language] = kind(name);
  const text = fs.readFileSync(name, "utf8");
  // Types are taken out by a whole parser; what is left may hold decorators, which no script may.
  if (language === "ts") stripTypeScriptTypes(text, { mode: "transform" });
  else (FORMS[form] ?? asEither)(text);
}

const said = { broken: [], unread: [] };
for (const name of process.argv.slice(2)) {
  if (!kind(name) || (name.endsWith("ts") && stripTypeScriptTypes === undefined)) {
    said.unread.push(name);
    continue;
  }
  try {
    parse(name);
  } catch (error) {
    const known = error instanceof SyntaxError && error.code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX";
    (known ? said.broken : said.unread).push(name);
  }
}
process.stdout.write(JSON.stringify(said));
