// Uploads files by the tus protocol, two at a time, and tries again until a server has them or refuses them. Their bytes are kept in the
// browser's cache storage, so that a message that waits for them survives a reload. The page chooses the ids, so a repeated creation is
// recognised.
import { Upload } from "tus-js-client";

/** Uploads at the same time. */
const AT_ONCE = 2;
/** The wait before trying again starts at this many milliseconds, doubles, and grows up to this. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 30_000;
/** Progress is told at most so often, in milliseconds. */
const TELL_MS = 100;
/** Bytes are kept for so long, in milliseconds: a month without opening Roost. */
const KEPT_MS = 30 * 24 * 3_600_000;
/** The answer of a server that has stored a file describes it. */
const STORED = "Roost-File";

/** By id: { file, name, state, upload, tries, timer, isBegun }. */
const known = new Map();
let person;

const tell = (what) => dispatchEvent(new CustomEvent("roost:files", { detail: JSON.stringify(what) }));

/** Where bytes are kept; undefined in a browser without it, and on pages that are not secure. Then they last as long as the page. */
const shelf = async () => (globalThis.caches ? caches.open(`roost-files-${person}`).catch(() => undefined) : undefined);
const slot = (id) => `/kept-file/${id}`;

async function keep(id, file) {
  const kept = await shelf();
  // Full storage is no reason not to upload.
  await kept?.put(slot(id), new Response(file, { headers: { "x-kept-at": Date.now() } })).catch(() => undefined);
}

async function forget(id) {
  await (await shelf())?.delete(slot(id)).catch(() => undefined);
}

/** Width and height of a picture as it is shown; nothing for other files, and for pictures that this browser cannot read. */
async function measured(url) {
  const picture = new Image();
  picture.src = url;
  try {
    await picture.decode();
    return { width: picture.naturalWidth, height: picture.naturalHeight };
  } catch {
    return {};
  }
}

/** Begins as many uploads as may run. */
function next() {
  const running = [...known.values()].filter(({ state }) => state === "running").length;
  for (const [id, one] of [...known].filter(([, { state }]) => state === "waiting").slice(0, Math.max(0, AT_ONCE - running))) start(id, one);
}

function start(id, one) {
  one.state = "running";
  let told = 0;
  one.upload = new Upload(one.file, {
    endpoint: "/uploads",
    // If a server may have a part of it, this asks how much. If none has, it is created.
    uploadUrl: one.isBegun ? `/uploads/${id}` : undefined,
    metadata: { filename: one.name, filetype: one.file.type, id },
    retryDelays: null,
    storeFingerprintForResuming: false,
    onProgress(sent) {
      const now = performance.now();
      if (now - told < TELL_MS) return;
      told = now;
      tell({ type: "progress", id, sent });
    },
    onSuccess({ lastResponse }) {
      const stored = lastResponse.getHeader(STORED);
      if (!stored) return again(id, one);
      one.state = "done";
      tell({ type: "done", file: JSON.parse(decodeURIComponent(stored)) });
      next();
    },
    onError(error) {
      if (!known.has(id)) return;
      const status = error.originalResponse?.getStatus() ?? 0;
      const isForGood = status >= 400 && status < 500 && ![401, 408, 409, 423, 425, 429].includes(status);
      if (!isForGood && status !== 507) return again(id, one);
      one.state = "failed";
      let refusal;
      try {
        ({ refusal } = JSON.parse(error.originalResponse.getBody()));
      } catch {
        // An answer by a proxy.
        refusal = { code: status === 413 ? 2041 : 2043 };
      }
      tell({ type: "failed", id, refusal });
      next();
    },
  });
  one.isBegun = true;
  one.upload.start();
}

function again(id, one) {
  one.state = "resting";
  tell({ type: "waiting", id });
  const wait = Math.min(RETRY_MS * 2 ** one.tries, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
  one.tries += 1;
  one.timer = setTimeout(() => wake(id), wait);
  next();
}

function wake(id) {
  const one = known.get(id);
  if (!one || one.state !== "resting") return;
  clearTimeout(one.timer);
  one.state = "waiting";
  next();
}

function begin(id, file, name, isBegun) {
  known.set(id, { file, name, state: "waiting", tries: 0, isBegun });
  next();
}

async function add(desk, files) {
  const added = await Promise.all(files.map(async (file) => {
    const id = crypto.randomUUID();
    const preview = file.type.startsWith("image/") ? URL.createObjectURL(file) : undefined;
    return { id, file, preview, ...(preview && await measured(preview)) };
  }));
  tell({
    type: "added", desk,
    files: added.map(({ id, file, preview, width, height }) => (
      { id, name: file.name, size: file.size, media: file.type, ...(width > 0 && { preview, width, height }) }
    )),
  });
  for (const { id, file } of added) {
    keep(id, file);
    begin(id, file, file.name, false);
  }
}

/** What a server says of an upload that it has completely; nothing otherwise. */
async function uploaded(id) {
  const answer = await fetch(`/uploads/${id}`, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } }).catch(() => undefined);
  const stored = answer?.ok && answer.headers.get(STORED);
  return stored ? JSON.parse(decodeURIComponent(stored)) : undefined;
}

/** Goes on with uploads of an earlier page, from the bytes that it kept. */
async function resume(files) {
  const kept = await shelf();
  for (const { id, name } of files) {
    if (known.has(id)) continue;
    const file = await kept?.match(slot(id)).then((found) => found?.blob()).catch(() => undefined);
    if (!file) {
      const stored = await uploaded(id);
      tell(stored ? { type: "done", file: stored } : { type: "lost", id });
      continue;
    }
    if (file.type.startsWith("image/")) tell({ type: "preview", id, preview: URL.createObjectURL(file) });
    begin(id, file, name, true);
  }
}

/** Ends an upload that is no longer wanted, here and at the server. */
function cancel(id) {
  const one = known.get(id);
  known.delete(id);
  clearTimeout(one?.timer);
  forget(id);
  // Also what a server has stored: nobody can have sent it. Otherwise the server forgets it after a day.
  one?.upload?.abort(true).catch(() => undefined);
  next();
}

function retry(id) {
  const one = known.get(id);
  if (!one) return tell({ type: "lost", id });
  if (one.state !== "failed" && one.state !== "done") return;
  one.state = "waiting";
  one.tries = 0;
  next();
}

/** A message has this file now. */
function forgotten(id) {
  known.delete(id);
  forget(id);
}

/** Forgets old bytes: they were attached at a page that was closed. */
async function sweep() {
  const kept = await shelf();
  for (const request of (await kept?.keys()) ?? []) {
    const at = Number((await kept.match(request))?.headers.get("x-kept-at"));
    if (!(Date.now() - at < KEPT_MS) && !known.has(request.url.split("/").at(-1))) kept.delete(request);
  }
}

addEventListener("online", () => [...known.keys()].forEach(wake));

/** Does what the page asks for. */
export function act({ what, user, desk, files, id }) {
  if (person !== user) {
    person = user;
    sweep();
  }
  if (what === "add") add(desk, [...files]);
  else if (what === "resume") resume(files);
  else if (what === "cancel") cancel(id);
  else if (what === "retry") retry(id);
  else if (what === "forget") forgotten(id);
}
