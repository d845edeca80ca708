// Formatted messages: the same on every screen, after a reload, and without script; and the formatting keys.
import type { Page } from "@playwright/test";

import { asks, composer, expect, isAccessible, isIn, isOpen, makesRoom, onNode, opens, roomLink, signUp, test, unique, writesTo } from "../fixtures";

const row = (page: Page, text: string) => page.getByRole("log").getByRole("article").filter({ hasText: text });

const MESSAGE = `## Sailing plan
**Friday** at *four*, ~~not five~~: \`tide --now\` says so.
See [the chart](https://charts.example/harbour?x=1 "Harbour") or https://tides.example/t_1.

> Who brings the rope?
> 王小明 does.

1. Engine
   - oil
2. Sails
- [x] paint
- [ ] varnish

| Boat | Length |
|:-----|------:|
| Heron | 7.2 |

\`\`\`rust
fn main() {
    println!("<b>ahoy</b> **not bold**");
}
\`\`\`
---
<img src=x onerror=alert(1)> stays words`;

/** What both see, and what the server renders. */
async function isFormatted(page: Page) {
  const text = row(page, "Sailing plan").locator(".text");
  await expect(text.getByRole("heading", { name: "Sailing plan" })).toBeVisible();
  await expect(text.locator("strong")).toHaveText("Friday");
  await expect(text.locator("em")).toHaveText("four");
  await expect(text.locator("s")).toHaveText("not five");
  await expect(text.locator("p > code")).toHaveText("tide --now");
  await expect(text.getByRole("link")).toHaveText(["the chart", "https://tides.example/t_1"]);
  const chart = text.getByRole("link", { name: "the chart" });
  await expect(chart).toHaveAttribute("href", "https://charts.example/harbour?x=1");
  await expect(chart).toHaveAttribute("title", "Harbour\nhttps://charts.example/harbour?x=1");
  await expect(chart).toHaveAttribute("rel", "noopener noreferrer nofollow");
  await expect(text.getByRole("blockquote")).toHaveText("Who brings the rope?\n王小明 does.");
  await expect(text.locator("ol > li")).toHaveCount(2);
  await expect(text.locator("ol > li > ul > li")).toHaveText("oil");
  await expect(text.locator("ul > li.task")).toHaveText(["Donepaint", "To dovarnish"]);
  await expect(text.getByRole("columnheader")).toHaveText(["Boat", "Length"]);
  await expect(text.getByRole("cell")).toHaveText(["Heron", "7.2"]);
  await expect(text.locator("pre")).toHaveText('fn main() {\n    println!("<b>ahoy</b> **not bold**");\n}');
  await expect(text.locator("b, img[src]")).toHaveCount(0);
  await expect(text).toContainText("<img src=x onerror=alert(1)> stays words");
}

test("a formatted message is the same for both, after a reload, and without script", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  await writesTo(ana.page, bo);
  await composer(ana.page).fill(MESSAGE);
  await composer(ana.page).press("Enter");
  await opens(bo.page, ana.name);
  for (const { page } of [ana, bo]) await isFormatted(page);
  await isAccessible(ana.page, "a formatted message");

  // Formatting marks appear neither in the list nor in screen reader texts.
  await expect(roomLink(bo.page, ana.name)).toContainText("Sailing plan Friday at four");
  await bo.page.reload();
  await isIn(bo.page);
  await isFormatted(bo.page);

  const bare = await open({ javaScriptEnabled: false, storageState: await bo.page.context().storageState() });
  await bare.goto(new URL(bo.page.url()).pathname);
  await isFormatted(bare);

  // Editing shows the text as typed.
  await ana.page.keyboard.press("Escape");
  await composer(ana.page).press("ArrowUp");
  await expect(ana.page.getByRole("textbox", { name: "Edit message" })).toHaveValue(MESSAGE);
});

test("a spoiler is hidden until it is revealed", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  await composer(ana.page).fill("the end: ||the gull did it||, and ||it flew||");
  await composer(ana.page).press("Enter");
  await opens(bo.page, ana.name);
  const text = row(bo.page, "the end").locator(".text");
  const covers = text.getByRole("button", { name: "Hidden text. Click to show it." });
  await expect(covers).toHaveCount(2);
  await expect(bo.page.getByText("the gull did it")).toBeHidden();
  await expect(roomLink(bo.page, ana.name)).toContainText("the end: ▒▒▒▒, and ▒▒▒▒");
  await covers.first().focus();
  await bo.page.keyboard.press("Enter");
  await expect(bo.page.getByText("the gull did it")).toBeVisible();
  await expect(bo.page.getByText("it flew")).toBeVisible();
  await expect(covers).toHaveCount(0);

  // It stays revealed when the message is redrawn.
  const seq = Number(await row(bo.page, "the end").getAttribute("data-seq"));
  const room = new URL(bo.page.url()).pathname.split("/").at(-1)!;
  await asks(ana.page, [{ type: "react", room, seq, emoji: "🎉", on: true }]);
  await expect(row(bo.page, "the end").getByRole("button", { name: /^🎉, 1 person/ })).toBeVisible();
  await expect(bo.page.getByText("the gull did it")).toBeVisible();
});

