// Searching messages, over two servers: Chinese, phrases, filters, the way to the message, what is deleted, on a phone, by keyboard,
// and without script.
import { type Page } from "@playwright/test";

import { query } from "../cluster";
import {
  anaAndBo, asks, composer, expect, fillSignIn, isAccessible, makesRoom, place, rooms, says, saysMany, seqOf, signUp, test, unique,
} from "../fixtures";

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

const panel = (page: Page) => page.getByRole("complementary", { name: /^(Search messages|搜索消息)$/ });
const field = (page: Page) => panel(page).getByRole("searchbox");
const hits = (page: Page) => panel(page).getByRole("list", { name: /^(Messages found|找到的消息)$/ }).getByRole("listitem");
const chip = (page: Page, name: string) => panel(page).getByRole("link", { name, exact: true });
const roomOf = (page: Page) => new URL(page.url()).pathname.split("/")[2];

/** Waits until the servers have indexed a room. They do that within two seconds; a page shows what was found when it asked. */
async function isIndexed(page: Page) {
  const behind = `select count(*) from lines l left join search_cursors c on c.room_id = l.id
    where l.id = '${roomOf(page)}' and (c.room_id is null or l.head > c.through or c.back > 0)`;
  await expect.poll(() => query(behind).trim(), { timeout: 10_000 }).toBe("0");
}

async function searches(page: Page, text: string) {
  await field(page).fill(text);
  await field(page).press("Enter");
}

test("Chinese, a phrase and a filter, from the other server; a hit leads to its message", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await saysMany(ana.page, ["release 回滚了,明天再发布", "The long rope", "The rope is long", "see https://com.example/rope"]);
  await saysMany(ana.page, Array.from({ length: 70 }, (_, n) => `tide ${n}`));
  await says(bo.page, "No rope here");
  await isIndexed(ana.page);

  await bo.page.getByRole("link", { name: "Search messages" }).click();
  await expect(field(bo.page)).toBeFocused();
  await expect(panel(bo.page)).toContainText("Search all your rooms");
  await searches(bo.page, "滚");
  await expect(hits(bo.page)).toHaveCount(1);
  await expect(hits(bo.page).locator("mark")).toHaveText("滚");
  await expect(bo.page).toHaveURL(/\?panel=search&q=%E6%BB%9A$/);
  await searches(bo.page, "rope");
  await expect(hits(bo.page)).toHaveCount(4);
  await expect(panel(bo.page).getByRole("status")).toHaveText("4 messages");
  await isAccessible(bo.page, "the search");
  await searches(bo.page, "\"long rope\"");
  await expect(hits(bo.page)).toHaveCount(1);
  await expect(hits(bo.page)).toContainText("The long rope");

  await searches(bo.page, "rope");
  await chip(bo.page, "From me").click();
  await expect(field(bo.page)).toHaveValue("rope from:me");
  await expect(chip(bo.page, "From me")).toHaveAttribute("aria-current", "true");
  await expect(hits(bo.page)).toHaveCount(1);
  await chip(bo.page, "From me").click();
  await chip(bo.page, "With a link").click();
  await expect(hits(bo.page)).toHaveCount(1);
  await expect(hits(bo.page)).toContainText("com.example");

  // What it leads to is far above; the results stay.
  await searches(bo.page, "release");
  await hits(bo.page).getByRole("link").click();
  const seq = await seqOf(bo.page, "release 回滚了,明天再发布");
  await expect(bo.page.getByRole("log").locator(`[data-seq="${seq}"]`)).toBeInViewport();
  await expect(hits(bo.page)).toHaveCount(1);
  await bo.page.goBack();
  await expect(field(bo.page)).toHaveValue("release");
  await bo.page.reload();
  await expect(hits(bo.page)).toHaveCount(1);
});

test("what is deleted or in another's room is not found, and a wrong filter says what is allowed", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await saysMany(ana.page, ["a herring", "another herring"]);
  await isIndexed(ana.page);
  await bo.page.keyboard.press("Control+f");
  await searches(bo.page, "herring");
  await expect(hits(bo.page)).toHaveCount(2);
  await asks(ana.page, [{ type: "delete", room: roomOf(ana.page), seq: await seqOf(ana.page, "a herring") }]);
  await searches(bo.page, "herring in:@" + ana.handle);
  await expect(hits(bo.page)).toHaveCount(1);
  await expect(hits(bo.page)).toContainText("another herring");

  const eve = await signUp(await open());
  await eve.page.goto(`/r/${query(`select id from rooms where title = '${place.channel}'`).trim()}?panel=search&q=herring`);
  await expect(panel(eve.page)).toContainText("No messages found");
  await searches(eve.page, "form:ana herring");
  await expect(panel(eve.page).getByRole("alert")).toContainText("Use from:, in:, before:");
  await searches(eve.page, "herring before:soon");
  await expect(panel(eve.page).getByRole("alert")).toContainText("2026-01-31");
  await chip(eve.page, "Saved").click();
  await searches(eve.page, "herring is:saved");
  await expect(panel(eve.page)).toContainText("No messages found");
});

