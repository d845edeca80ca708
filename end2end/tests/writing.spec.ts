// Writing aids: formatting tools, pasting, and input methods.
import type { Page } from "@playwright/test";

import { composer, editor, expect, isAccessible, isIn, isOpen, makesRoom, onNode, opens, roomLink, signUp, test, unique, writesTo } from "../fixtures";

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const row = (page: Page, text: string) => page.getByRole("log").getByRole("article").filter({ hasText: text });
const tools = (page: Page) => page.getByRole("toolbar", { name: "Formatting" });
const tool = (page: Page, name: string) => tools(page).getByRole("button", { name, exact: true });
const toggle = (page: Page) => page.getByRole("button", { name: "Formatting" });

async function shows(page: Page) {
  await toggle(page).click();
  await expect(tools(page)).toBeVisible();
}

async function selects(page: Page, text: string) {
  await composer(page).evaluate((field: HTMLTextAreaElement, text) => {
    const at = field.value.indexOf(text);
    field.focus();
    field.setSelectionRange(at, at + text.length);
  }, text);
}

/** Puts something on the clipboard and pastes it with the keyboard. */
async function pastes(page: Page, kinds: Record<string, string>, keys = "ControlOrMeta+v") {
  await page.evaluate(async (kinds) => {
    const item = Object.fromEntries(Object.entries(kinds).map(([kind, text]) => [kind, new Blob([text], { type: kind })]));
    await navigator.clipboard.write([new ClipboardItem(item)]);
  }, kinds);
  await composer(page).focus();
  await page.keyboard.press(keys);
}