test("code is copied by its button", async ({ open }) => {
  const ana = await signUp(await open({ permissions: ["clipboard-read", "clipboard-write"] }));
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  await composer(ana.page).fill("```sh\ncargo run \\\n  --release\n```");
  await composer(ana.page).press("Enter");
  const block = ana.page.locator(".code-block");
  await expect(block).toContainText("sh");
  await block.hover();
  await block.getByRole("button", { name: "Copy code" }).click();
  await expect(block.getByRole("status")).toHaveText("Copied");
  expect(await ana.page.evaluate(() => navigator.clipboard.readText())).toBe("cargo run \\\n  --release");
});

test("code is highlighted when it becomes visible", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  await composer(ana.page).fill("```js\nconst boats = 3; // afloat\n```\nand\n```no-such-language\nconst\n```");
  await composer(ana.page).press("Enter");
  const coloured = (kind: string) =>
    ana.page.evaluate((kind) => {
      const ranges = [...((CSS as any).highlights.get(kind) ?? [])] as StaticRange[];
      return ranges.map((range) => range.startContainer.textContent!.slice(range.startOffset, range.endOffset));
    }, kind);
  await expect.poll(() => coloured("code-keyword")).toEqual(["const"]);
  expect(await coloured("code-comment")).toEqual(["// afloat"]);
  expect(await coloured("code-number")).toEqual(["3"]);
});

test("formulas are drawn, in text and as blocks", async ({ open }) => {
  const ana = await signUp(await open({ permissions: ["clipboard-read", "clipboard-write"] }));
  const bo = await signUp(await open());
  const wrong: string[] = [];
  for (const { page } of [ana, bo]) {
    page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
    page.on("pageerror", (error) => wrong.push(String(error)));
  }
  await writesTo(ana.page, bo);
  await composer(ana.page).fill("设 $$x^2 + \\frac{1}{2}$$ 为已知：\n$$\n\\begin{pmatrix} a & b \\\\ c & \\mathbb{R} \\end{pmatrix}\n$$\nand $$\\oops$$");
  await composer(ana.page).press("Enter");
  await opens(bo.page, ana.name);
  const areDrawn = async (page: Page, first: string) => {
    const formulas = row(page, "为已知").locator("tex-formula");
    await expect(formulas).toHaveCount(3);
    await expect(formulas.nth(0).locator("math")).toHaveText(first);
    await expect(formulas.nth(0).locator("mfrac")).toHaveText("12");
    await expect(formulas.nth(1).locator("math[display=block] mtr")).toHaveText(["ab", "cℝ"]);
    // One with a mistake stays as it was written, and says what is wrong.
    await expect(formulas.nth(2).getByTitle("Undefined control sequence: \\oops")).toBeVisible();
    await expect(formulas.nth(2).getByText("\\oops")).toBeVisible();
  };
  for (const { page } of [ana, bo]) await areDrawn(page, "x2+12");
  await isAccessible(bo.page, "formulas");
  // Screen readers get the formula; the selection has the source.
  await expect(row(bo.page, "为已知").getByRole("math")).toHaveCount(2);
  const selected = await row(bo.page, "为已知").locator(".text").evaluate((text) => {
    getSelection()!.selectAllChildren(text);
    return getSelection()!.toString();
  });
  expect(selected).toContain("设 x^2 + \\frac{1}{2} 为已知：");
  expect(selected).toContain("\\begin{pmatrix} a & b \\\\ c & \\mathbb{R} \\end{pmatrix}");

  // The page that the server draws has the source, and hydrates as it is.
  await bo.page.reload();
  await isIn(bo.page);
  await areDrawn(bo.page, "x2+12");

  await ana.page.keyboard.press("Escape");
  await composer(ana.page).press("ArrowUp");
  const editor = ana.page.getByRole("textbox", { name: "Edit message" });
  await editor.fill((await editor.inputValue()).replace("x^2", "y^3"));
  await editor.press("Enter");
  for (const { page } of [ana, bo]) await areDrawn(page, "y3+12");
  expect(wrong).toEqual([]);

  const bare = await open({ javaScriptEnabled: false, storageState: await bo.page.context().storageState() });
  await bare.goto(new URL(bo.page.url()).pathname);
  await expect(row(bare, "为已知").locator("tex-formula > code").first()).toHaveText("y^3 + \\frac{1}{2}");
  await expect(row(bare, "为已知").locator("tex-formula > code").first()).toBeVisible();
});

