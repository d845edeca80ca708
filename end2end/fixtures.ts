// Fixtures and helpers of all browser tests.
//
//     import { expect, test } from "../fixtures";
//     test("…", async ({ open }) => {
//       const ana = await signUp(await open(), { name: "Ana Benítez" });
//
// Every browser is watched: a console error, an uncaught exception, or a response of 500 or more fails the test. A test declares
// the errors it causes itself: `expected(/ERR_INTERNET_DISCONNECTED/)`.
import AxeBuilder from "@axe-core/playwright";
import {
  test as base, expect, type BrowserContext, type BrowserContextOptions, type Locator, type Page, type WebSocketRoute,
} from "@playwright/test";

import { NODES, baseUrl, nodePid, startNode, startRedis } from "./cluster";

export { expect };

/** A signed-in person in one browser. */
export interface Person {
  page: Page;
  handle: string;
  name: string;
  password: string;
}

/** The workspace that all tests share, and its owner. `first.spec.ts` creates both, before any other test. */
export const place = {
  name: "Harbour Studio",
  channel: "general",
  admin: { handle: "ada", name: "Ada Ferreira", password: "a lantern on the quay" },
};

interface Guarded {
  /** Opens a new browser that shares nothing with the others. */
  open(options?: BrowserContextOptions): Promise<Page>;
  /** Declares which console errors this test may cause. */
  expected(...patterns: RegExp[]): void;
  watch: Watch;
}

/** Collects errors in the browsers of one test. */
class Watch {
  private readonly faults: string[] = [];
  readonly expected: RegExp[] = [];

  over(context: BrowserContext) {
    context.on("console", (line) => {
      // The connection ended during a send. The message stays in the outbox and is resent.
      if (line.text().startsWith("WebSocket is already in CLOSING or CLOSED state")) return;
      if (line.type() === "error") this.faults.push(`console: ${line.text()} (${line.location().url})`);
    });
    context.on("weberror", (fault) => void this.faults.push(`uncaught: ${fault.error().stack ?? fault.error().message}`));
    context.on("response", (response) => {
      if (response.status() >= 500) this.faults.push(`answer: ${response.status()} of ${response.url()}`);
    });
  }

  unexpected = () => this.faults.filter((fault) => !this.expected.some((pattern) => pattern.test(fault)));
}

export const test = base.extend<Guarded>({
  watch: [
    async ({}, use) => {
      const watch = new Watch();
      await use(watch);
      expect(watch.unexpected(), "errors in the browsers").toEqual([]);
    },
    { auto: true },
  ],

  expected: async ({ watch }, use) => use((...patterns) => void watch.expected.push(...patterns)),

  context: async ({ context, watch }, use) => {
    watch.over(context);
    await use(context);
  },

  open: async ({ browser, watch }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (options = {}) => {
      const context = await browser.newContext({ baseURL: baseUrl, ...options });
      contexts.push(context);
      watch.over(context);
      return slowed(await context.newPage());
    });
    for (const context of contexts) await context.close();
  },
});

/** `E2E_SLOW=4` slows every page down four times. */
const SLOW = Number(process.env.E2E_SLOW ?? 1);

async function slowed(page: Page): Promise<Page> {
  if (SLOW > 1) {
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOW });
  }
  return page;
}

/** Opens another tab of the same browser. */
export const anotherTab = async (page: Page) => slowed(await page.context().newPage());

/** For tests that stop something: restores everything for the next test, even after a failure. */
export async function everythingBack() {
  startRedis();
  for (let node = 0; node < NODES; node++) if (!nodePid(node)) await startNode(node);
}

// ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────

let made = 0;

/** A handle, or any other name, that nothing else in this run has. */
export const unique = (word: string) => `${word}-${process.pid.toString(36)}${(made++).toString(36).padStart(2, "0")}`;

export const PASSWORD = "four small wooden boats";

