// Page performance: `make feel`. Nothing here fails because it is slow; the table shows which targets were missed.
//
// Each figure is the median of several attempts. Times on a busy machine mislead, so the table also shows the load of other
// programs, and figures that depend on it less: bytes, main-thread work, and the same page without its script.
import type { BrowserContextOptions, Page } from "@playwright/test";

import { baseUrl, nodeUrl, query } from "../cluster";
import { composer, expect, fillSignUp, isIn, makesRoom, place, roomLink, saysMany, signUp, test, unique, type Person } from "../fixtures";
import * as lighthouse from "./lighthouse";
import {
  FAST_3G, FAST_3G_PRESET, SLOWDOWN, countsBytes, countsWork, devtools, forget, observe, observed, slow, through, type Network, type Observed,
} from "./probe";
import { median, publish, quiet, told } from "./report";

const TRIES = Number(process.env.FEEL_TRIES ?? 5);
/** Number of observed page loads per size. */
const SWAPS = 3;
const MESSAGES = 300;
const ROOMS = 5;
const wide = { viewport: { width: 1280, height: 800 } };

test.describe.configure({ mode: "serial" });

/** Resolves once everything that the measurements need exists. */
let ana: Person;
let bo: Person;
let storage: Awaited<ReturnType<import("@playwright/test").BrowserContext["storageState"]>>;
/** The channels with their addresses: each has 300 messages, and both people are members. */
const channels: { name: string; address: string }[] = [];
/** People who have not read anything yet. */
const fresh: (typeof storage)[] = [];

test.beforeAll(async ({ browser }) => {
  test.setTimeout(900_000);
  const open = async () => (await browser.newContext({ baseURL: baseUrl, ...wide })).newPage();
  const ada = await open();
  await ada.goto("/");
  await fillSignUp(ada, place.admin);
  await ada.getByRole("textbox", { name: "Workspace name" }).fill(place.name);
  await ada.getByRole("textbox", { name: "First channel" }).fill(place.channel);
  await ada.getByRole("button", { name: "Continue" }).click();
  await ada.getByRole("link", { name: `Open ${place.name}` }).click();
  await isIn(ada);
  ana = await signUp(await open(), { name: "Ana Benítez" });
  bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const readers: Person[] = [];
  for (let n = 0; n < 2 * SWAPS; n++) readers.push(await signUp(await open(), { name: `Reader ${n + 1}` }));
  for (let n = 0; n < ROOMS; n++) {
    const name = unique(`berth${n + 1}`);
    await makesRoom(ana.page, "Channel", name);
    channels.push({ name, address: new URL(ana.page.url()).pathname });
    const room = channels[n].address.split("/").at(-1)!;
    for (const { page } of n === 0 ? [bo, ...readers] : [bo]) await sends(page, [{ type: "join", room }]);
    const bodies = Array.from({ length: MESSAGES }, (_, m) => `${name} ${m + 1}: ${sentence(m)}`);
    // In groups of four, so that there are bylines and avatars.
    if (n > 0) await saysMany(ana.page, bodies, room);
    else for (let m = 0; m < MESSAGES; m += 4) await sends((m / 4) % 2 ? bo.page : ana.page, bodies.slice(m, m + 4).map((body) => send(room, body)));
  }
  await ana.page.goto("/");
  await bo.page.goto("/");
  await isIn(bo.page);
  // Bo has read everything; the others nothing.
  for (const { address } of channels) {
    const room = address.split("/").at(-1)!;
    await sends(bo.page, [{ type: "read", room, seq: Number(query(`select max(seq) from messages where room_id = '${room}'`)) }]);
  }
  storage = await bo.page.context().storageState();
  for (const { page } of readers) {
    fresh.push(await page.context().storageState());
    await page.context().close();
  }
  await ada.context().close();
});

test.afterAll(({ browser }) => publish({ browser: `Chromium ${browser.version()}`, slowdown: SLOWDOWN, tries: TRIES, networks: [FAST_3G, FAST_3G_PRESET] }));

// ── cold ─────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Load {
  seen: Observed;
  bytes: number;
  work: number;
}

