// Rooms that a person marks unread: for them alone, on all of their devices. And the menu that offers it.
import {
  acts, composer, expect, isAccessible, isIn, isOpen, log, makesRoom, message, moreOf, onNode, opens, pointsAt, presses, reaches, roomLink,
  says, saysMany, sees, seqOf, signIn, signUp, test, unique, writesTo, type Person,
} from "../fixtures";

type Page = Person["page"];
type Open = (options?: object) => Promise<Page>;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const badge = (page: Page, name: string, count: number | RegExp) =>
  roomLink(page, name).getByRole("img", { name: typeof count === "number" ? `${count} unread` : count });
const separator = (page: Page) => log(page).locator("[data-key=unread]");

/** Ana, and Bo, who has written three messages that Ana has read. */
async function two(open: Open, options: object = {}): Promise<[Person, Person]> {
  const ana = await signUp(await open(options), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await writesTo(bo.page, ana);
  await saysMany(bo.page, ["One", "Two", "Three"]);
  await ana.page.goto(bo.page.url());
  await isIn(ana.page);
  await isOpen(ana.page, bo.name);
  await sees(ana.page, "Three");
  await expect(message(bo.page, "Three").getByRole("img", { name: "Read" })).toBeVisible();
  return [ana, bo];
}

test("a room stays unread on all devices until it is opened again, and the other's ticks stay", async ({ open }) => {
  const [ana, bo] = await two(open);
  const other = await open();
  await signIn(other, ana);
  await other.goto("/");
  await isIn(other);
  await onNode(other, 1);
  await expect(badge(other, bo.name, /unread/)).toHaveCount(0);

  await acts(await reaches(ana.page, "Two"), "Mark unread");
  await expect(ana.page.getByText("Marked as unread")).toBeAttached();
  for (const page of [ana.page, other]) await expect(badge(page, bo.name, 2)).toBeVisible();
  await expect(other).toHaveTitle(/2/);
  // The line moves there, and looking at the room does not end it.
  await expect(separator(ana.page)).toBeVisible();
  await expect(log(ana.page).locator("[data-key=unread] + article")).toContainText("Two");
  await expect(message(ana.page, "Two")).toBeFocused();
  await says(bo.page, "Four");
  await sees(ana.page, "Four");
  for (const page of [ana.page, other]) await expect(badge(page, bo.name, 3)).toBeVisible();
  // What she has seen is read for the other.
  await expect(message(bo.page, "Four").getByRole("img", { name: "Read" })).toBeVisible();

  // Opened again, it begins there, and is read.
  await makesRoom(ana.page, "Group", unique("elsewhere"));
  await expect(badge(ana.page, bo.name, 3)).toBeVisible();
  await opens(ana.page, bo.name);
  await expect(log(ana.page).locator("[data-key=unread] + article")).toContainText("Two");
  for (const page of [ana.page, other]) await expect(badge(page, bo.name, /unread/)).toHaveCount(0);
});

test("the key U marks from a focused message, also after a reload, and writing ends it", async ({ open }) => {
  const [ana, bo] = await two(open);
  await reaches(ana.page, "Three");
  await ana.page.keyboard.press("u");
  await expect(badge(ana.page, bo.name, 1)).toBeVisible();
  // The row is drawn anew below the line, and keeps the keyboard.
  await expect(message(ana.page, "Three")).toBeFocused();
  await ana.page.keyboard.press("Escape");
  await expect(composer(ana.page)).toBeFocused();
  await says(ana.page, "My answer");
  await expect(badge(ana.page, bo.name, /unread/)).toHaveCount(0);

  await says(bo.page, "Five");
  await sees(ana.page, "Five");
  await expect(message(bo.page, "Five").getByRole("img", { name: "Read" })).toBeVisible();
  await acts(await reaches(ana.page, "Five"), "Mark unread");
  await expect(badge(ana.page, bo.name, 1)).toBeVisible();
  await ana.page.goto("/");
  await isIn(ana.page);
  await expect(badge(ana.page, bo.name, 1)).toBeVisible();
  await opens(ana.page, bo.name);
  await expect(badge(ana.page, bo.name, /unread/)).toHaveCount(0);
  await ana.page.keyboard.press("Escape");
  await ana.page.keyboard.press("?");
  await expect(ana.page.getByRole("dialog", { name: "Keyboard shortcuts" })).toContainText("Mark unread");
});

test("on a phone the sheet offers it", async ({ open }) => {
  const [ana, bo] = await two(open, phone);
  await (await presses(ana.page, message(ana.page, "Three"))).getByRole("button", { name: "Mark unread" }).tap();
  await expect(separator(ana.page)).toBeVisible();
  await ana.page.getByRole("link", { name: "Back" }).tap();
  await expect(badge(ana.page, bo.name, 1)).toBeVisible();
  await roomLink(ana.page, bo.name).tap();
  await expect(log(ana.page).locator("[data-key=unread] + article")).toContainText("Three");
  await ana.page.getByRole("link", { name: "Back" }).tap();
  await expect(badge(ana.page, bo.name, /unread/)).toHaveCount(0);
});

test("the menu «More» offers what the sheet offers, for a pointer and for the keyboard", async ({ open }) => {
  const [ana, bo] = await two(open);
  const { page } = ana;
  const seq = await seqOf(page, "Three");
  const row = page.locator(`article[data-seq="${seq}"]`);
  const tools = await pointsAt(page, row);
  const more = tools.getByRole("button", { name: "More", exact: true });
  await expect(more).toHaveAttribute("aria-haspopup", "menu");
  await expect(more).toHaveAttribute("aria-expanded", "false");
  const menu = await moreOf(tools);
  await expect(more).toHaveAttribute("aria-expanded", "true");
  await expect(menu).toBeInViewport({ ratio: 1 });
  const offered = await menu.getByRole("menuitem").allInnerTexts();
  await isAccessible(page, "the menu of a message");

  // The arrows go round; a click beside it, Esc and Back close it.
  const items = menu.getByRole("menuitem");
  await expect(items.first()).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(items.last()).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(items.first()).toBeFocused();
  await page.keyboard.press("End");
  await expect(items.last()).toBeFocused();
  await page.keyboard.press("Home");
  await expect(items.first()).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(menu).toHaveCount(0);
  await expect(more).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(items.first()).toBeFocused();
  // A reaction redraws the row, and the menu and its focus stay.
  await page.keyboard.press("ArrowDown");
  await expect(items.nth(1)).toBeFocused();
  await bo.page.getByRole("log").focus();
  const theirs = await reaches(bo.page, bo.page.locator(`article[data-seq="${seq}"]`));
  await theirs.getByRole("button", { name: "React" }).click();
  await theirs.getByRole("button", { name: "👍" }).click();
  await expect(row.getByRole("button", { name: "👍, 1 person" })).toBeAttached();
  await expect(items.nth(1)).toBeFocused();
  await page.goBack();
  await expect(menu).toHaveCount(0);
  await isOpen(page, bo.name);
  await moreOf(await pointsAt(page, row));
  await page.mouse.click(4, 300);
  await expect(menu).toHaveCount(0);

  const touched = await open(phone);
  await signIn(touched, ana);
  await touched.goto(bo.page.url());
  await isIn(touched);
  await sees(touched, "Three");
  const sheet = await presses(touched, touched.locator(`article[data-seq="${seq}"]`));
  const acts = await sheet.locator(".menu-items").getByRole("button").allInnerTexts();
  expect(offered.map((text) => text.trim())).toEqual(acts.map((text) => text.trim()));
});