/** Creates an account, and waits in the first channel. */
export async function signUp(page: Page, who: { handle?: string; name?: string; at?: string } = {}): Promise<Person> {
  const handle = who.handle ?? unique("user");
  const person = { page, handle, name: who.name ?? handle, password: PASSWORD };
  await page.goto(who.at ?? "/sign-up");
  await fillSignUp(page, person);
  await isIn(page);
  return person;
}

/** Fills in and submits the sign-up form, in English or Chinese. */
export async function fillSignUp(page: Page, who: { name: string; handle: string; password: string }) {
  await page.getByRole("textbox", { name: /^(Name|显示名)$/ }).fill(who.name);
  await page.getByRole("textbox", { name: /^(Handle|用户名)$/ }).fill(who.handle);
  await page.getByLabel(/^(Password|密码)$/).fill(who.password);
  await page.getByRole("button", { name: /^(Create account|创建账号)$/ }).click();
}

/** Signs in, and waits until the app is ready. */
export async function signIn(page: Page, who: { handle: string; password: string }) {
  await page.goto("/sign-in");
  await fillSignIn(page, who);
  await isIn(page);
}

/** Fills in and submits the sign-in form, in English or Chinese. */
export async function fillSignIn(page: Page, who: { handle: string; password: string }) {
  await page.getByRole("textbox", { name: /^(Handle|用户名)$/ }).fill(who.handle);
  await page.getByLabel(/^(Password|密码)$/).fill(who.password);
  await page.getByRole("button", { name: /^(Sign in|登录)$/ }).click();
}

/** Waits until the page is interactive and connected. */
export async function isIn(page: Page) {
  await isAwake(page);
  await expect(page.locator("html")).toHaveAttribute("data-link", "live");
}

/** Waits until the page is interactive. */
export async function isAwake(page: Page) {
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", /.*/);
}

// ── servers ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** The name of the server that the page is connected to. */
export async function nodeOf(page: Page): Promise<string> {
  return (await page.locator("html").getAttribute("data-node")) ?? "";
}

/** Reloads through nginx, which picks servers in turn, until the page is connected to this server. */
export async function onNode(page: Page, node: number) {
  for (let tries = 0; tries < 30; tries++) {
    if ((await nodeOf(page)) === `e2e-${node + 1}`) return;
    // If a page makes an even number of requests, each load would use the same server: make one more.
    if (tries % 2) await page.request.get("/health/ready");
    await page.reload();
    await isIn(page);
  }
  throw new Error(`nginx did not bring the page to server ${node}`);
}

/**
 * A page's connection to the servers, controlled by the test. A disconnected page stays disconnected until the test restores it,
 * however slow the machine is.
 *
 *     const line = await Line.of(page);   // before the page is opened
 *     line.cut();
 *     line.restore();
 */
export class Line {
  private readonly open = new Set<() => void>();
  private whole = Promise.resolve();
  restore = () => {};

  static async of(page: Page): Promise<Line> {
    const line = new Line();
    await page.routeWebSocket(/\/socket$/, (socket) => line.lead(socket));
    return line;
  }

  /** Ends the connection; new ones wait. */
  cut() {
    this.whole = new Promise((resolve) => (this.restore = resolve));
    for (const end of this.open) end();
    this.open.clear();
  }

  private async lead(socket: WebSocketRoute) {
    await this.whole;
    const server = socket.connectToServer();
    this.open.add(() => {
      // «Resume», as a server says when it cannot continue a connection.
      void socket.close({ code: 4000 });
      void server.close({ code: 4000 });
    });
  }
}

/** From now on the page connects only when a person clicks; its automatic attempts fail. */
export async function connectsOnlyWhenAsked(page: Page) {
  await page.evaluate(() => {
    let asked = false;
    window.addEventListener("roost:connect", () => (asked = true), { capture: true });
    window.WebSocket = new Proxy(WebSocket, {
      construct: (Real, [address]) => new Real(asked ? address : new URL("/nowhere", address).href),
    });
  });
}

