// Builds the front end into target/site, without cargo-leptos (which takes 20 minutes to compile):
// cargo → roost-wasm (tools/wasm: splits and binds) → wasm-opt; sass → CSS; public/ copied; hashed names; compressed
// copies of all files.
//
//   node scripts/frontend.mjs         release
//   node scripts/frontend.mjs --dev   quick: the dev profile, no wasm-opt, light compression
//
// The server (leptos 0.8, `hash-files = true`) expects target/site/pkg/roost.<hash>.{js,wasm,css}, and next to its
// executable a hash.txt with lines like `js: <hash>`. We add lines `part details: <file> <file>`, the chunks of each
// part of app/src/later.rs, `style room: <file>`, the style sheets besides the complete one, and `script languages: <file>`, the
// scripts that load when a message needs them. Leptos ignores them; app/src/shell.rs and scripts/size.mjs read them.
//
// Files of earlier builds stay for some days, because open pages request the chunks of their own build.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
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
const builds = "target/frontend/builds.json";
// Open pages normally fetch their chunks early, when idle. This is for those that could not, and for rolling
// upgrades. A build takes about 3 MB with its compressed files.
const earlierDaysMax = 7;
const earlierBuildsMax = 10;
// `cargo test` runs the server's code from `deps`.
const executables = ["target/release", "target/debug", "target/debug/deps"];

/** In frontend/, loaded with every page. They contain the names of their `lazyScript`s. */
const scripts = ["code.js", "files.js", "formulas.js"];

