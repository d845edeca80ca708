// Prints the failed tests of a report by Playwright, each with the beginning of its error: node scripts/failed-tests.mjs REPORT
import { readFileSync } from "node:fs";

/** Lines of one error. */
const LINES = 9;

const { suites } = JSON.parse(readFileSync(process.argv[2], "utf8"));

function* all({ specs = [], suites = [] }) {
  yield* specs;
  for (const suite of suites) yield* all(suite);
}

for (const suite of suites) {
  for (const { ok, file, line, title, tests } of all(suite)) {
    if (ok) continue;
    const result = tests.flatMap(({ results }) => results).findLast(({ errors }) => errors.length);
    // What did not run because another test failed says nothing.
    if (!result) continue;
    console.log(`✗ ${file}:${line} ${title} (${Math.round(result.duration / 1000)} s, worker ${result.workerIndex}, from ${result.startTime})`);
    for (const { message, location } of result.errors) {
      const text = (message ?? "").replaceAll(/\u001b\[[0-9;]*m/g, "").split("\n").filter((line) => line.trim());
      console.log([...text.slice(0, LINES), location && `at ${location.file.split("/").at(-1)}:${location.line}`].filter(Boolean)
        .map((line) => `    ${line}`).join("\n"));
    }
  }
}
