// The time that the parser of messages takes in the browser. It is compiled alone (markup/timing) with the settings of the front
// end, and parses the slowest sources that the tests know, and mixtures of them, each as long as a message may be.
import fs from "node:fs";
import path from "node:path";

import { test } from "../fixtures";
import { SLOWDOWN, devtools, slow } from "./probe";
import { median, publish, quiet, told } from "./report";

const wasm = path.resolve(__dirname, "../../target/feel/markup.wasm");
/** The sources that seem the slowest are measured again, for longer: the throttle stops the processor for milliseconds at a time. */
const SLOWEST = 20;
const TRIES = 9;
const LONG_MS = 100;

interface Time {
  source: string;
  nodes: number;
  tries: number[];
}

test("parse", async ({ browser }) => {
  const page = await browser.newPage();
  await page.goto("about:blank");
  const session = await devtools(page);
  const others = await quiet();
  await slow(session);
  const { count, slowest } = await page.evaluate(async ([code, most, tries, long_ms]) => {
    const { instance } = await WebAssembly.instantiate(Uint8Array.from(atob(code), (char) => char.charCodeAt(0)));
    const { memory, prepare, parse, address, bytes } = instance.exports as Record<string, any>;
    const took = (n: number, times: number): number => {
      const begun = performance.now();
      parse(n, times);
      return (performance.now() - begun) / times;
    };
    const count: number = prepare();
    const all = Array.from({ length: count }, (_, n) => n);
    // The first calls compile the code.
    for (const n of all) parse(n, 1);
    const quickly = all.map((n) => Math.min(...Array.from({ length: tries }, () => took(n, 5))));
    const chosen = all.sort((a, b) => quickly[b] - quickly[a]).slice(0, most);
    const slowest: Time[] = chosen.map((n) => {
      const times = Math.ceil(long_ms / quickly[n]);
      const source = new TextDecoder().decode(new Uint8Array(memory.buffer, address(n), bytes(n)));
      return { source, nodes: parse(n, 1), tries: Array.from({ length: tries }, () => took(n, times)) };
    });
    return { count, slowest };
  }, [fs.readFileSync(wasm).toString("base64"), SLOWEST, TRIES, LONG_MS] as const);
  slowest.sort((a, b) => median(b.tries) - median(a.tries));
  const part = `Parsing the slowest messages of 4,000 characters, ${SLOWDOWN}× slower processor`;
  told(part, `the slowest of ${count}`, "ms", slowest[0].tries, { max: 2 }, { others, detail: slowest });
  publish({ browser: `Chromium ${browser.version()}`, slowdown: SLOWDOWN, tries: TRIES });
});