test("by keyboard: open, search, go through the hits, open one, close", async ({ open }) => {
  const { page } = await signUp(await open());
  await makesRoom(page, "Group", unique("keys"));
  await saysMany(page, ["gull one", "gull two", "gull three"]);
  await isIndexed(page);
  await page.keyboard.press("Control+f");
  await expect(field(page)).toBeFocused();
  await page.keyboard.type("gull");
  await page.keyboard.press("Enter");
  await expect(hits(page)).toHaveCount(3);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await expect(hits(page).nth(1).getByRole("link")).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/m\/\d+\?panel=search/);
  await expect(hits(page)).toHaveCount(3);
  // From the message back to the composer, and out of the panel.
  await page.keyboard.press("Escape");
  await expect(composer(page)).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(panel(page)).toHaveCount(0);
  // Recent searches are offered again.
  await page.keyboard.press("Control+f");
  await expect(panel(page).getByRole("region", { name: "Recent searches" }).getByRole("link")).toHaveText(["gull"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(hits(page)).toHaveCount(3);
  await searches(page, "");
  await panel(page).getByRole("button", { name: "Clear" }).click();
  await expect(panel(page).getByRole("region", { name: "Recent searches" })).toHaveCount(0);
});

test("from the palette, with what was typed there", async ({ open }) => {
  const { page } = await signUp(await open());
  const name = unique("palette");
  await makesRoom(page, "Group", name);
  await says(page, "a cormorant");
  await isIndexed(page);
  await rooms(page).getByRole("button", { name: /^Search/ }).click();
  await page.getByRole("combobox").fill("cormorant");
  await page.getByRole("button", { name: "Search messages for “cormorant”" }).click();
  await expect(hits(page)).toHaveCount(1);
  await chip(page, "In this room").click();
  await expect(field(page)).toHaveValue(`cormorant in:#${name}`);
  await expect(hits(page)).toHaveCount(1);
});

test("on a phone the panel has the screen, and Back returns to the hits", async ({ open }) => {
  const { page } = await signUp(await open(phone));
  await page.getByRole("link", { name: "Back" }).tap();
  await page.getByLabel("New", { exact: true }).tap();
  await rooms(page).getByRole("button", { name: "New room" }).tap();
  const dialog = page.getByRole("dialog", { name: "New room" });
  await dialog.getByRole("radio", { name: /^Group/ }).check();
  await dialog.getByRole("textbox", { name: "Name" }).fill(unique("pocket"));
  await dialog.getByRole("button", { name: "Create" }).tap();
  await expect(dialog).toBeHidden();
  await says(page, "a puffin");
  await isIndexed(page);
  await page.getByRole("link", { name: "Search messages" }).tap();
  await searches(page, "puffin");
  await expect(hits(page)).toHaveCount(1);
  const [wide, screen] = await page.evaluate(() => [document.scrollingElement!.scrollWidth, window.innerWidth]);
  expect(wide).toBeLessThanOrEqual(screen);
  await hits(page).getByRole("link").tap();
  await expect(panel(page)).toHaveCount(0);
  await expect(page.getByRole("log").getByText("a puffin")).toBeInViewport();
  await page.goBack();
  await expect(hits(page)).toHaveCount(1);
});

test("without script, by a form and links", async ({ open }) => {
  const ana = await signUp(await open());
  await makesRoom(ana.page, "Group", unique("plain"));
  await saysMany(ana.page, ["我们回滚了发布", "a kittiwake https://com.example"]);
  await isIndexed(ana.page);
  const page = await open({ javaScriptEnabled: false });
  await page.goto("/sign-in");
  await fillSignIn(page, ana);
  await page.goto(new URL(ana.page.url()).pathname);
  await page.getByRole("link", { name: "Search messages" }).click();
  await searches(page, "回滚");
  await expect(hits(page)).toHaveCount(1);
  await expect(hits(page).locator("mark")).toHaveText("回滚");
  await chip(page, "With a link").click();
  await expect(panel(page)).toContainText("No messages found");
  await searches(page, "kittiwake has:link");
  await hits(page).getByRole("link").click();
  await expect(page.getByRole("article").filter({ hasText: "a kittiwake" })).toBeInViewport();
  await page.goBack();
  await searches(page, "is:nothing");
  await expect(panel(page).getByRole("alert")).toContainText("Use from:, in:");
});
