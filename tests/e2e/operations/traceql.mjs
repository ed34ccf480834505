// Reads a JSON list of TraceQL queries, and prints the list of those that have a syntax error.
import { readFileSync } from 'node:fs';
import { parser } from '@grafana/lezer-traceql';

const wrong = JSON.parse(readFileSync(0, 'utf8')).filter((query) => {
  let errors = 0;
  parser.parse(query).iterate({ enter: (node) => void (errors += node.type.isError ? 1 : 0) });
  return errors > 0;
});
console.log(JSON.stringify(wrong));