/** Loads a page in a browser with an empty cache, until it has been idle for a while. */
async function load(
  browser: import("@playwright/test").Browser, address: string,
  { state, network, rate = SLOWDOWN, script = true, size = wide }: { state?: typeof storage; network?: Network; rate?: number; script?: boolean; size?: BrowserContextOptions },
): Promise<Load> {
  const context = await browser.newContext({ baseURL: baseUrl, storageState: state, ...size });
  await observe(context);
  const page = await context.newPage();
  const session = await devtools(page);
  const bytes = await countsBytes(session);
  const work = await countsWork(session);
  if (network) await through(session, network);
  // Blocked by the browser itself: a Playwright route would delay every file.
  if (!script) await session.send("Network.setBlockedURLs", { urls: ["*.js", "*.wasm"] });
  await slow(session, rate);
  await page.goto(address, { waitUntil: "commit" });
  if (script) await page.waitForFunction(() => window.observed.hydrated, null, { polling: 250, timeout: 60_000 });
  else await page.waitForLoadState("load");
  const loaded = { bytes: bytes(), work: (await work()).TaskDuration };
  await page.waitForTimeout(1_500);
  const seen = await observed(page);
  await context.close();
  return { seen, ...loaded };
}

for (const [name, network] of [["line", FAST_3G], ["preset", FAST_3G_PRESET]] as const) {
  test(`cold ${name}`, async ({ browser }) => {
    const part = `Cold load of a room with ${MESSAGES} messages, ${SLOWDOWN}× slower processor, ${network.name} (${network.down_kbit / 1000} Mbit/s down, ${network.up_kbit} kbit/s up)`;
    const loads: Load[] = [];
    const without: Load[] = [];
    let others = 0;
    for (let n = 0; n < TRIES; n++) {
      others = Math.max(others, await quiet());
      loads.push(await load(browser, channels[0].address, { state: storage, network }));
      // In parallel, so that both have the same conditions.
      without.push(await load(browser, channels[0].address, { state: storage, network, script: false }));
    }
    const of = (pick: (load: Load) => number | undefined) => loads.map((load) => pick(load) ?? NaN);
    told(part, "first contentful paint", "ms", of(({ seen }) => seen.fcp), { max: 1_500 }, { others });
    told(part, "  beside the same page without its script", "×", loads.map(({ seen }, n) => seen.fcp! / without[n].seen.fcp!));
    told(part, "largest contentful paint", "ms", of(({ seen }) => seen.lcp), {}, { others });
    told(part, "hydrated", "ms", of(({ seen }) => seen.hydrated), { max: 3_000 }, { others });
    told(part, "connected", "ms", of(({ seen }) => seen.live), {}, { others });
    told(part, "layout shift", "", of(({ seen }) => seen.shifts.reduce((sum, { value }) => sum + value, 0)), { max: 0, always: true }, { detail: loads.map(({ seen }) => seen.shifts) });
    told(part, "longest task", "ms", of(({ seen }) => Math.max(0, ...seen.tasks.map(({ took }) => took))), {}, { others, detail: loads.map(({ seen }) => [seen.tasks, seen.frames]) });
    told(part, "travelled until hydrated", "kB", of(({ bytes }) => bytes / 1_000));
  });
}

test("cold work", async ({ browser }) => {
  const part = "Work until the room is awake (main thread's own time, processor and network as they are)";
  const loads: Load[] = [];
  let others = 0;
  for (let n = 0; n < TRIES; n++) {
    others = Math.max(others, await quiet());
    loads.push(await load(browser, channels[0].address, { state: storage, rate: 1 }));
  }
  told(part, "main thread", "ms", loads.map(({ work }) => work));
  told(part, "first contentful paint", "ms", loads.map(({ seen }) => seen.fcp!), {}, { others });
  told(part, "hydrated", "ms", loads.map(({ seen }) => seen.hydrated!), {}, { others });
});