test("a formula stays within its box, whatever it says", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  const formulas = {
    loop: "\\def\\x{\\x\\x}\\x", deep: `${"\\sqrt{".repeat(400)}x${"}".repeat(400)}`, link: "\\href{javascript:alert(1)}{x}",
    huge: "\\rule{1000em}{1000em}", away: "\\hspace{-900em}\\raisebox{900em}{x}y", wide: Array.from({ length: 60 }, (_, n) => `a_{${n}}`).join("+"),
  };
  for (const [name, formula] of Object.entries(formulas))
    for (const text of [`${name} $$${formula}$$ in text`, `${name} below\n$$${formula}$$`]) {
      await composer(ana.page).fill(text);
      await composer(ana.page).press("Enter");
      await expect(row(ana.page, `${name} ${text.includes("below") ? "below" : ""}`).last()).toBeVisible();
    }
  const all = ana.page.locator("tex-formula");
  await expect(all).toHaveCount(12);
  // Each is drawn when it has been on the screen.
  for (const formula of await all.all()) {
    await formula.scrollIntoViewIfNeeded();
    await expect(formula.locator("math, [title]")).toHaveCount(1);
  }
  for (const [name, title] of Object.entries({ loop: "Not allowed: \\def", deep: "This formula is too large.", link: "Not allowed: \\href" }))
    await expect(row(ana.page, `${name} `).getByTitle(title)).toHaveCount(2);
  await expect(all.locator("a, img, script, iframe")).toHaveCount(0);
  const boxes = await all.evaluateAll((all) =>
    all.map((one) => {
      const [box, text] = [one, one.closest(".text")!].map((element) => element.getBoundingClientRect());
      return { isInside: box.left >= text.left - 1 && box.right <= text.right + 1, height: box.height, scrolls: one.scrollWidth > one.clientWidth + 1 };
    }),
  );
  for (const { isInside, height } of boxes) {
    expect(isInside).toBe(true);
    expect(height).toBeLessThan(600);
  }
  for (const { scrolls } of boxes.slice(-2)) expect(scrolls).toBe(true);
  expect(await ana.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test("names of people and channels", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const channel = unique("pier");
  await makesRoom(ana.page, "Channel", channel);
  await writesTo(ana.page, bo);
  await composer(ana.page).fill(`@${bo.handle} and @nobody-here, see #${channel} or #nowhere`);
  await composer(ana.page).press("Enter");
  await opens(bo.page, ana.name);
  const own = row(ana.page, "@nobody-here").locator(".mention");
  await expect(own).toHaveText(["@Bo Lindqvist", `#${channel}`]);
  await expect(own.first()).toHaveAttribute("title", `@${bo.handle}`);
  // Bo's own mention is highlighted more. Of a channel that he is not in, there is only the name.
  const his = row(bo.page, "@nobody-here").locator(".mention");
  await expect(his).toHaveText(["@Bo Lindqvist"]);
  await expect(his).toHaveClass(/to-me/);
  await own.last().click();
  await expect(ana.page.getByRole("heading", { level: 1, name: `#${channel}` })).toBeVisible();
});

test("a name is completed while it is typed", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const others = [];
  for (const name of ["Bo Lindqvist", "Bodil Aas", "王小明"]) others.push(await signUp(await open(), { name }));
  const [bo, bodil, wang] = others;
  const channel = unique("quay");
  await makesRoom(ana.page, "Channel", channel);
  const room = new URL(ana.page.url()).pathname.split("/").at(-1)!;
  for (const { page } of others) await asks(page, [{ type: "join", room }]);
  const field = composer(ana.page);
  const list = ana.page.getByRole("listbox", { name: "Suggestions" });
  const chosen = list.getByRole("option", { selected: true });

  await field.pressSequentially("ask @bo");
  await expect(list.locator(".suggestion-title")).toHaveText(["Bo Lindqvist", "Bodil Aas"]);
  await expect(list.locator(".suggestion-name")).toHaveText([`@${bo.handle}`, `@${bodil.handle}`]);
  await expect(chosen).toContainText("Bo Lindqvist");
  await isAccessible(ana.page, "suggestions");
  await expect(field).toHaveAttribute("aria-activedescendant", "suggestions-0");
  await ana.page.keyboard.press("ArrowDown");
  await expect(chosen).toContainText("Bodil Aas");
  await expect(field).toHaveAttribute("aria-activedescendant", "suggestions-1");
  await ana.page.keyboard.press("Enter");
  await expect(field).toHaveValue(`ask @${bodil.handle} `);
  await expect(list).toHaveCount(0);
  await ana.page.keyboard.press("ControlOrMeta+z");
  await expect(field).toHaveValue("ask @bo");

  // By the letters of the name, in any script, and with the pointer.
  await field.fill("");
  await field.pressSequentially("问@小");
  await list.getByRole("option", { name: "王小明" }).click();
  await expect(field).toHaveValue(`问@${wang.handle} `);
  await expect(field).toBeFocused();

  await field.pressSequentially(`#${channel.slice(0, 3)}`);
  await expect(list.getByRole("option", { name: `#${channel}` })).toBeVisible();
  await ana.page.keyboard.press("Escape");
  await expect(list).toHaveCount(0);
  await expect(field).toBeFocused();
  // When closed, Enter sends.
  await ana.page.keyboard.press("Enter");
  await expect(row(ana.page, "问").locator(".mention").first()).toHaveText("@王小明");

  // A completely typed name needs no completion.
  await field.pressSequentially(`thanks @${bo.handle}`);
  await expect(list.getByRole("option")).toHaveCount(1);
  await ana.page.keyboard.press("Enter");
  await expect(row(ana.page, "thanks").locator(".mention")).toHaveText("@Bo Lindqvist");

  await field.pressSequentially("nobody is @zzzz");
  await expect(list).toHaveCount(0);
  await field.fill("");
  await field.pressSequentially("mail@bo");
  await expect(list).toHaveCount(0);
});