/** Pastes data that a page may not put on the clipboard itself. Returns whether pasting is left to the browser. */
async function pastesFromProgram(page: Page, kinds: Record<string, string>): Promise<boolean> {
  return composer(page).evaluate((field, kinds) => {
    (field as HTMLElement).focus();
    const clipboardData = new DataTransfer();
    for (const [kind, text] of Object.entries(kinds)) clipboardData.setData(kind, text);
    return field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, kinds);
}

/** Two people in a room of their own, on different servers. */
async function two(open: (options?: object) => Promise<Page>, options: object = {}) {
  const ana = await signUp(await open({ permissions: ["clipboard-read", "clipboard-write"], ...options }), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  await writesTo(ana.page, bo);
  return { ana, bo };
}

test("each tool formats the selection and can be undone", async ({ open }) => {
  const { ana } = await two(open);
  const field = composer(ana.page);
  await expect(tools(ana.page)).toHaveCount(0);
  await shows(ana.page);
  await expect(toggle(ana.page)).toHaveAttribute("aria-expanded", "true");
  await isAccessible(ana.page, "the tools that format");

  const whole = "the tide turns";
  await field.pressSequentially(whole);
  for (const [name, keys, text] of [
    ["Bold", "Ctrl+B", "the **tide** turns"],
    ["Italic", "Ctrl+I", "the *tide* turns"],
    ["Strikethrough", "Ctrl+Shift+X", "the ~~tide~~ turns"],
    ["Link", "Ctrl+Shift+K", "the [tide](https://) turns"],
    ["Numbered list", "Ctrl+Shift+7", "1. the tide turns"],
    ["List", "Ctrl+Shift+8", "- the tide turns"],
    ["Quote", "Ctrl+Shift+9", "> the tide turns"],
    ["Code", "Ctrl+E", "the `tide` turns"],
    ["Code block", "Ctrl+Shift+C", "the \n```\ntide\n```\n turns"],
    ["Spoiler", "Ctrl+Shift+H", "the ||tide|| turns"],
  ]) {
    await expect(tool(ana.page, name)).toHaveAttribute("title", `${name} (${keys})`);
    for (const press of [() => tool(ana.page, name).click(), () => ana.page.keyboard.press(keys.replace("Ctrl", "Control"))]) {
      await selects(ana.page, "tide");
      await press();
      await expect(field, name).toHaveValue(text);
      await expect(field).toBeFocused();
      await ana.page.keyboard.press("Control+z");
      await expect(field, `${name}, taken back`).toHaveValue(whole);
    }
  }

  // The address is selected, so that typing replaces it.
  await selects(ana.page, "tide");
  await tool(ana.page, "Link").click();
  await ana.page.keyboard.type("https://tides.example");
  await expect(field).toHaveValue("the [tide](https://tides.example) turns");
  await ana.page.keyboard.press("Enter");
  await expect(row(ana.page, "the tide turns").getByRole("link", { name: "tide" })).toHaveAttribute("href", "https://tides.example");
});

test("the tools work with the keyboard, and stay open or closed", async ({ open }) => {
  const { ana } = await two(open);
  const field = composer(ana.page);
  await field.pressSequentially("tide");
  await selects(ana.page, "tide");
  await ana.page.keyboard.press("Tab");
  await expect(ana.page.getByLabel("Attach files")).toBeFocused();
  await ana.page.keyboard.press("Tab");
  await expect(toggle(ana.page)).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await tool(ana.page, "Bold").focus();
  await ana.page.keyboard.press("ArrowRight");
  await expect(tool(ana.page, "Italic")).toBeFocused();
  await ana.page.keyboard.press("End");
  await expect(tool(ana.page, "Create poll")).toBeFocused();
  await ana.page.keyboard.press("ArrowRight");
  await expect(tool(ana.page, "Bold")).toBeFocused();
  await ana.page.keyboard.press("Space");
  await expect(field).toHaveValue("**tide**");
  await expect(field).toBeFocused();
  await ana.page.keyboard.press("Control+z");
  await expect(field).toHaveValue("tide");

  // Their space is reserved before they load.
  await ana.page.reload();
  await expect(ana.page.locator("html")).toHaveAttribute("data-formatting", "");
  await isIn(ana.page);
  await expect(tools(ana.page)).toBeVisible();
  await toggle(ana.page).click();
  await expect(tools(ana.page)).toHaveCount(0);
  await ana.page.reload();
  await isIn(ana.page);
  await expect(toggle(ana.page)).toHaveAttribute("aria-expanded", "false");
  await expect(tools(ana.page)).toHaveCount(0);
});

test("on a phone the tools are large enough, and the row scrolls", async ({ open }) => {
  const ana = await signUp(await open(phone));
  const bo = await signUp(await open());
  await writesTo(bo.page, ana);
  await ana.page.goto("/");
  await isIn(ana.page);
  await roomLink(ana.page, bo.name).tap();
  await isOpen(ana.page, bo.name);
  const field = composer(ana.page);
  await field.tap();
  await toggle(ana.page).tap();
  await expect(tools(ana.page)).toBeVisible();
  // The keyboard stays open.
  await expect(field).toBeFocused();
  const box = (await tool(ana.page, "Bold").boundingBox())!;
  expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(44);
  expect(await tools(ana.page).evaluate((row) => row.scrollWidth > row.clientWidth)).toBe(true);
  expect(await ana.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await field.fill("rope");
  await tool(ana.page, "Spoiler").scrollIntoViewIfNeeded();
  await selects(ana.page, "rope");
  await tool(ana.page, "Spoiler").tap();
  await expect(field).toHaveValue("||rope||");
  await isAccessible(ana.page, "the tools that format");
});

test("an edit is formatted, too", async ({ open }) => {
  const { ana } = await two(open);
  await composer(ana.page).fill("the tide");
  await composer(ana.page).press("Enter");
  await expect(row(ana.page, "the tide")).toHaveAttribute("data-seq", /\d/);
  await composer(ana.page).press("ArrowUp");
  await expect(editor(ana.page)).toHaveValue("the tide");
  await editor(ana.page).press("Control+a");
  await editor(ana.page).press("Control+b");
  await expect(editor(ana.page)).toHaveValue("**the tide**");
  await editor(ana.page).press("Enter");
  await expect(row(ana.page, "the tide").locator("strong")).toHaveText("the tide");
});

const PAGE = `<h2>Sailing <b>plan</b></h2><p>We <strong>leave</strong> at <em>four</em>, <del>not five</del>:
<code>tide --now</code>. See <a href="https://charts.example/a">the chart</a> or <a href="javascript:alert(1)">this</a>.</p>
<ul><li>Engine<ul><li>oil</li></ul></li><li>Sails</li></ul><blockquote>He does.</blockquote>
<pre><code class="language-rust">fn main() {
    go();
}</code></pre><img src="/pasted-picture.png" alt="a boat" onerror="window.pasted = 1"><script>window.pasted = 2</script>`;
const MARKDOWN = `## Sailing plan

We **leave** at *four*, ~~not five~~: \`tide --now\`. See [the chart](https://charts.example/a) or this.

- Engine
  - oil
- Sails

> He does.

\`\`\`rust
fn main() {
    go();
}
\`\`\``;

test("pasted content keeps its formatting, and nothing in it runs or loads", async ({ open }) => {
  const { ana, bo } = await two(open);
  const field = composer(ana.page);
  const fetched: string[] = [];
  ana.page.on("request", (request) => fetched.push(request.url()));
  await pastesFromProgram(ana.page, { "text/html": PAGE, "text/plain": "Sailing plan" });
  await expect(field).toHaveValue(MARKDOWN);
  await ana.page.keyboard.press("Control+z");
  await expect(field).toHaveValue("");
  // Through the real clipboard, in the middle of a text.
  await field.pressSequentially("say  now");
  await field.press("ArrowLeft");
  for (let n = 0; n < 3; n++) await field.press("ArrowLeft");
  await pastes(ana.page, { "text/html": "<p>one <b>bold</b> word</p>", "text/plain": "one bold word" });
  await expect(field).toHaveValue("say one **bold** word now");
  // Without formatting.
  await field.fill("");
  await pastes(ana.page, { "text/html": "<p>one <b>bold</b> word</p>", "text/plain": "one bold word" }, "ControlOrMeta+Shift+v");
  await expect(field).toHaveValue("one bold word");
  // And not in code.
  await field.fill("```\n");
  await field.press("Control+End");
  await pastes(ana.page, { "text/html": "<b>x</b>", "text/plain": "x" });
  await expect(field).toHaveValue("```\nx");

  await field.fill("");
  await pastesFromProgram(ana.page, { "text/html": PAGE, "text/plain": "Sailing plan" });
  await field.press("Enter");
  await opens(bo.page, ana.name);
  const text = row(bo.page, "Sailing plan").locator(".text");
  await expect(text.getByRole("link", { name: "the chart" })).toHaveAttribute("href", "https://charts.example/a");
  await expect(text.locator("ul > li > ul > li")).toHaveText("oil");
  await expect(text.locator("pre")).toHaveText("fn main() {\n    go();\n}");
  expect(fetched.filter((url) => url.includes("pasted-picture"))).toEqual([]);
  expect(await ana.page.evaluate(() => (window as any).pasted)).toBeUndefined();
});

test("a range of a spreadsheet becomes a table, lines of an editor become code", async ({ open }) => {
  const { ana, bo } = await two(open);
  const field = composer(ana.page);
  await pastesFromProgram(ana.page, {
    "text/html": "<table><tr><td>Boat<td>Length<tr><td>Heron<td>7.2</table>", "text/plain": "Boat\tLength\nHeron\t7.2",
  });
  await expect(field).toHaveValue("| Boat | Length |\n| --- | --- |\n| Heron | 7.2 |");
  await field.press("Enter");
  await opens(bo.page, ana.name);
  await expect(row(bo.page, "Heron").getByRole("cell")).toHaveText(["Heron", "7.2"]);

  const lines = (text: string) => `<meta charset='utf-8'><div style="color:#ccc;font-family:Consolas, 'Courier New', monospace;white-space:pre;">${text}</div>`;
  const code = { "vscode-editor-data": '{"version":1,"mode":"typescript"}' };
  await pastesFromProgram(ana.page, {
    ...code, "text/html": lines("<div><span>let a = 1;</span></div><div><span>&#160;&#160;b();</span></div>"), "text/plain": "let a = 1;\n  b();",
  });
  await expect(field).toHaveValue("```typescript\nlet a = 1;\n  b();\n```");
  // A single line is plain text.
  expect(await pastesFromProgram(ana.page, { "text/html": lines("<div><span>let a = 1;</span></div>"), "text/plain": "let a = 1;" })).toBe(true);
});

test("many pasted lines can become a code block", async ({ open }) => {
  const { ana } = await two(open);
  const field = composer(ana.page);
  const log = Array.from({ length: 25 }, (_, n) => `line ${n + 1}: *not* bold`).join("\n");
  const offer = ana.page.getByRole("status").filter({ hasText: "You pasted 25 lines." });
  await field.pressSequentially("see ");
  await pastes(ana.page, { "text/plain": log });
  await expect(field).toHaveValue(`see ${log}`);
  await expect(offer).toBeVisible();
  await isAccessible(ana.page, "the offer to make code of it");
  await ana.page.getByRole("button", { name: "Make it a code block" }).click();
  await expect(field).toHaveValue(`see \n\`\`\`\n${log}\n\`\`\``);
  await expect(offer).toBeHidden();
  await expect(field).toBeFocused();
  await ana.page.keyboard.press("Control+z");
  await expect(field).toHaveValue(`see ${log}`);
  await ana.page.keyboard.press("Control+z");
  await expect(field).toHaveValue("see ");

  // The offer disappears when it is closed, and with the text.
  await pastes(ana.page, { "text/plain": log });
  await ana.page.getByRole("button", { name: "Close" }).click();
  await expect(offer).toBeHidden();
  await expect(field).toBeFocused();
  await field.fill("");
  await pastes(ana.page, { "text/plain": log });
  await expect(offer).toBeVisible();
  await field.fill("something else");
  await expect(offer).toBeHidden();
  // A few lines are not treated as code.
  await pastes(ana.page, { "text/plain": "a\nb\nc" });
  await expect(offer).toBeHidden();

  // A text that is too long says so, and is not truncated.
  await field.fill("");
  await pastes(ana.page, { "text/plain": "a long line of words\n".repeat(300) });
  await expect(field).toHaveAccessibleDescription(/2,?299 characters too many|2300 characters too many/);
  await field.press("Enter");
  await expect(field).toHaveValue(/^a long line/);
});

test("formatting keys do not disturb an input method", async ({ open }) => {
  const { ana } = await two(open);
  const field = composer(ana.page);
  await shows(ana.page);
  await field.focus();
  const devtools = await ana.page.context().newCDPSession(ana.page);
  await devtools.send("Input.imeSetComposition", { text: "- ni", selectionStart: 4, selectionEnd: 4 });
  await expect(field).toHaveValue("- ni");
  // During composition, keys do not format, break lines or choose anything.
  for (const [key, code, more] of [["Enter", "Enter", { shiftKey: true }], ["b", "KeyB", { ctrlKey: true }], ["Enter", "Enter", {}]] as const) {
    await field.evaluate((field, [key, code, more]) => {
      field.dispatchEvent(new KeyboardEvent("keydown", { key, code, ...more, isComposing: true, bubbles: true, cancelable: true }));
    }, [key, code, more] as [string, string, object]);
  }
  await expect(field).toHaveValue("- ni");
  await devtools.send("Input.insertText", { text: "- 你好" });
  await expect(field).toHaveValue("- 你好");
});

test("in Chinese the tools have Chinese names", async ({ open }) => {
  const ana = await signUp(await open({ locale: "zh-CN" }));
  await ana.page.getByRole("button", { name: "格式" }).click();
  const row = ana.page.getByRole("toolbar", { name: "格式" });
  await expect(row.getByRole("button")).toHaveCount(11);
  await expect(row.getByRole("button", { name: "编号列表" })).toHaveAttribute("title", "编号列表 (Ctrl+Shift+7)");
});

test("writing works without the writing aids, and a failed load is reported", async ({ open, expected }) => {
  expected(/ERR_INTERNET_DISCONNECTED/, /Failed to fetch/);
  const page = await open();
  const chunk = /\/pkg\/writing\.[0-9a-f]+\.wasm$/;
  await page.route(chunk, (route) => route.abort("internetdisconnected"));
  await signUp(page);
  await makesRoom(page, "Group", unique("bare"));
  await composer(page).fill("**bold**");
  await composer(page).press("Enter");
  await expect(row(page, "bold").locator("strong")).toBeVisible();
  const told = page.getByRole("main").getByText("This part of Roost didn’t load.");
  await expect(told).toBeHidden();
  await toggle(page).click();
  await expect(told).toBeVisible();
  await page.unroute(chunk);
  await page.getByRole("main").getByRole("button", { name: "Try again" }).click();
  await expect(tools(page)).toBeVisible();
  await expect(told).toBeHidden();
});
