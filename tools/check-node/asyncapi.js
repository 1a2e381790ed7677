#!/usr/bin/env node
// Is FILE a valid AsyncAPI document? Asks AsyncAPI's own parser, which `make setup` puts into .deps/node.
//
//     node tools/check-node/asyncapi.js proto/asyncapi.yaml
//
// Prints each error and warning with its place. Exit code 0: valid; 1: errors; 2: cannot tell.
'use strict';

const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const SEVERITY = ['error', 'warning', 'info', 'hint'];

function loadParser() {
  const installed = path.resolve(__dirname, '../../.deps/node/package.json');
  return new (createRequire(installed)('@asyncapi/parser').Parser)();
}

async function check(file) {
  const text = fs.readFileSync(file, 'utf8');
  const { document, diagnostics } = await loadParser().parse(text, { source: path.resolve(file) });
  for (const { severity, range, path: pointer, message } of diagnostics) {
    if (severity <= 1) {
      console.error(`${file}:${range.start.line + 1}: ${SEVERITY[severity]}: ${pointer.join('/')}: ${message}`);
    }
  }
  const errors = diagnostics.filter((d) => d.severity === 0).length;
  if (document === undefined || errors > 0) {
    return 1;
  }
  const operations = document.operations().all().length;
  console.log(`${file}: valid AsyncAPI ${document.version()}, ${operations} operations`);
  return 0;
}

if (process.argv.length !== 3) {
  console.error('usage: asyncapi.js FILE');
  process.exit(2);
}
check(process.argv[2]).then(
  (code) => process.exit(code),
  (error) => {
    console.error(`asyncapi.js: ${error.message}`);
    process.exit(2);
  }
);