const say = (text) => console.error(`roost: ${text}`);
/** Runs a program. Its own output on stderr explains a failure best, so no stack trace follows. */
function run(program, ...args) {
  const { status } = spawnSync(program, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
/** The same, beside others. */
async function runAside(program, ...args) {
  const [status] = await once(spawn(program, args, { stdio: "inherit" }), "exit");
  if (status !== 0) process.exit(status ?? 1);
}
/**
 * wasm-bindgen ends the name of each import with a hash of 16 digits, which do not compress, in the module and again in
 * the script. A number of the same length serves as well: the names only have to differ from each other. Saves
 * 5.6 kB of 300 imports.
 */
function numberImports(bound) {
  const isWasm = (name) => name.endsWith(".wasm");
  const files = fs.readdirSync(bound).filter((name) => name === "roost.js" || isWasm(name));
  const named = /(__wbg_\w*?_|__wbindgen_cast_)([0-9a-f]{16})(?![0-9a-f])/g;
  const numbers = new Map();
  const used = new Map();
  const number = (name, stem) => {
    if (!numbers.has(name)) {
      numbers.set(name, used.get(stem) ?? 0);
      used.set(stem, numbers.get(name) + 1);
    }
    return stem + String(numbers.get(name)).padStart(16, "0");
  };
  // The script has every name, so it decides the numbers.
  for (const file of files.sort((a, b) => isWasm(a) - isWasm(b))) {
    const text = fs.readFileSync(`${bound}/${file}`).toString("latin1");
    fs.writeFileSync(`${bound}/${file}`, Buffer.from(text.replace(named, number), "latin1"));
  }
  if (numbers.size < 100) throw new Error("the imports of the module have other names than expected; has wasm-bindgen changed?");
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

/** Writes `to` atomically, because a server may be reading it. Silent if it exists already. */
function put(to, content) {
  if (fs.existsSync(to) && fs.readFileSync(to).equals(Buffer.from(content))) return;
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const unfinished = `${to}.${process.pid}.part`;
  fs.writeFileSync(unfinished, content);
  fs.renameSync(unfinished, to);
}

/** Cargo.toml holds the wasm-opt features, for cargo-leptos and for us. */
function wasmOptFlags() {
  const list = /^wasm-opt-features\s*=\s*(\[[^\]]*\])/m.exec(fs.readFileSync("Cargo.toml", "utf8"));
  if (!list) throw new Error("Cargo.toml has no wasm-opt-features");
  return JSON.parse(list[1]);
}

/** Cargo decides whether anything changed; the slow remaining steps run only if its output changed. */
async function wasmAndScript(later, lazy) {
  const profile = dev ? [] : ["--profile", "wasm-release"];
  const quiet = dev ? ["--config", "profile.dev.debug=false", "--config", "profile.dev.opt-level=1"] : [];
  // Not in the target folder's own `debug`: these dev profile settings would evict the server's build.
  const target = dev ? "target/frontend/cargo" : "target";
  // The relocations say which function uses which. Only the last crate is linked with them: use `cargo rustc`,
  // because RUSTFLAGS would rebuild every crate.
  run("cargo", "rustc", "-p", "frontend", "--lib", "--target", "wasm32-unknown-unknown", "--target-dir", target,
    ...profile, ...quiet, "--", "-Clink-args=--emit-relocs");
  const compiled = `${target}/wasm32-unknown-unknown/${dev ? "debug" : "wasm-release"}/frontend.wasm`;

  const flags = dev ? [] : wasmOptFlags();
  const tools = ["package-lock.json", "tools/wasm/Cargo.lock", "tools/wasm/src/main.rs", "scripts/frontend.mjs"];
  const key = hash(fs.readFileSync(compiled), JSON.stringify(flags), later, JSON.stringify(lazy), ...scripts.map((file) => fs.readFileSync(`frontend/${file}`)), ...tools.map((file) => fs.readFileSync(file)));
  const [wasm, script, bound] = [`${work}/roost.wasm`, `${work}/roost.js`, `${work}/bound`];
  if (!fs.existsSync(`${work}/key`) || fs.readFileSync(`${work}/key`, "utf8") !== key) {
    fs.rmSync(work, { recursive: true, force: true });
    fs.mkdirSync(`${work}/chunks`, { recursive: true });
    say("wasm: splitting and binding");
    run(".tools/bin/roost-wasm", ...(dev ? ["--dev"] : []), compiled, bound);
    if (!dev) numberImports(bound);
    const parts = JSON.parse(fs.readFileSync(`${bound}/parts.json`, "utf8"));
    if (!dev) say("wasm-opt (usually 10 s)");
    const optimise = async (from, to, ...more) => {
      if (dev) fs.copyFileSync(from, to);
      else await runAside("node_modules/.bin/wasm-opt", ...flags, ...more, from, "-o", to);
    };
    // Functions with the same name are similar. Placed next to each other they compress better, by 4 kB,
    // independently of the compiler's order.
    const main = optimise(`${bound}/roost_bg.wasm`, wasm, "--reorder-functions-by-name");
    // A chunk only fits its own build. The script contains the hashed names of its chunks, so a page requests those
    // of its own build, and a script that refers to other chunks gets another name.
    let loader = fs.readFileSync(`${bound}/__wasm_split.js`, "utf8");
    const hashed = {};
    const names = [...new Set(Object.values(parts).flat())];
    // Most chunks are small, so starting wasm-opt is most of the time. Two run at a time.
    const waiting = [...names];
    const worker = async () => {
      for (let name = waiting.shift(); name; name = waiting.shift()) await optimise(`${bound}/${name}`, `${work}/${name}`);
    };
    await Promise.all([main.then(worker), worker()]);
    for (const name of names) {
      const optimised = `${work}/${name}`;
      hashed[name] = `${name.replace(/^split_/, "").replace(/\.wasm$/, "")}.${hash(fs.readFileSync(optimised))}.wasm`;
      fs.renameSync(optimised, `${work}/chunks/${hashed[name]}`);
      if (!loader.includes(`"./${name}"`)) throw new Error(`__wasm_split.js does not load ${name}`);
      loader = loader.replaceAll(`"./${name}"`, `"./${hashed[name]}"`);
    }
    fs.writeFileSync(`${bound}/__wasm_split.js`, withStyles(loader, later));
    const named = Object.entries(parts).map(([part, files]) => [part, files.map((name) => hashed[name])]);
    fs.writeFileSync(`${work}/parts.json`, JSON.stringify(named));
    for (const file of scripts) {
      const withNames = Object.entries(lazy).reduce((text, [name, to]) => text.replace(name.toUpperCase(), to), fs.readFileSync(`frontend/${file}`, "utf8"));
      fs.writeFileSync(`${bound}/${file}`, withNames);
    }
    const imports = scripts.map((file) => `import "./${file}";\n`).join("");
    fs.writeFileSync(`${bound}/entry.js`, `${imports}export * from "./roost.js";\nexport { default } from "./roost.js";\n`);
    // Bundled, so that the chunk loader and the snippets of crates are included and need no addresses of their own.
    await bundle({
      entryPoints: [`${bound}/entry.js`], outfile: script, bundle: true, format: "esm", minify: !dev, target: "es2022",
      // In a dev build the loader declares the same name twice.
      legalComments: "none", logLevel: "warning", logOverride: { "duplicate-object-key": "silent" },
    });
    fs.writeFileSync(`${work}/key`, key);
  }
  const parts = JSON.parse(fs.readFileSync(`${work}/parts.json`, "utf8"));
  const chunks = filesIn(`${work}/chunks`).map((name) => [name, fs.readFileSync(`${work}/chunks/${name}`)]);
  return { built: { wasm: fs.readFileSync(wasm), js: fs.readFileSync(script) }, chunks, parts };
}

/** A script that a page fetches when it needs the library in it. */
async function lazyScript(name, library) {
  const { outputFiles } = await bundle({
    entryPoints: [`frontend/${name}.js`], write: false, bundle: true, format: "esm", minify: !dev, target: "es2022",
    // Distributing it requires its licence.
    legalComments: "inline", banner: { js: `/*! ${library}\n${fs.readFileSync(`node_modules/${library}/LICENSE`, "utf8")}*/` },
    define: { __VERSION__: '""' }, plugins: [withoutHtml], logLevel: "warning",
  });
  return outputFiles[0].contents;
}

/**
 * KaTeX without the data that it only needs to write HTML: shapes, and sizes of glyphs (17 of 64 kB). It also looks up whether
 * its own fonts have a glyph. Ours are others, so the answer is always yes.
 */
const withoutHtml = {
  name: "without HTML",
  setup(build) {
    const every = (value) => `new Proxy({}, { get: () => ${value} })`;
    const kept = { svgGeometry: "export const path = {}, phasePath = () => {}, sqrtPath = phasePath, innerPath = phasePath, tallDelim = phasePath", fontMetricsData: `export default ${every(every("[0, 0.7, 0, 0, 0.5]"))}` };
    build.onLoad({ filter: /\/katex\/src\/(svgGeometry\.ts|fontMetricsData\.js)$/ }, ({ path: file }) => ({ contents: kept[path.parse(file).name] }));
  },
};

/** Many systems still show newer emoji as empty boxes. */
const emojiVersionMax = 15.1;
/** Lower case without accents, so that `coracao` finds `coração`. */
const folded = (text) => text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "").normalize("NFC");

/**
 * The emoji of each language, by its tag, as the text that app/src/emoji.rs reads. English words are found in every
 * language.
 */
function emojiFiles() {
  const folder = "node_modules/emojibase-data";
  const read = (file) => JSON.parse(fs.readFileSync(`${folder}/${file}.json`, "utf8"));
  // Distributing it requires its licence.
  const licence = `emojibase-data\n${fs.readFileSync(`${folder}/LICENSE`, "utf8")}`.trim().split("\n").map((line) => `//${line}\n`).join("");
  const shortNames = ["iamcal", "github"].map((list) => read(`en/shortcodes/${list}`));
  const shorts = (hexcode) => [...new Set(shortNames.flatMap((list) => list[hexcode] ?? []))];
  // Parts of emoji, such as skin tones and the letters of flags, are not emoji themselves.
  const component = 2;
  const english = read("en/data").filter(({ group, version }) => group !== undefined && group !== component && version <= emojiVersionMax);
  const known = new Set();
  /** With the first skin tone; any other can replace it. */
  const toned = ({ label, skins = [] }) => {
    const of = (tone) => skins.find((skin) => [skin.tone].flat().every((part) => part === tone))?.emoji;
    for (const tone of skins.length > 0 ? [1, 2, 3, 4, 5] : [])
      if (of(tone) !== of(1)?.replaceAll("\u{1f3fb}", String.fromCodePoint(0x1f3fa + tone))) throw new Error(`the skin tones of ${label} are of another kind`);
    return of(1) ?? "";
  };
  for (const emoji of english) {
    emoji.toned = toned(emoji);
    // Two emoji must not share a short name.
    emoji.shorts = shorts(emoji.hexcode).filter((name) => !known.has(name) && known.add(name));
    // A character that is coloured by default gets no selector, as on people's keyboards.
    emoji.sign = emoji.type === 1 && !emoji.hexcode.includes("-") ? String.fromCodePoint(parseInt(emoji.hexcode, 16)) : emoji.emoji;
  }
  return Object.fromEntries(filesIn("locales").filter((name) => name.endsWith(".json")).map((name) => {
    const tag = name.replace(/\.json$/, "");
    const { emoji: words } = JSON.parse(fs.readFileSync(`locales/${name}`, "utf8"));
    if (words?.groups?.length !== 9 || words?.tones?.length !== 6) throw new Error(`${name} has no names for the groups of emoji and the skin tones`);
    const language = [tag.toLowerCase(), tag.split("-")[0], "en"].find((name) => fs.existsSync(`${folder}/${name}/data.json`));
    const own = new Map(read(`${language}/data`).map((emoji) => [emoji.hexcode, emoji]));
    let text = `${licence}@${[words.search, words.none, words.recent, words.tone].join("\t")}\n@${words.tones.join("\t")}\n`;
    let group;
    for (const emoji of english) {
      if (emoji.group !== group) {
        group = emoji.group;
        text += `#${words.groups[group > component ? group - 1 : group]}\n`;
      }
      const { label, tags = [] } = own.get(emoji.hexcode) ?? emoji;
      const also = language === "en" ? [] : [emoji.label, ...(emoji.tags ?? [])];
      const found = new Set([label, ...tags, ...also].map(folded));
      if (folded(label) === label.toLowerCase()) found.delete(folded(label));
      text += `${[emoji.sign, emoji.toned, label, emoji.shorts.join(" "), [...found].join(",")].join("\t")}\n`;
    }
    return [tag, text];
  }));
}

async function style(name) {
  const { css } = sass.compile(`style/${name}.scss`, { style: dev ? "expanded" : "compressed" });
  if (dev) return css;
  return (await cssTransform(css, { loader: "css", minify: true, legalComments: "none" })).code;
}

/**
 * A chunk is ready when its styles have loaded, too. A page that links to a complete style sheet, or whose inline
 * style is marked as complete, already has them. Other pages carry only the styles they start with
 * (app/src/shell.rs).
 */
function withStyles(loader, later) {
  const waits = "await Promise.all(parallelStuff);";
  if (!loader.includes(waits)) throw new Error("__wasm_split.js waits for its chunks in another way than we know");
  return `${loader.replace(waits, "await Promise.all([...parallelStuff, styles()]);")}
let styled;
function styles() {
  return (styled ??= document.querySelector("style[data-whole],link[rel=stylesheet][href^='/pkg/']") ? Promise.resolve() : new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("./${later}", import.meta.url) });
    link.onload = resolve;
    link.onerror = () => {
      styled = undefined;
      link.remove();
      reject(new Error("the style sheet did not come"));
    };
    document.head.append(link);
  }));
}
`;
}

const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

/**
 * Writes `.br` and `.gz` next to a text or wasm file, if they are smaller. A copy newer than the file is up to date.
 */
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

/** Copies public/ to the root of the site; returns the copied paths. */
function copyPublic() {
  return filesIn("public").map((name) => {
    put(path.join(site, name), fs.readFileSync(path.join("public", name)));
    return path.join(site, name);
  });
}

/**
 * Records this build next to the earlier ones that are still kept, and returns the files of those. They need a list,
 * because the files themselves do not say when they were replaced.
 */
function earlierFiles(current) {
  const now = Date.now();
  const known = fs.existsSync(builds) ? JSON.parse(fs.readFileSync(builds, "utf8")) : [];
  const listed = new Set([...current, ...known.flatMap((build) => build.files)]);
  const unlisted = filesIn(pkg).map((name) => `${pkg}/${name}`).filter((file) => !/\.(br|gz)$/.test(file) && !listed.has(file));
  const earlier = [...known, ...(unlisted.length > 0 ? [{ files: unlisted }] : [])]
    .filter((build) => build.files.join() !== current.join())
    .map(({ files, replaced = now }) => ({ files, replaced }))
    .filter(({ replaced }) => now - replaced < earlierDaysMax * 86_400_000)
    .slice(0, earlierBuildsMax);
  put(builds, `${JSON.stringify([{ files: current }, ...earlier], null, 1)}\n`);
  return earlier.flatMap(({ files }) => files);
}

// By file name. `main` contains everything, and has the name that Leptos expects.
const sheets = Object.fromEntries(await Promise.all(["main", "room", "door", "later"].map(async (name) => [name, await style(name)])));
const named = Object.fromEntries(Object.entries(sheets).map(([name, css]) => [name, `${name}.${hash(css)}.css`]));
// The syntax highlighter, what draws formulas, and what uploads files.
const libraries = { languages: "highlight.js", typesetter: "katex", uploads: "tus-js-client" };
const lazy = Object.fromEntries(await Promise.all(Object.entries(libraries).map(async ([name, library]) => [name, await lazyScript(name, library)])));
const lazyNames = Object.fromEntries(Object.entries(lazy).map(([name, script]) => [name, `${name}.${hash(script)}.js`]));
const emoji = Object.entries(emojiFiles()).map(([tag, text]) => [tag, `emoji.${tag}.${hash(text)}.txt`, text]);
const { built, chunks, parts } = await wasmAndScript(named.later, lazyNames);
built.css = sheets.main;

const hashes = Object.fromEntries(Object.entries(built).map(([kind, content]) => [kind, hash(content)]));
const files = Object.entries(built).map(([kind, content]) => [`${pkg}/roost.${hashes[kind]}.${kind}`, content]);
for (const [name, content] of chunks) files.push([`${pkg}/${name}`, content]);
for (const [name, css] of Object.entries(sheets)) if (name !== "main") files.push([`${pkg}/${named[name]}`, css]);
for (const [name, script] of Object.entries(lazy)) files.push([`${pkg}/${lazyNames[name]}`, script]);
for (const [, name, text] of emoji) files.push([`${pkg}/${name}`, text]);
for (const [file, content] of files) put(file, content);
const kept = new Set([...copyPublic(), ...files.map(([file]) => file)]);
for (const file of [...kept]) for (const beside of await compressed(file)) kept.add(beside);

// The names are switched in one step; only then are unused files removed.
const list = Object.entries(hashes).map(([kind, value]) => `${kind}: ${value}\n`).join("")
  + parts.map(([part, names]) => `part ${part}: ${names.join(" ")}\n`).join("")
  + Object.entries(named).map(([name, file]) => (name === "main" ? "" : `style ${name}: ${file}\n`)).join("")
  + Object.entries(lazyNames).map(([name, file]) => `script ${name}: ${file}\n`).join("")
  + emoji.map(([tag, file]) => `emoji ${tag}: ${file}\n`).join("");
for (const folder of executables) put(path.join(folder, "hash.txt"), list);
for (const file of earlierFiles(files.map(([file]) => file))) for (const ending of ["", ".br", ".gz"]) kept.add(file + ending);
for (const name of filesIn(site)) {
  const file = path.join(site, name);
  if (!kept.has(file)) fs.rmSync(file);
}
say(`front end: ${[...Object.entries(hashes).map(([kind, value]) => `roost.${value}.${kind}`), ...chunks.map(([name]) => name)].join(", ")}`);
