// Loads a page as a browser does that has nothing yet: the HTML and every file of ours that its head names, counted raw
// and as brotli. Fails above the budget.   node scripts/size.mjs URL
import zlib from "node:zlib";

const budget_bytes = 350_000;
const url = process.argv[2];

const get = async (address) => {
  const response = await fetch(address, { headers: { "accept-encoding": "br" } });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  // fetch has undone the compression already; what travelled is worked out again, at the quality that the files have.
  const content = Buffer.from(await response.arrayBuffer());
  const wasCompressed = response.headers.get("content-encoding") === "br";
  return { address: response.url, content, wasCompressed };
};
const brotli = (content) => zlib.brotliCompressSync(content, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 11 } }).length;

const page = await get(url);
const html = page.content.toString();
const linked = new Set();
for (const [tag] of html.matchAll(/<(?:link|script)\b[^>]*>/g)) {
  const address = /\b(?:href|src)="?([^"\s>]+)/.exec(tag)?.[1];
  const isLoaded = tag.startsWith("<script") || /\brel="?(?:stylesheet|modulepreload|preload)/.test(tag);
  if (address && isLoaded) linked.add(new URL(address, page.address).href);
}

const files = [page, ...(await Promise.all([...linked].map(get)))];
const sum = { raw: 0, br: 0 };
const line = (name, raw, br, note = "") => console.log(`${name.padEnd(40)}${String(raw).padStart(10)}${String(br).padStart(10)}  ${note}`);
line("first load, bytes", "raw", "brotli");
for (const { address, content, wasCompressed } of files) {
  // Tiny files stay as they are.
  const br = Math.min(brotli(content), content.length);
  const note = wasCompressed || br > content.length * 0.9 || content.length < 2000 || content === page.content ? "" : "sent uncompressed!";
  line(new URL(address).pathname, content.length, br, note);
  sum.raw += content.length;
  sum.br += br;
}
line("sum", sum.raw, sum.br);
const names = [...linked].join(" ");
for (const ending of [".wasm", ".js", ".css"]) {
  if (!names.includes(ending)) throw new Error(`the page does not name its ${ending} file; has its head changed?`);
}
if (sum.br > budget_bytes) {
  console.error(`roost: the first load is ${sum.br} bytes of brotli; the budget is ${budget_bytes}`);
  process.exit(1);
}
console.log(`within the budget of ${budget_bytes}`);
