// Emoji: chosen in the picker, typed by name, used as reactions, and who reacted.
import type { Locator, Page } from "@playwright/test";

import {
  anaAndBo, asks, composer, editor, expect, isAccessible, isIn, isOpen, message, presses, reaches, releases, roomLink, says, sees, seqOf,
  signUp, test, writesTo,
} from "../fixtures";

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const row = (page: Page, seq: number) => page.locator(`article[data-seq="${seq}"]`);
const picker = (page: Page) => page.getByRole("dialog", { name: /^(Emoji|React|表情|表情回应)$/ });
const search = (page: Page) => picker(page).getByRole("searchbox");
const cell = (page: Page, name: string) => picker(page).getByRole("gridcell", { name, exact: true });
const emojiFile = /\/pkg\/emoji\.[\w-]+\.[0-9a-f]+\.txt$/;

async function opensPicker(page: Page) {
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  await expect(search(page)).toBeVisible();
  // The groups are rendered one after another.
  await expect(picker(page).getByRole("gridcell").first()).toBeVisible();
  if (!(await page.evaluate(() => matchMedia("(pointer: coarse)").matches))) await expect(search(page)).toBeFocused();
}

test("an emoji is found by search and inserted at the cursor", async ({ open }) => {
  const [{ page }] = await anaAndBo(open);
  const field = composer(page);
  const files: string[] = [];
  page.on("request", (request) => emojiFile.test(request.url()) && files.push(request.url()));
  await field.pressSequentially("船  ahoy");
  for (let n = 0; n < 5; n++) await field.press("ArrowLeft");
  expect(files, "nobody has asked for it yet").toEqual([]);
  await opensPicker(page);
  expect(files).toHaveLength(1);
  await expect(search(page)).toBeFocused();
  await expect(cell(page, "grinning face")).toBeVisible();
  await page.keyboard.type("sail");
  await expect(picker(page).getByRole("gridcell").first()).toHaveAccessibleName("sailboat");
  // axe takes a minute for all of them.
  await isAccessible(page, "emoji that are found");
  await page.keyboard.press("Enter");
  await expect(picker(page)).toBeHidden();
  await expect(field).toBeFocused();
  await expect(field).toHaveValue("船 ⛵ ahoy");
  await page.keyboard.press("Control+z");
  await expect(field).toHaveValue("船  ahoy");

  // It is not fetched again. Recent emoji come first, also after a reload.
  await opensPicker(page);
  await expect(picker(page).getByRole("rowgroup", { name: "Recent" }).getByRole("gridcell")).toHaveText(["⛵"]);
  await page.keyboard.type("zzzz");
  await expect(picker(page).getByText("No emoji found. Try another word.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(picker(page)).toBeHidden();
  await expect(page.getByRole("button", { name: "Emoji", exact: true })).toBeFocused();
  expect(files).toHaveLength(1);
  await page.reload();
  await isIn(page);
  await opensPicker(page);
  await expect(picker(page).getByRole("rowgroup").first()).toHaveAccessibleName("Recent");
});

test("the grid works with the keyboard", async ({ open }) => {
  const [{ page }] = await anaAndBo(open);
  await opensPicker(page);
  const at = (name: string) => expect(cell(page, name)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await at("grinning face");
  await page.keyboard.press("ArrowRight");
  await at("grinning face with big eyes");
  await page.keyboard.press("End");
  await at("slightly smiling face");
  await page.keyboard.press("ArrowRight");
  await at("upside-down face");
  await page.keyboard.press("ArrowLeft");
  await at("slightly smiling face");
  await page.keyboard.press("ArrowDown");
  await at("face blowing a kiss");
  await page.keyboard.press("Home");
  await at("upside-down face");
  await page.keyboard.press("ArrowUp");
  await at("grinning face");
  await expect(picker(page).getByText(":grinning:")).toBeVisible();
  await page.keyboard.press("Control+End");
  await expect(picker(page).getByRole("rowgroup", { name: "Flags" }).getByRole("gridcell").last()).toBeFocused();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowUp");
  await expect(search(page)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  // A letter continues the search.
  await page.keyboard.type("octo");
  await expect(search(page)).toHaveValue("octo");
  await page.keyboard.press("ArrowDown");
  await at("octopus");
  await page.keyboard.press("Enter");
  await expect(composer(page)).toHaveValue("🐙");
});

test("the group buttons lead to their emoji", async ({ open }) => {
  const [{ page }] = await anaAndBo(open);
  await opensPicker(page);
  const groups = picker(page).getByRole("toolbar").getByRole("button");
  await expect(groups).toHaveCount(9);
  await groups.filter({ hasText: "🏁" }).click();
  await expect(cell(page, "chequered flag").or(cell(page, "checkered flag"))).toBeInViewport();
  await expect(groups.filter({ hasText: "🏁" })).toHaveAttribute("aria-current", "true");
  await groups.filter({ hasText: "😀" }).click();
  await expect(cell(page, "grinning face")).toBeInViewport();
});

test("a skin tone is chosen once and stays", async ({ open }) => {
  const [{ page }, bo] = await anaAndBo(open);
  await opensPicker(page);
  const tones = picker(page).getByRole("group", { name: "Skin tone" });
  await expect(tones.getByRole("button")).toHaveText(["👋", "👋🏻", "👋🏼", "👋🏽", "👋🏾", "👋🏿"]);
  await tones.getByRole("button", { name: "Medium-dark" }).click();
  await expect(tones.getByRole("button", { name: "Medium-dark" })).toHaveAttribute("aria-pressed", "true");
  await search(page).fill("thumbs up");
  await expect(picker(page).getByRole("gridcell").first()).toHaveText("👍🏾");
  await expect(picker(page).getByRole("gridcell").first()).toHaveAccessibleName("thumbs up, Medium-dark");
  await page.keyboard.press("Escape");
  await page.reload();
  await isIn(page);
  await composer(page).pressSequentially(":thumbsup");
  await expect(page.getByRole("option").first()).toContainText("👍🏾");
  await page.keyboard.press("Enter");
  await expect(composer(page)).toHaveValue("👍🏾 ");
  await composer(page).pressSequentially(":wave: and :tada:");
  await page.keyboard.press("Enter");
  await sees(bo.page, "👍🏾 👋🏾 and 🎉");
});

test("any emoji can be used as a reaction, and choosing it again removes it", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(bo.page, "The tide turns");
  const seq = await seqOf(ana.page, "The tide turns");
  const choose = async (page: Page, name: string) => {
    // The row may already have the focus, because something was chosen with the pointer.
    await composer(page).focus();
    const tools = await reaches(page, "The tide turns");
    await tools.getByRole("button", { name: "React" }).click();
    await tools.getByRole("button", { name: "More emoji" }).click();
    await expect(picker(page)).toHaveAccessibleName("React");
    await search(page).fill(name);
    await cell(page, name).click();
    await expect(picker(page)).toBeHidden();
  };
  await choose(ana.page, "octopus");
  await expect(row(bo.page, seq).getByRole("button", { name: "🐙, 1 person" })).toBeVisible();
  await expect(row(ana.page, seq).getByRole("button", { name: "🐙, 1 person" })).toHaveAttribute("aria-pressed", "true");
  await expect(row(ana.page, seq)).toBeFocused();
  await choose(bo.page, "octopus");
  await expect(row(ana.page, seq).getByRole("button", { name: "🐙, 2 people" })).toBeVisible();
  await choose(ana.page, "octopus");
  await expect(row(bo.page, seq).getByRole("button", { name: "🐙, 1 person" })).toBeVisible();
  // Only with the keyboard; Esc returns to the previous place.
  await composer(ana.page).focus();
  const tools = await reaches(ana.page, "The tide turns");
  await ana.page.keyboard.press("Enter");
  await expect(tools.getByRole("button", { name: "React" })).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await expect(tools.getByRole("button", { name: "👍" })).toBeFocused();
  for (let n = 0; n < 2; n++) await ana.page.keyboard.press("ArrowDown");
  const more = tools.getByRole("button", { name: "More emoji" });
  await expect(more).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await expect(search(ana.page)).toBeFocused();
  await ana.page.keyboard.press("Escape");
  await expect(more).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await expect(search(ana.page)).toBeFocused();
  await ana.page.keyboard.type("anchor");
  await ana.page.keyboard.press("Enter");
  await expect(row(bo.page, seq).getByRole("button", { name: "⚓, 1 person" })).toBeVisible();
});

test("hover, focus and a long press show who reacted", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "Fair wind");
  const seq = await seqOf(ana.page, "Fair wind");
  const room = new URL(ana.page.url()).pathname.split("/").at(-1)!;
  await asks(bo.page, [{ type: "react", room, seq, emoji: "🎉", on: true }]);
  const chip = row(ana.page, seq).getByRole("button", { name: "🎉, 1 person" });
  await expect(chip).toBeVisible();
  await expect(chip).toHaveAccessibleDescription("Bo Lindqvist");
  const who = ana.page.getByRole("tooltip");
  await chip.hover();
  await expect(who).toHaveText("🎉Bo Lindqvist");
  // It updates when others react.
  await asks(ana.page, [{ type: "react", room, seq, emoji: "🎉", on: true }]);
  await expect(who).toHaveText("🎉Bo Lindqvist, Ana Benítez");
  await expect(who).toBeInViewport({ ratio: 1 });
  await composer(ana.page).hover();
  await expect(who).toBeHidden();

  const tools = await reaches(ana.page, "Fair wind");
  await expect(tools).toBeVisible();
  await row(ana.page, seq).getByRole("button", { name: "🎉, 2 people" }).evaluate((chip: HTMLElement) => chip.focus({ focusVisible: true } as FocusOptions));
  await expect(who).toHaveText("🎉Bo Lindqvist, Ana Benítez");
  await composer(ana.page).focus();
  await expect(who).toBeHidden();

  const cem = await signUp(await open(phone), { name: "Cem" });
  await writesTo(bo.page, cem);
  await says(bo.page, "By a finger");
  const other = await seqOf(bo.page, "By a finger");
  await asks(bo.page, [{ type: "react", room: new URL(bo.page.url()).pathname.split("/").at(-1)!, seq: other, emoji: "🎉", on: true }]);
  await cem.page.goto("/");
  await isIn(cem.page);
  await roomLink(cem.page, bo.name).tap();
  await isOpen(cem.page, bo.name);
  const held = row(cem.page, other).getByRole("button", { name: "🎉, 1 person" });
  await releases(cem.page, held);
  await expect(cem.page.getByRole("tooltip")).toHaveText("🎉Bo Lindqvist");
  // A long press is not a tap.
  await expect(held).toHaveAttribute("aria-pressed", "false");
  await cem.page.getByRole("log").tap({ position: { x: 20, y: 20 } });
  await expect(cem.page.getByRole("tooltip")).toBeHidden();
  await held.tap();
  await expect(row(cem.page, other).getByRole("button", { name: "🎉, 2 people" })).toHaveAttribute("aria-pressed", "true");
});

test("a name between colons is completed, and becomes an emoji when it is sent", async ({ open }) => {
  const [{ page }, bo] = await anaAndBo(open);
  const field = composer(page);
  const list = page.getByRole("listbox", { name: "Suggestions" });
  await field.pressSequentially("at 10:30 :t");
  await expect(list).toHaveCount(0);
  await field.pressSequentially("ad");
  await expect(list.getByRole("option").first()).toContainText(":tada:");
  await expect(list.getByRole("option").first()).toContainText("party popper");
  await isAccessible(page, "emoji to complete a name");
  await page.keyboard.press("Tab");
  await expect(field).toHaveValue("at 10:30 🎉 ");
  await page.keyboard.press("Control+z");
  await expect(field).toHaveValue("at 10:30 :tad");
  await field.fill("");
  await field.pressSequentially("ok :heart: and :no_such_name: and `:heart:`");
  await page.keyboard.press("Enter");
  await expect(bo.page.getByRole("log").getByRole("article").last()).toContainText("ok ❤️ and :no_such_name: and :heart:");

  // Up to three emoji alone are large.
  for (const [text, large] of [["🎉", true], ["👨‍👩‍👧‍👦 🎉 🇩🇪", true], ["🎉🎉🎉🎉", false], ["🎉 hm", false]] as const) {
    await says(page, text);
    const last = bo.page.getByRole("log").getByRole("article").last();
    await expect(last.locator(".text")).toContainText(text);
    expect(parseFloat(await last.locator(".text").evaluate((text) => getComputedStyle(text).fontSize)) > 20, text).toBe(large);
  }

  // In edits, too.
  await says(page, "to be edited");
  await seqOf(page, "to be edited");
  await field.press("ArrowUp");
  await editor(page).press("End");
  await editor(page).pressSequentially(" :fire:");
  await editor(page).press("Enter");
  await expect(bo.page.getByRole("log").getByRole("article").last()).toContainText("to be edited 🔥");
});

test("a plus before an emoji reacts to the last message", async ({ open }) => {
  const [{ page }, bo] = await anaAndBo(open);
  const field = composer(page);
  const told = page.locator(".composer").getByRole("alert");
  await field.pressSequentially("+:tada:");
  await page.keyboard.press("Enter");
  await expect(told).toHaveText("There’s no message here to react to. Nothing was sent.");
  await expect(field).toHaveValue("+:tada:");
  await says(bo.page, "We are there");
  const seq = await seqOf(page, "We are there");
  await field.press("Enter");
  await expect(row(bo.page, seq).getByRole("button", { name: "🎉, 1 person" })).toBeVisible();
  await expect(field).toHaveValue("");
  await expect(told).toBeHidden();

  await field.pressSequentially("+:tadda:");
  await page.keyboard.press("Enter");
  await expect(told).toHaveText("There’s no emoji called :tadda:. Nothing was sent.");
  await isAccessible(page, "no such emoji");
  await expect(field).toHaveValue("+:tadda:");
  await field.press("Backspace");
  await expect(told).toBeHidden();
  // A completed name reacts as well.
  await field.fill("");
  await field.pressSequentially("+:octo");
  await expect(page.getByRole("option").first()).toContainText(":octopus:");
  await page.keyboard.press("Enter");
  await expect(field).toHaveValue("+🐙 ");
  await page.keyboard.press("Enter");
  await expect(row(bo.page, seq).getByRole("button", { name: "🐙, 1 person" })).toBeVisible();
  // Other words with a plus are plain text.
  await says(page, "+1");
  await sees(bo.page, "+1");
});

test("emoji that do not load are reported, and load at the next attempt", async ({ open, expected }) => {
  expected(/ERR_INTERNET_DISCONNECTED/, /Failed to fetch/);
  const [{ page }, bo] = await anaAndBo(open);
  await page.route(emojiFile, (route) => route.abort("internetdisconnected"));
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  await expect(picker(page).getByRole("alert")).toContainText("This part of Roost didn’t load.");
  await page.keyboard.press("Escape");
  // Without them, a name stays a name, and a reaction by name says why it failed.
  await composer(page).fill("ok :heart:");
  await composer(page).press("Enter");
  await sees(bo.page, "ok :heart:");
  await composer(page).fill("+:heart:");
  await composer(page).press("Enter");
  await expect(page.locator(".composer").getByRole("alert")).toContainText("This part of Roost didn’t load.");
  await expect(composer(page)).toHaveValue("+:heart:");
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  await expect(picker(page).getByRole("alert")).toBeVisible();
  await page.unroute(emojiFile);
  await picker(page).getByRole("button", { name: "Try again" }).click();
  await expect(cell(page, "grinning face")).toBeVisible();
  await page.keyboard.press("Escape");
  await composer(page).press("Enter");
  await expect(bo.page.getByRole("log").getByRole("article").last().getByRole("button", { name: "❤️, 1 person" })).toBeVisible();
});

test("on a phone it is a sheet, and each emoji is large enough to tap", async ({ open }) => {
  const ana = await signUp(await open(phone), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "王小明" });
  await writesTo(bo.page, ana);
  await says(bo.page, "船到了");
  await ana.page.goto("/");
  await isIn(ana.page);
  await roomLink(ana.page, bo.name).tap();
  await isOpen(ana.page, bo.name);
  const { page } = ana;
  const seq = await seqOf(page, "船到了");
  const sheet = await presses(page, message(page, "船到了"));
  await sheet.getByRole("button", { name: "More emoji" }).tap();
  await expect(cell(page, "grinning face")).toBeVisible();
  // The sheet slides in.
  const place = async () => {
    const box = (await picker(page).boundingBox())!;
    return [box.x, Math.round(box.y + box.height), box.width];
  };
  await expect.poll(place).toEqual([0, 844, 390]);
  const wide = async (what: Locator) => {
    const { width, height } = (await what.boundingBox())!;
    expect(Math.min(Math.round(width), Math.round(height))).toBeGreaterThanOrEqual(44);
  };
  await wide(cell(page, "grinning face"));
  await wide(picker(page).getByRole("group", { name: "Skin tone" }).getByRole("button").first());
  await search(page).fill("grinning face");
  await expect(picker(page).getByRole("gridcell").first()).toHaveAccessibleName("grinning face");
  await isAccessible(page, "emoji that are found");
  await cell(page, "grinning face").tap();
  await expect(row(bo.page, seq).getByRole("button", { name: "😀, 1 person" })).toBeVisible();
  // Back closes it, and nothing else.
  const room = page.url();
  await page.getByRole("button", { name: "Emoji", exact: true }).tap();
  await expect(picker(page)).toBeVisible();
  await page.goBack();
  await expect(picker(page)).toBeHidden();
  await expect(page).toHaveURL(room);
});

test("in Chinese, search works in Chinese and in English", async ({ open }) => {
  const ana = await signUp(await open({ locale: "zh-CN" }));
  const { page } = ana;
  await page.getByRole("button", { name: "表情", exact: true }).click();
  await expect(search(page)).toHaveAccessibleName("搜索表情");
  await search(page).fill("章鱼");
  await expect(picker(page).getByRole("gridcell").first()).toHaveText("🐙");
  await search(page).fill("octopus");
  await expect(picker(page).getByRole("gridcell").first()).toHaveText("🐙");
  await search(page).fill("");
  await expect(picker(page).getByRole("rowgroup", { name: "动物与自然" })).toHaveCount(1);
  await page.keyboard.press("Escape");
  await composer(page).pressSequentially("好:笑");
  await expect(page.getByRole("option").first()).toBeVisible();
});
