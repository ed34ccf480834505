// Reads a JSON list of queries, and prints the list of those that have a syntax error.
//
//   node queries.mjs traceql|logql
import { readFileSync } from 'node:fs';

const { parser } = await import(`@grafana/lezer-${process.argv[2]}`);
const wrong = JSON.parse(readFileSync(0, 'utf8')).filter((query) => {
  let errors = 0;
  parser.parse(query).iterate({ enter: (node) => void (errors += node.type.isError ? 1 : 0) });
  return errors > 0;
});
console.log(JSON.stringify(wrong));