test("cold door", async ({ browser }) => {
  const part = `Cold load of the sign-in page, ${SLOWDOWN}×, ${FAST_3G_PRESET.name}`;
  const loads: Load[] = [];
  let others = 0;
  for (let n = 0; n < TRIES; n++) {
    others = Math.max(others, await quiet());
    loads.push(await load(browser, "/sign-in", { network: FAST_3G_PRESET }));
  }
  told(part, "first contentful paint", "ms", loads.map(({ seen }) => seen.fcp!), { max: 1_500 }, { others });
  told(part, "hydrated", "ms", loads.map(({ seen }) => seen.hydrated!), { max: 3_000 }, { others });
  told(part, "layout shift", "", loads.map(({ seen }) => seen.shifts.reduce((sum, { value }) => sum + value, 0)), { max: 0, always: true }, { detail: loads.map(({ seen }) => seen.shifts) });
  told(part, "travelled until hydrated", "kB", loads.map(({ bytes }) => bytes / 1_000));
});

// ── no swap ──────────────────────────────────────────────────────────────────────────────────────────────────────

type Rows = Record<string, { text: string; x: number; y: number; width: number; height: number }>;

/** Differences between two snapshots of the visible rows: texts, and boxes that moved by more than a pixel. */
function differences(before: Rows, after: Rows) {
  const found: string[] = [];
  let moved = 0;
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [a, b] = [before[key], after[key]];
    if (!a || !b) {
      found.push(`${a ? "gone" : "new"}: ${(a ?? b).text.slice(0, 60)}`);
      continue;
    }
    if (a.text !== b.text) found.push(`«${a.text.slice(0, 80)}» became «${b.text.slice(0, 80)}»`);
    const by = Math.max(...(["x", "y", "width", "height"] as const).map((side) => Math.abs(a[side] - b[side])));
    moved = Math.max(moved, by);
    if (by > 1) found.push(`${key} (${a.text.slice(0, 30)}): ${a.x},${a.y} ${a.width}×${a.height} → ${b.x},${b.y} ${b.width}×${b.height}`);
  }
  return { found, moved };
}