test("the keyboard formats, and each step can be undone", async ({ open }) => {
  const ana = await signUp(await open({ permissions: ["clipboard-read", "clipboard-write"] }));
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  const field = composer(ana.page);
  const selects = (text: string) =>
    field.evaluate((field: HTMLTextAreaElement, text) => {
      const at = field.value.indexOf(text);
      field.focus();
      field.setSelectionRange(at, at + text.length);
    }, text);

  await field.pressSequentially("船 the tide 🚢 turns");
  await selects("tide");
  await ana.page.keyboard.press("ControlOrMeta+b");
  await expect(field).toHaveValue("船 the **tide** 🚢 turns");
  await ana.page.keyboard.press("ControlOrMeta+i");
  await expect(field).toHaveValue("船 the ***tide*** 🚢 turns");
  await ana.page.keyboard.press("ControlOrMeta+i");
  await expect(field).toHaveValue("船 the **tide** 🚢 turns");
  await selects("turns");
  await ana.page.keyboard.press("ControlOrMeta+e");
  await expect(field).toHaveValue("船 the **tide** 🚢 `turns`");
  await ana.page.keyboard.press("ControlOrMeta+z");
  await expect(field).toHaveValue("船 the **tide** 🚢 turns");
  await selects("the");
  await ana.page.keyboard.press("ControlOrMeta+Shift+x");
  await expect(field).toHaveValue("船 ~~the~~ **tide** 🚢 turns");

  await selects("turns");
  await ana.page.evaluate(() => navigator.clipboard.writeText("https://tides.example/a"));
  await ana.page.keyboard.press("ControlOrMeta+v");
  await expect(field).toHaveValue("船 ~~the~~ **tide** 🚢 [turns](https://tides.example/a)");
  await ana.page.keyboard.press("ControlOrMeta+z");
  await expect(field).toHaveValue("船 ~~the~~ **tide** 🚢 turns");

  await field.fill("");
  await field.pressSequentially("1. oil");
  await ana.page.keyboard.press("Shift+Enter");
  await field.pressSequentially("rope");
  await ana.page.keyboard.press("Shift+Enter");
  await expect(field).toHaveValue("1. oil\n2. rope\n3. ");
  await ana.page.keyboard.press("Shift+Enter");
  await expect(field).toHaveValue("1. oil\n2. rope\n");
  await ana.page.keyboard.press("Enter");
  await expect(row(ana.page, "rope").locator("ol > li")).toHaveText(["oil", "rope"]);
});

test("on a touch screen, Enter continues the list", async ({ open }) => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
  const ana = await signUp(await open(phone));
  const bo = await signUp(await open());
  await writesTo(bo.page, ana);
  await ana.page.goto("/");
  await isIn(ana.page);
  await roomLink(ana.page, bo.name).tap();
  await isOpen(ana.page, bo.name);
  const field = composer(ana.page);
  await field.pressSequentially("- oil");
  await ana.page.keyboard.press("Enter");
  await field.pressSequentially("rope");
  await expect(field).toHaveValue("- oil\n- rope");
  await ana.page.getByRole("button", { name: "Send" }).tap();
  await expect(row(ana.page, "rope").locator("ul > li")).toHaveText(["oil", "rope"]);

  // A tap chooses a name, and the on-screen keyboard stays.
  await field.pressSequentially("@");
  await ana.page.getByRole("option", { name: bo.name }).tap();
  await expect(field).toHaveValue(`@${bo.handle} `);
  await expect(field).toBeFocused();
});