// ── keyboard ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Tabs to the target; each focused element must be visible and highlighted. */
export async function tabTo(page: Page, target: Locator) {
  for (let n = 0; n < 60; n++) {
    if (await target.evaluate((element) => element === document.activeElement)) {
      await expect(target).toBeVisible();
      const marked = await target.evaluate((element) => {
        const of = (element: Element) => {
          const style = getComputedStyle(element);
          return (style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none";
        };
        return element.matches(":focus-visible") && (of(element) || of(element.parentElement!));
      });
      expect(marked, "the focus is seen").toBe(true);
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error("Tab does not come there");
}

// ── rooms ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const rooms = (page: Page) => page.getByRole("navigation", { name: /^(Rooms|房间)$/ });

/** A room's entry in the list. */
export const roomLink = (page: Page, name: string) => rooms(page).getByRole("link", { name: begins(name) });

/** Opens a room from the list. */
export async function opens(page: Page, name: string) {
  await roomLink(page, name).click();
  await isOpen(page, name);
}

/** The messages of the open room. A thread beside it is another log. */
export const log = (page: Page) => page.getByRole("log").first();

/** A room is open and its messages are here. */
export async function isOpen(page: Page, name: string) {
  await expect(page.getByRole("main").getByRole("heading", { level: 1, name, exact: true })).toBeVisible();
  await expect(log(page)).toHaveAttribute("aria-busy", "false");
}

/** Chooses from the menu «New». */
export async function chooses(page: Page, what: "New message" | "Browse channels" | "New room"): Promise<Locator> {
  await page.getByLabel("New", { exact: true }).click();
  await rooms(page).getByRole("button", { name: what }).click();
  const dialog = page.getByRole("dialog", { name: what });
  await expect(dialog).toBeVisible();
  return dialog;
}

/** Opens the direct room with someone. */
export async function writesTo(page: Page, other: { handle: string; name: string }) {
  const dialog = await chooses(page, "New message");
  await dialog.getByRole("combobox", { name: "Name or handle" }).fill(other.handle);
  await dialog.getByRole("option", { name: `@${other.handle}` }).click();
  await expect(dialog).toBeHidden();
  await isOpen(page, other.name);
}

/** Ana on one server and Bo on the other, each in the direct room of the two. `options` are of Ana's browser. */
export async function anaAndBo(
  open: (options?: BrowserContextOptions) => Promise<Page>, options: BrowserContextOptions = {},
): Promise<[Person, Person]> {
  const ana = await signUp(await open(options), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  await writesTo(ana.page, bo);
  await opens(bo.page, ana.name);
  return [ana, bo];
}

/** Creates a room, and opens it. */
export async function makesRoom(page: Page, kind: "Channel" | "Group", name: string) {
  const dialog = await chooses(page, "New room");
  await dialog.getByRole("radio", { name: begins(kind) }).check();
  await dialog.getByRole("textbox", { name: "Name" }).fill(name);
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog).toBeHidden();
  await isOpen(page, kind === "Channel" ? `#${name}` : name);
}

// ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const composer = (page: Page) => page.getByRole("textbox", { name: /^(Message|发消息给) / });

/** Sends a message to the open room. */
export async function says(page: Page, text: string) {
  await composer(page).fill(text);
  // On touch screens, Enter breaks the line.
  if (await page.evaluate(() => matchMedia("(hover: none) and (pointer: coarse)").matches)) {
    await page.getByRole("button", { name: /^(Send|发送)$/ }).tap();
  } else {
    await composer(page).press("Enter");
  }
  await expect(composer(page)).toHaveValue("");
}

/** Waits until a server has the drafts of this browser. */
export const draftsAreStored = (page: Page) =>
  expect
    .poll(() =>
      page.evaluate(() => {
        const drafts = Object.entries(localStorage).filter(([key]) => key.includes(":draft:"));
        // What the server has stands before what was typed.
        return drafts.every(([, kept]) => {
          const texts = kept.slice(kept.indexOf("\n") + 1);
          return kept.startsWith("\u0001") && texts.slice(0, texts.length / 2) === texts.slice(texts.length / 2);
        });
      }),
    )
    .toBe(true);

/** `word 1`, `word 2`, … */
export const numbered = (word: string, count: number) => Array.from({ length: count }, (_, n) => `${word} ${n + 1}`);

/**
 * Sends many texts to the open room (or another one) in order, as fast as the server stores them, through a connection of its own, like
 * another device of the same person. For messages that a test needs, not for those that it tests.
 */
export async function saysMany(page: Page, texts: string[], room = new URL(page.url()).pathname.split("/").at(-1)) {
  // A room stores messages in the order of arrival, so they need not wait for each other.
  await asks(page, texts.map((body) => ({ type: "send", room, nonce: crypto.randomUUID(), body })), 16);
}

/**
 * Sends commands to the server in order, as this person, on a separate socket, with at most `atOnce` of them unanswered. A refusal is an
 * error.
 */
export async function asks(page: Page, commands: object[], atOnce = 1) {
  await page.evaluate(async ({ commands, atOnce }) => {
    const { version } = JSON.parse(document.getElementById("page")!.textContent!);
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/socket`);
    const answers = new Map<number, (frame: { refusal?: unknown }) => void>();
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      answers.get(frame.ref)?.(frame);
    };
    socket.onclose = () => answers.forEach((answer) => answer({ refusal: "the socket was closed" }));
    await new Promise((resolve) => (socket.onopen = resolve));
    let ref = 0;
    const ask = (command: object) =>
      new Promise<void>((resolve, reject) => {
        answers.set(++ref, ({ refusal }) => (refusal ? reject(new Error(JSON.stringify(refusal))) : resolve()));
        socket.send(JSON.stringify({ ref, command }));
      });
    await ask({ type: "hello", version });
    const unanswered: Promise<void>[] = [];
    for (const command of commands) {
      if (unanswered.length >= atOnce) await unanswered.shift();
      unanswered.push(ask(command));
    }
    await Promise.all(unanswered);
    socket.close();
  }, { commands, atOnce });
}

/** The message in the open room with exactly this text. */
export const message = (page: Page, text: string) =>
  log(page).getByRole("article").filter({ has: page.getByText(text, { exact: true }) });

/** Waits until the message is in the open room, once. */
export async function sees(page: Page, text: string) {
  await expect(message(page, text)).toHaveCount(1);
  await expect(message(page, text)).toBeInViewport();
}

/** The texts in the open room with this prefix, top to bottom. */
export async function texts(page: Page, beginning: string): Promise<string[]> {
  const all = await log(page).getByRole("article").allInnerTexts();
  return all.flatMap((text) => text.split("\n")).map((line) => line.trim()).filter((line) => line.startsWith(beginning));
}

/** Waits until the texts in the open room with this prefix are exactly these, in this order. */
export async function seesInOrder(page: Page, beginning: string, wanted: string[]) {
  await expect.poll(() => texts(page, beginning), { timeout: 15_000 }).toEqual(wanted);
}

/** The number of a message in its room, once the page knows that it is stored. */
export async function seqOf(page: Page, text: string): Promise<number> {
  await expect(message(page, text)).toHaveAttribute("data-seq", /^\d+$/);
  return Number(await message(page, text).getAttribute("data-seq"));
}

/**
 * Moves the pointer to a message and returns its tools. Use it only while nothing moves, because the tools disappear when the row moves
 * away from the pointer. Use `reaches` unless the test is about the pointer.
 */
export async function pointsAt(page: Page, text: string | Locator): Promise<Locator> {
  const row = typeof text === "string" ? message(page, text) : text;
  await row.hover({ position: { x: 60, y: 6 } });
  return toolsOf(row);
}

/** Focuses a message with the keyboard and returns its tools. The focus stays there, whatever moves. */
export async function reaches(page: Page, text: string | Locator): Promise<Locator> {
  const row = typeof text === "string" ? message(page, text) : text;
  // After a click, the browser would treat script focus as pointer focus.
  await row.evaluate((row: HTMLElement) => row.focus({ focusVisible: true } as FocusOptions));
  return toolsOf(row);
}

/** Opens the menu «More» of a message's tools. */
export async function moreOf(tools: Locator): Promise<Locator> {
  await tools.getByRole("button", { name: "More", exact: true }).click();
  const menu = tools.getByRole("menu", { name: "Message actions" });
  await expect(menu.getByRole("menuitem").first()).toBeFocused();
  return menu;
}

/** Chooses an action in the menu «More» of a message's tools. */
export async function acts(tools: Locator, name: string) {
  await (await moreOf(tools)).getByRole("menuitem", { name, exact: true }).click();
}

/** Long-presses a message or another element (until `shown` is visible, if given), and releases it. */
export async function releases(page: Page, what: string | Locator, shown?: Locator) {
  const target = typeof what === "string" ? message(page, what) : what;
  await target.scrollIntoViewIfNeeded();
  const box = (await target.boundingBox())!;
  // The ticks next to a message's text and the reactions below it are buttons of their own.
  const point = { x: box.x + Math.min(90, box.width / 2), y: box.y + Math.min(12, box.height / 2) };
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [point] });
  // A busy page notices a long press late.
  if (shown) await expect(shown).toBeVisible();
  else await page.waitForTimeout(600);
  await devtools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await devtools.detach();
}

/** Opens a message's sheet with a long press. */
export async function presses(page: Page, what: string | Locator): Promise<Locator> {
  const sheet = page.getByRole("dialog", { name: /^(Message actions|消息操作)$/ });
  await releases(page, what, sheet);
  await expect(sheet).toBeVisible();
  return sheet;
}

async function toolsOf(row: Locator): Promise<Locator> {
  const tools = row.getByRole("toolbar", { name: /^(Message actions|消息操作)$/ });
  await expect(tools).toBeVisible();
  return tools;
}

/** The composer while a message is edited. */
export const editor = (page: Page) => page.getByRole("textbox", { name: /^(Edit message|编辑消息)$/ });

// ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A real PNG of one colour, drawn by the browser. */
export async function png(page: Page, width: number, height: number, colour: string): Promise<Buffer> {
  const url = await page.evaluate(([width, height, colour]) => {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const brush = canvas.getContext("2d")!;
    brush.fillStyle = colour as string;
    brush.fillRect(0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  }, [width, height, colour] as const);
  return Buffer.from(url.split(",")[1], "base64");
}

/** Waits until a picture is drawn from the server's bytes, not only its frame. */
export async function isDrawn(picture: Locator) {
  await picture.scrollIntoViewIfNeeded();
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth)).toBeGreaterThan(0);
}

// ── axe ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The appearances of every page. They differ only in colours, so the slow complete run of axe is done in the first alone. */
const looks = {
  light: { colorScheme: "light", forcedColors: "none" },
  dark: { colorScheme: "dark", forcedColors: "none" },
  forced: { colorScheme: "dark", forcedColors: "active" },
} as const;

/** Checks that axe finds nothing serious or critical: in light, in dark, and in forced colours. */
export async function isAccessible(page: Page, what: string) {
  for (const [look, media] of Object.entries(looks)) {
    await page.emulateMedia({ ...media, reducedMotion: "reduce" });
    // Finish all animations, so that no intermediate colours are checked.
    await page.evaluate(() => {
      for (const motion of document.getAnimations()) if (motion.effect?.getTiming().iterations !== Infinity) motion.finish();
    });
    // The page has no frames, so axe need not open another page each time to merge its results.
    const axe = new AxeBuilder({ page }).setLegacyMode();
    const { violations } = await (look === "light" ? axe : axe.withRules("color-contrast")).analyze();
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = grave.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} (${node.any[0]?.message ?? node.all[0]?.message ?? ""})`).join("; ")}`);
    expect.soft(told, `${what}, ${look}, ${page.viewportSize()?.width} wide`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light", forcedColors: "none" });
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const begins = (text: string) => new RegExp(`^${escaped(text)}`);