for (const [name, size] of [["wide", wide], ["phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true }]] as const) {
  test(`swap ${name}`, async ({ browser }) => {
    const part = `What is seen just before and after waking, ${name} (${size.viewport.width} wide)`;
    for (const [kind, states] of [["read to the end", Array(SWAPS).fill(storage)], [`with ${MESSAGES} unread`, fresh.splice(0, SWAPS)]] as const) {
      const results: { found: string[]; moved: number }[] = [];
      for (const state of states) {
        const context = await browser.newContext({ baseURL: baseUrl, storageState: state, ...size });
        await observe(context);
        await context.addInitScript(() => {
          const look = () => {
            const rows: Record<string, object> = {};
            const inside = (box: DOMRect) => box.width > 0 && box.bottom > 0 && box.top < innerHeight;
            const all = document.querySelectorAll("[role=log] article, [role=log] [role=separator], main h1, main textarea, nav[aria-label] a, header, form");
            all.forEach((row, n) => {
              const box = row.getBoundingClientRect();
              if (!inside(box)) return;
              const { x, y, width, height } = box;
              const key = row.getAttribute("data-key") ?? row.getAttribute("href") ?? `${row.nodeName} ${row.getAttribute("class")} ${n}`;
              rows[key] = { text: row.textContent, x, y, width, height };
            });
            return rows;
          };
          const looks = ((window as any).looks = { before: {}, after: {}, later: {} } as Record<string, object>);
          let last = -Infinity;
          const frame = (now: number) => {
            if (document.documentElement.dataset.hydrated) {
              requestAnimationFrame(() => (looks.after = look()));
              return setTimeout(() => (looks.later = look()), 2_000);
            }
            // Not in every frame, because observing would then take most of the time.
            if (now - last > 100 && document.readyState !== "loading") {
              last = now;
              looks.before = look();
            }
            requestAnimationFrame(frame);
          };
          requestAnimationFrame(frame);
        });
        const page = await context.newPage();
        const session = await devtools(page);
        await through(session, FAST_3G);
        await slow(session);
        await page.goto(channels[0].address, { waitUntil: "commit" });
        await page.waitForFunction(() => Object.keys((window as any).looks?.later ?? {}).length, null, { polling: 250, timeout: 60_000 });
        const looks: Record<"before" | "after" | "later", Rows> = await page.evaluate(() => (window as any).looks);
        expect(Object.keys(looks.before).length, "rows are seen before the page wakes").toBeGreaterThan(5);
        const [now, later] = [differences(looks.before, looks.after), differences(looks.before, looks.later)];
        results.push({ found: [...new Set([...now.found, ...later.found])], moved: Math.max(now.moved, later.moved) });
        await context.close();
      }
      told(part, `${kind}: texts that changed, rows that came, went or moved`, "", results.map(({ found }) => found.length), { max: 0, always: true }, { detail: results.map(({ found }) => found) });
      told(part, `${kind}: farthest that anything moved or grew`, "px", results.map(({ moved }) => moved), { max: 1, always: true });
    }
  });
}

// ── typing ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Presses a key every 100 ms, like a person, whether or not the page keeps up. */
async function types(page: Page, text: string) {
  const session = await devtools(page);
  const pressed: Promise<unknown>[] = [];
  for (const key of text) {
    const code = key === " " ? "Space" : `Key${key.toUpperCase()}`;
    const keyCode = key === " " ? 32 : key.toUpperCase().charCodeAt(0);
    const press = { key, code, windowsVirtualKeyCode: keyCode };
    pressed.push(session.send("Input.dispatchKeyEvent", { type: "keyDown", text: key, ...press }), session.send("Input.dispatchKeyEvent", { type: "keyUp", ...press }));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await Promise.all(pressed);
}

test("typing", async ({ browser }) => {
  const results: Record<"alone" | "while", { seen: Observed; rows: number }[]> = { alone: [], while: [] };
  const work: Record<"alone" | "while", number[]> = { alone: [], while: [] };
  let others = 0;
  const text = "the tide turns at four and the wind comes round to north";
  const tries = Math.max(3, TRIES - 2);
  for (let n = 0; n < 2 * tries; n++) {
    const rate = n < tries ? SLOWDOWN : 1;
    const context = await browser.newContext({ baseURL: nodeUrl(1), storageState: on(1), ...wide });
    await observe(context);
    const page = await context.newPage();
    await page.goto(channels[1].address);
    await isIn(page);
    await hasAllRows(page);
    await composer(page).focus();
    const session = await devtools(page);
    const worked = await countsWork(session);
    await slow(session, rate);
    for (const how of ["alone", "while"] as const) {
      if (rate > 1) others = Math.max(others, await quiet());
      await forget(page);
      const before = (await worked()).TaskDuration;
      const rows = await page.getByRole("log").getByRole("article").count();
      const room = channels[1].address.split("/").at(-1)!;
      const arriving = how === "while" ? sends(ana.page, Array.from({ length: 20 }, (_, m) => send(room, `${channels[1].name} while typing ${n} ${m}: ${sentence(m)}`)), 250) : undefined;
      await types(page, text);
      await arriving;
      await page.waitForTimeout(1_000);
      if (rate > 1) results[how].push({ seen: await observed(page), rows });
      else work[how].push((await worked()).TaskDuration - before);
      await composer(page).fill("");
    }
    await context.close();
  }
  const longest = ({ tasks }: Observed) => Math.max(0, ...tasks.map(({ took }) => took));
  for (const [how, part, target] of [
    ["alone", `Typing in a room with ${MESSAGES} rows, ${SLOWDOWN}×, while nothing arrives`, {}],
    ["while", `Typing in a room with ${MESSAGES} rows, ${SLOWDOWN}×, while 20 messages arrive in 5 s`, { max: 50 }],
  ] as const) {
    const seen = results[how].map(({ seen }) => seen);
    told(part, "rows", "", results[how].map(({ rows }) => rows));
    told(part, "longest task (0: none over 50 ms)", "ms", seen.map(longest), target, { others, detail: seen.map(({ frames, tasks }) => ({ tasks, frames })) });
    told(part, "tasks over 50 ms", "", seen.map(({ tasks }) => tasks.length));
    told(part, "keys that arrived", "", seen.map(({ keys }) => keys.length), { min: text.length, always: true });
    told(part, "key to drawn frame, median", "ms", seen.map(({ keys }) => median(keys)), {}, { others });
    told(part, "key to drawn frame, slowest", "ms", seen.map(({ keys }) => Math.max(0, ...keys)), {}, { others, detail: seen.map(({ keys, events }) => ({ keys, events })) });
    told(part, "main thread's own time for it all, without slowdown", "ms", work[how]);
  }
  told("Each message that arrives while one types", "main thread's own time, without slowdown", "ms", work.while.map((ms, n) => (ms - work.alone[n]) / 20));
});

// ── from room to room ────────────────────────────────────────────────────────────────────────────────────────────

/** Clicks, and returns the ms from the press until the frame with the room's messages is painted. */
async function switches(page: Page, name: string): Promise<number> {
  const link = roomLink(page, `#${name}`);
  await link.hover();
  await page.waitForTimeout(400);
  const painted = page.evaluate(
    (name) =>
      new Promise<number>((resolve) => {
        let pressed = 0;
        addEventListener("click", (event) => (pressed = event.timeStamp), { capture: true, once: true });
        const isThere = () => {
          const log = document.querySelector("[role=log]");
          return pressed && log?.ariaBusy === "false" && document.querySelector("main h1")?.textContent === `#${name}` && log.querySelector("article:last-of-type")?.textContent?.includes(`${name} `);
        };
        const frame = () => {
          if (!isThere()) return requestAnimationFrame(frame);
          // The task after this frame.
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now() - pressed);
          port2.postMessage(0);
        };
        requestAnimationFrame(frame);
      }),
    name,
  );
  await page.waitForTimeout(50);
  await page.mouse.down();
  await page.mouse.up();
  return painted;
}

/** The same with a click that does nothing: the browser's own time for a frame. */
async function clicksNothing(page: Page): Promise<number> {
  await page.getByRole("main").getByRole("heading", { level: 1 }).hover();
  await page.waitForTimeout(200);
  const painted = page.evaluate(
    () =>
      new Promise<number>((resolve) =>
        addEventListener("click", ({ timeStamp }) =>
          requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => resolve(performance.now() - timeStamp);
            port2.postMessage(0);
          }), { capture: true, once: true }),
      ),
  );
  await page.waitForTimeout(50);
  await page.mouse.down();
  await page.mouse.up();
  return painted;
}

