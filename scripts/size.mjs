// Loads a room's page like a browser with an empty cache: the HTML and every file that its head refers to, counted
// raw and as brotli. That is *main*: everything needed to read, write and switch rooms. Then the chunks, which load
// on demand or when the browser is idle. Fails above the budgets. The server must have an empty database: the first
// account is created there.
//
//   node scripts/size.mjs URL hash.txt
import fs from "node:fs";
import zlib from "node:zlib";

/**
 * What a browser loads to show a room: 250 kB, plus 16 for formatted messages, 12 for mentions, replies, links to messages,
 * writing aids, and saved and scheduled messages, 14 for threads, 3 for edit histories and profile cards, and 18 for polls, search, forwarding,
 * marking unread, user groups and thread mends, 4 for shared drafts, and 15 for files; imports without hashes saved 5 (docs/decisions/browser.md).
 */
const mainMax = 329_000;
/**
 * One part with the code it shares with others: the download if it is needed before the browser was idle. With seven
 * parts more is shared: `details` and `dialogs` grew from 58 to 67 kB without new content, and with eight by another 2 kB. `details` also
 * has the dialogs of polls.
 */
const chunkMax = 86_000;
/** A library that a message needs, such as KaTeX. */
const scriptMax = 50_000;
/** All wasm, JavaScript and CSS. */
const allMax = 770_000;
const [url, hashFile] = process.argv.slice(2);

let cookie = "";
const get = async (address) => {
  const response = await fetch(address, { headers: { "accept-encoding": "br", cookie } });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  // fetch has already decompressed it, so the transferred size is computed again, at the quality of the files.
  const content = Buffer.from(await response.arrayBuffer());
  const wasCompressed = response.headers.get("content-encoding") === "br";
  return { address: response.url, content, wasCompressed };
};
/** Files have the highest quality, the page the one in `server/src/http/page.rs`. */
const [fileQuality, pageQuality] = [11, 5];
const brotli = (content, quality = fileQuality) =>
  zlib.brotliCompressSync(content, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: quality } }).length;

/** Submits a form and keeps the cookies, like a browser. Returns the redirect's address. */
async function fill(form, fields) {
  const response = await fetch(new URL(form, url), {
    method: "POST", redirect: "manual", headers: { origin: new URL(url).origin, cookie }, body: new URLSearchParams(fields),
  });
  if (response.status !== 303) throw new Error(`${form}: ${response.status}`);
  const set = response.headers.getSetCookie().map((line) => line.split(";")[0]);
  cookie = [...cookie.split("; ").filter(Boolean), ...set].join("; ");
  return response.headers.get("location");
}
await fill("/sign-up", { name: "Ada Ferreira", handle: "ada", password: "four small wooden boats" });
await fill("/set-up", { place: "Harbour Studio", channel: "general" });
const lobby = (await get(url)).content.toString();
const room = /href="?(\/r\/[0-9a-f-]+)/.exec(lobby)?.[1];
if (!room) throw new Error("there is no room; has the set-up changed?");

// A typical room, with messages. An empty one, and the first steps of a new workspace, need a chunk.
await fill(`${room}/messages`, { nonce: crypto.randomUUID(), body: "Good morning from the harbour." });
cookie += "; steps=hidden";
const page = await get(new URL(room, url).href);
const html = page.content.toString();
const linked = new Set();
for (const [tag] of html.matchAll(/<(?:link|script)\b[^>]*>/g)) {
  const address = /\b(?:href|src)="?([^"\s>]+)/.exec(tag)?.[1];
  const isLoaded = tag.startsWith("<script") || /\brel="?(?:stylesheet|modulepreload|preload)/.test(tag);
  if (address && isLoaded) linked.add(new URL(address, page.address).href);
}

const line = (name, raw, br, note = "") => console.log(`${name.padEnd(40)}${String(raw).padStart(10)}${String(br).padStart(10)}  ${note}`);
/** Prints one file as a line. Returns its size. */
function weigh({ address, content, wasCompressed }) {
  // Tiny files stay as they are.
  const br = Math.min(brotli(content, content === page.content ? pageQuality : fileQuality), content.length);
  const note = wasCompressed || br > content.length * 0.9 || content.length < 2000 || content === page.content ? "" : "sent uncompressed!";
  const name = new URL(address).pathname;
  line(name, content.length, br, note);
  return { name, raw: content.length, br };
}
const total = (files, kind) => files.reduce((sum, file) => sum + file[kind], 0);
const failures = [];
function within(what, bytes, max) {
  if (bytes > max) failures.push(`${what}: ${bytes} bytes of brotli; the budget is ${max}`);
}

line("main, bytes", "raw", "brotli");
const first = [page, ...(await Promise.all([...linked].map(get)))].map(weigh);
line("sum", total(first, "raw"), total(first, "br"));
const names = [...linked].join(" ");
for (const ending of [".wasm", ".js"]) {
  if (!names.includes(ending)) throw new Error(`the page does not name its ${ending} file; has its head changed?`);
}
if (!html.includes("<style")) throw new Error("the page does not carry its style sheet; has its head changed?");
within("main", total(first, "br"), mainMax);

// `part details: FILE FILE`: see scripts/frontend.mjs.
const list = fs.readFileSync(hashFile, "utf8");
const style = /^style later: (.*)$/m.exec(list)?.[1];
// Everything except the doors needs a style sheet, which loads with the first chunk.
const parts = [...list.matchAll(/^part (\w+): (.*)$/gm)]
  .map(([, part, files]) => [part, [...files.split(" "), ...(part === "doors" ? [] : [style])]]);
if (parts.length === 0) throw new Error(`${hashFile} names no chunks; is the front end built?`);
console.log();
line("chunks, later", "raw", "brotli");
const folder = [...linked].find((address) => address.endsWith(".wasm"));
const chunks = (await Promise.all([...new Set(parts.flatMap(([, files]) => files))].map((file) => get(new URL(file, folder))))).map(weigh);
for (const [part, files] of parts) {
  const own = chunks.filter(({ name }) => files.some((file) => name.endsWith(`/${file}`)));
  line(`${part}, with what it shares`, total(own, "raw"), total(own, "br"));
  within(part, total(own, "br"), chunkMax);
}
console.log();
const css = [...list.matchAll(/^(?:css: (.*)|style (?:room|door): (.*))$/gm)].map(([, whole, file]) => file ?? `roost.${whole}.css`);
// What a message needs: the colours of code, formulas.
const scripts = [...list.matchAll(/^script \w+: (.*)$/gm)].map(([, file]) => file);
const lazy = (await Promise.all(scripts.map((file) => get(new URL(file, folder))))).map(weigh);
for (const { name, br } of lazy) within(name, br, scriptMax);
console.log();
const sheets = (await Promise.all(css.map((file) => get(new URL(file, folder))))).map(weigh);
const all = [...first.filter(({ name }) => /\.(wasm|js)$/.test(name)), ...chunks, ...lazy, ...sheets];
line("all wasm, JavaScript, CSS", total(all, "raw"), total(all, "br"));
within("all wasm, JavaScript and CSS", total(all, "br"), allMax);

for (const failure of failures) console.error(`roost: ${failure}`);
if (failures.length > 0) process.exit(1);
console.log(`within the budgets: main ${mainMax}, each chunk ${chunkMax}, each library ${scriptMax}, all ${allMax}`);
