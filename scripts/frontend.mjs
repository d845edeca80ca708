// Builds the browser's half into target/site, without cargo-leptos (compiling that takes 20 minutes):
// cargo → wasm-bindgen → wasm-opt, sass → CSS, public/ copied, hashed names, everything compressed beside itself.
//
//   node scripts/frontend.mjs         release
//   node scripts/frontend.mjs --dev   quick: the dev profile, no wasm-opt, light compression
//
// What the server wants to find (leptos 0.8, `hash-files = true`): target/site/pkg/roost.<hash>.{js,wasm,css}, and beside
// its own executable a hash.txt with lines `js: <hash>`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { transform as cssTransform, build as bundle } from "esbuild";
import * as sass from "sass";

const dev = process.argv.includes("--dev");
const site = "target/site";
const pkg = `${site}/pkg`;
const work = `target/frontend/${dev ? "dev" : "release"}`;
// `deps` is where `cargo test` runs the server's code from.
const executables = ["target/release", "target/debug", "target/debug/deps"];

const say = (text) => console.error(`roost: ${text}`);
/** Runs a program; its own words on stderr say best why it failed, so no trace of ours follows them. */
function run(program, ...args) {
  const { status } = spawnSync(program, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
const hash = (...parts) => {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part).update("\0");
  return sum.digest("hex").slice(0, 16);
};
const filesIn = (folder) =>
  !fs.existsSync(folder)
    ? []
    : fs.readdirSync(folder, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
        .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
        .sort();

/** Writes `to` whole or not at all: a server may be reading there. Says nothing when it is there already. */
function put(to, content) {
  if (fs.existsSync(to) && fs.readFileSync(to).equals(Buffer.from(content))) return;
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const unfinished = `${to}.${process.pid}.part`;
  fs.writeFileSync(unfinished, content);
  fs.renameSync(unfinished, to);
}

/** Cargo.toml says once, for cargo-leptos and for us, what wasm-opt is called with. */
function wasmOptFlags() {
  const list = /^wasm-opt-features\s*=\s*(\[[^\]]*\])/m.exec(fs.readFileSync("Cargo.toml", "utf8"));
  if (!list) throw new Error("Cargo.toml has no wasm-opt-features");
  return JSON.parse(list[1]);
}

/** Cargo knows best whether anything changed; the slow rest is done when its file is another one. */
async function wasmAndScript() {
  const profile = dev ? [] : ["--profile", "wasm-release"];
  const quiet = dev ? ["--config", "profile.dev.debug=false", "--config", "profile.dev.opt-level=1"] : [];
  // Not the target folder's own `debug`: these settings of the dev profile would throw out the server's.
  const target = dev ? "target/frontend/cargo" : "target";
  run("cargo", "build", "-p", "frontend", "--target", "wasm32-unknown-unknown", "--target-dir", target, ...profile, ...quiet);
  const compiled = `${target}/wasm32-unknown-unknown/${dev ? "debug" : "wasm-release"}/frontend.wasm`;

  const flags = dev ? [] : wasmOptFlags();
  const tools = fs.readFileSync("package-lock.json");
  const key = hash(fs.readFileSync(compiled), JSON.stringify(flags), tools, fs.readFileSync("scripts/frontend.mjs"));
  const [wasm, script] = [`${work}/roost.wasm`, `${work}/roost.js`];
  if (!fs.existsSync(`${work}/key`) || fs.readFileSync(`${work}/key`, "utf8") !== key) {
    fs.rmSync(work, { recursive: true, force: true });
    fs.mkdirSync(work, { recursive: true });
    say("wasm-bindgen");
    // The producers section goes; target_features stays, for wasm-opt reads there what the code may use.
    const bindgen = ["--target", "web", "--no-typescript", "--out-name", "roost", "--out-dir", `${work}/bound`];
    const shorter = dev ? [] : ["--remove-name-section", "--remove-producers-section"];
    run(".tools/bin/wasm-bindgen", ...bindgen, ...shorter, compiled);
    if (dev) {
      fs.copyFileSync(`${work}/bound/roost_bg.wasm`, wasm);
    } else {
      say("wasm-opt (usually 10 s)");
      run("node_modules/.bin/wasm-opt", ...flags, `${work}/bound/roost_bg.wasm`, "-o", wasm);
    }
    // Bundled, so that the snippets which crates bring are inside and need no address of their own.
    await bundle({
      entryPoints: [`${work}/bound/roost.js`], outfile: script, bundle: true, format: "esm", minify: !dev, target: "es2022",
      legalComments: "none", logLevel: "warning",
    });
    fs.writeFileSync(`${work}/key`, key);
  }
  return { wasm: fs.readFileSync(wasm), js: fs.readFileSync(script) };
}

async function styles() {
  if (!fs.existsSync("style/main.scss")) return "";
  const { css } = sass.compile("style/main.scss", { style: dev ? "expanded" : "compressed" });
  if (dev) return css;
  return (await cssTransform(css, { loader: "css", minify: true, legalComments: "none" })).code;
}

const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

/** Puts `.br` and `.gz` beside a file of text or wasm, where they are smaller. Newer than the file means done. */
async function compressed(file) {
  if (!/\.(wasm|js|mjs|css|html|json|svg|txt|webmanifest|xml|map)$/.test(file)) return [];
  const content = fs.readFileSync(file);
  const written = fs.statSync(file).mtimeMs;
  const quality = dev ? 4 : 11;
  const made = [];
  for (const [ending, squeeze] of [
    [".br", () => brotli(content, { params: {
      [zlib.constants.BROTLI_PARAM_QUALITY]: quality,
      [zlib.constants.BROTLI_PARAM_SIZE_HINT]: content.length,
      [zlib.constants.BROTLI_PARAM_LGWIN]: 22,
    } })],
    [".gz", () => gzip(content, { level: dev ? 4 : 9 })],
  ]) {
    const beside = file + ending;
    const isDone = fs.existsSync(beside) && fs.statSync(beside).mtimeMs >= written;
    if (!isDone) {
      const result = await squeeze();
      if (result.length >= content.length) continue;
      put(beside, result);
      fs.utimesSync(beside, new Date(), new Date());
    }
    made.push(beside);
  }
  return made;
}

/** Copies public/ to the root of the site; gives the paths that belong there. */
function copyPublic() {
  return filesIn("public").map((name) => {
    put(path.join(site, name), fs.readFileSync(path.join("public", name)));
    return path.join(site, name);
  });
}

const built = await wasmAndScript();
built.css = await styles();

const hashes = Object.fromEntries(Object.entries(built).map(([kind, content]) => [kind, hash(content)]));
const kept = new Set(copyPublic());
for (const [kind, content] of Object.entries(built)) {
  const file = `${pkg}/roost.${hashes[kind]}.${kind}`;
  put(file, content);
  kept.add(file);
}
for (const file of [...kept]) for (const beside of await compressed(file)) kept.add(beside);

// The names change hands at once; only then what no page asks for any more goes.
const list = Object.entries(hashes).map(([kind, value]) => `${kind}: ${value}\n`).join("");
for (const folder of executables) put(path.join(folder, "hash.txt"), list);
for (const name of filesIn(site)) {
  const file = path.join(site, name);
  if (!kept.has(file)) fs.rmSync(file);
}
say(`front end: ${Object.entries(hashes).map(([kind, value]) => `roost.${value}.${kind}`).join(", ")}`);