test("switch", async ({ browser }) => {
  const part = `From room to room, ${SLOWDOWN}×: press to painted rows, rooms of ${MESSAGES} messages`;
  const times: Record<"first" | "again" | "nothing", number[]> = { first: [], again: [], nothing: [] };
  const slowest: Observed["frames"] = [];
  const work: Record<"first" | "again", number[]> = { first: [], again: [] };
  let others = 0;
  for (let n = 0; n < 5; n++) {
    const rate = n < 3 ? SLOWDOWN : 1;
    const context = await browser.newContext({ baseURL: baseUrl, storageState: storage, ...wide });
    await observe(context);
    const page = await context.newPage();
    await page.goto(channels[0].address);
    await isIn(page);
    // The idle-time chunks have loaded.
    await page.waitForTimeout(2_500);
    const session = await devtools(page);
    const worked = await countsWork(session);
    await slow(session, rate);
    if (rate > 1) others = Math.max(others, await quiet());
    await forget(page);
    for (const [kind, which] of [["first", channels.slice(1)], ["again", channels]] as const) {
      for (const { name } of which) {
        const before = (await worked()).TaskDuration;
        const took = await switches(page, name);
        if (rate > 1) times[kind].push(took);
        else work[kind].push((await worked()).TaskDuration - before);
      }
    }
    if (rate === 1) {
      await context.close();
      continue;
    }
    for (let m = 0; m < 3; m++) times.nothing.push(await clicksNothing(page));
    slowest.push(...(await observed(page)).frames);
    await context.close();
  }
  told(part, "a room for the first time", "ms", times.first, { max: 100 }, { others, detail: slowest });
  told(part, "a room again", "ms", times.again, { max: 100 }, { others });
  told(part, "a click that leads nowhere", "ms", times.nothing, {}, { others });
  told(part, "main thread's own time, without slowdown: first", "ms", work.first);
  told(part, "main thread's own time, without slowdown: again", "ms", work.again);
});

// ── Lighthouse ───────────────────────────────────────────────────────────────────────────────────────────────────

test("lighthouse", async ({ launchOptions }) => {
  const browser = await lighthouse.open(launchOptions, baseUrl);
  try {
    const pages = [["sign-in", "/sign-in"], ["room", channels[0].address]] as const;
    for (const [name, address] of pages) {
      if (name === "room") {
        await browser.page.goto("/sign-in");
        await browser.page.context().addCookies(storage.cookies);
      }
      await browser.page.goto("about:blank");
      for (const how of ["desktop", "mobile"] as const) {
        const others = await quiet();
        const { scores, faults, figures } = await browser.judge(name, `${baseUrl}${address}`, how);
        const part = `Lighthouse 12.8.2, ${name}, ${how}`;
        for (const category of lighthouse.CATEGORIES) {
          const isAsked = category === "accessibility" || category === "best-practices";
          told(part, category, "", [scores[category]], isAsked ? { min: 95 } : {}, category === "performance" ? { others, detail: figures } : { detail: faults.filter((fault) => fault.startsWith(category)) });
        }
      }
    }
  } finally {
    await browser.close();
  }
});

// ── what it takes ────────────────────────────────────────────────────────────────────────────────────────────────

const send = (room: string, body: string) => ({ type: "send", room, nonce: crypto.randomUUID(), body });

/** A signed-in browser's state, for the address of one server. */
function on(node: number): typeof storage {
  return { ...storage, origins: storage.origins.map((one) => ({ ...one, origin: nodeUrl(node) })) };
}

/** Sends commands like another device of this person, at a fixed interval in ms. */
async function sends(page: Page, commands: object[], every_ms = 0) {
  await page.evaluate(async ({ commands, every_ms }) => {
    const { version } = JSON.parse(document.getElementById("page")!.textContent!);
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/socket`);
    await new Promise((resolve) => (socket.onopen = resolve));
    let answered = (_: { ref?: number; refusal?: unknown }) => {};
    socket.onmessage = ({ data }) => answered(JSON.parse(data));
    let ref = 0;
    for (const command of [{ type: "hello", version }, ...commands]) {
      const mine = ++ref;
      const answer = new Promise<void>((resolve, reject) => {
        answered = (frame) => frame.ref === mine && (frame.refusal ? reject(new Error(JSON.stringify(frame.refusal))) : resolve());
      });
      socket.send(JSON.stringify({ ref: mine, command }));
      await answer;
      if (every_ms && mine > 1) await new Promise((resolve) => setTimeout(resolve, every_ms));
    }
    socket.close();
  }, { commands, every_ms });
}

/** Scrolls up until all rows are rendered, and back down. */
async function hasAllRows(page: Page) {
  const log = page.getByRole("log");
  await expect(async () => {
    await log.evaluate((log) => (log.scrollTop = 0));
    expect(await log.getByRole("article").count()).toBeGreaterThanOrEqual(MESSAGES - 10);
  }).toPass({ timeout: 30_000, intervals: [150] });
  await log.evaluate((log) => (log.scrollTop = log.scrollHeight));
  await page.waitForTimeout(500);
}

const WORDS = "the tide turns at four and wind comes round to north mind third step rope locker new coils are in please write down what you take lantern on quay".split(" ");
const EXTRAS = ["", "", "", "", "", "", " https://org.example/tides/today?harbour=7", " 船到了。", " 🚢", "\n\nAnd one more thing."];

/** The same sentences each time: some short, some of several lines. */
function sentence(n: number): string {
  let state = n * 2_654_435_761 + 12_345;
  const next = (below: number) => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % below;
  const length = n % 9 === 0 ? 60 : 3 + next(14);
  return Array.from({ length }, () => WORDS[next(WORDS.length)]).join(" ") + EXTRAS[n % EXTRAS.length];
}
