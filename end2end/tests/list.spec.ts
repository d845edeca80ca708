// The room list: its marks, order, sections, and the search.
import { asks, composer, expect, isAccessible, isIn, isOpen, Line, makesRoom, opens, roomLink, rooms, says, saysMany, signIn, signUp, test, unique, writesTo } from "../fixtures";

type Page = import("@playwright/test").Page;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

const section = (page: Page, name: string) => rooms(page).getByRole("group", { name, exact: true });
/** The rooms of a section, top to bottom, by the beginning of their names. */
const namesIn = (page: Page, name: string) =>
  section(page, name).getByRole("link").evaluateAll((links) => links.map((link) => link.querySelector("[dir]")!.textContent));
const idOf = (page: Page) => new URL(page.url()).pathname.split("/").at(-1)!;

test("drafts, waiting messages and refused messages are marked", async ({ open }) => {
  const page = await open();
  const line = await Line.of(page);
  const ana = await signUp(page, { name: "Ana Benítez" });
  const [first, second, third] = [unique("alpha"), unique("beta"), unique("gamma")];
  const ids: string[] = [];
  for (const name of [first, second, third]) {
    await makesRoom(page, "Group", name);
    ids.push(idOf(page));
  }
  await says(page, "The last word.");
  await composer(page).fill("Half a\nthought");
  await expect(roomLink(page, third)).not.toContainText("Draft:");
  const height = await roomLink(page, third).evaluate((link) => link.getBoundingClientRect().height);

  await opens(page, second);
  await expect(roomLink(page, third)).toContainText("Draft: \u2068Half a thought\u2069");
  await page.reload();
  await isIn(page);
  await expect(roomLink(page, third)).toContainText("Draft:");
  expect(await roomLink(page, third).evaluate((link) => link.getBoundingClientRect().height)).toBe(height);

  line.cut();
  await expect(page.locator("html")).not.toHaveAttribute("data-link", "live");
  await says(page, "This waits.");
  // Its messages arrive when the connection is back.
  await roomLink(page, third).click();
  await expect(roomLink(page, second).getByRole("img", { name: "Waiting to send" })).toBeVisible();
  await isAccessible(page, "marks in the list");
  line.restore();
  await expect(page.locator("html")).toHaveAttribute("data-link", "live");
  await expect(roomLink(page, second).getByRole("img", { name: "Waiting to send" })).toHaveCount(0);

  // The draft is discarded again, so the room shows its last message.
  await composer(page).fill("");
  await opens(page, second);
  await expect(roomLink(page, third)).toContainText("The last word.");

  // Archived meanwhile, on another device.
  await opens(page, first);
  line.cut();
  await expect(page.locator("html")).not.toHaveAttribute("data-link", "live");
  await says(page, "This is refused.");
  await roomLink(page, second).click();
  await expect(roomLink(page, first).getByRole("img", { name: "Waiting to send" })).toBeVisible();
  const other = await open();
  await signIn(other, ana);
  await asks(other, [{ type: "archive", room: ids[0], on: true }]);
  line.restore();
  await expect(roomLink(page, first).getByRole("img", { name: "Not sent" })).toBeVisible();
  await page.reload();
  await isIn(page);
  await expect(roomLink(page, first).getByRole("img", { name: "Not sent" })).toBeVisible();
  await isAccessible(page, "a message in the list that was not sent");
});

test("nothing in the list moves while it has the pointer or the focus", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const { page } = ana;
  const [first, second, third] = [unique("alpha"), unique("beta"), unique("gamma")];
  const ids: Record<string, string> = {};
  for (const name of [first, second, third]) {
    await makesRoom(page, "Group", name);
    ids[name] = idOf(page);
  }
  await opens(page, "#general");
  await page.mouse.move(900, 400);
  await composer(page).focus();
  const mine = async () => (await namesIn(page, "Channels")).filter((name) => [first, second, third].includes(name!));
  await expect.poll(mine).toEqual([third, second, first]);

  await roomLink(page, second).hover();
  await saysMany(page, ["From another device."], ids[first]);
  await expect(roomLink(page, first)).toContainText("From another device.");
  expect(await mine()).toEqual([third, second, first]);
  await page.mouse.move(900, 400);
  await expect.poll(mine).toEqual([first, third, second]);

  await page.keyboard.press("Escape");
  await roomLink(page, second).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Shift+Tab");
  await expect(roomLink(page, second)).toBeFocused();
  await saysMany(page, ["And once more."], ids[third]);
  await expect(roomLink(page, third)).toContainText("And once more.");
  expect(await mine()).toEqual([first, third, second]);
  await composer(page).focus();
  await expect.poll(mine).toEqual([third, first, second]);
});

test("unread rooms have their own section, and sections can be folded", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const { page } = ana;
  const [other, group] = [unique("beta"), unique("alpha")];
  await makesRoom(page, "Group", other);
  await makesRoom(page, "Group", group);
  await expect(section(page, "Unread")).toBeHidden();
  await expect(section(page, "Direct messages")).toBeHidden();
  await expect(section(page, "Channels").getByRole("link", { name: group })).toBeVisible();

  await page.mouse.move(900, 400);
  await composer(page).focus();
  await writesTo(bo.page, ana);
  await says(bo.page, "Are you there?");
  const line = section(page, "Unread").getByRole("link", { name: "Bo Lindqvist" });
  await expect(line.getByRole("img", { name: "1 unread" })).toBeVisible();
  await isAccessible(page, "sections");
  await line.click();
  await isOpen(page, "Bo Lindqvist");
  await page.mouse.move(900, 400);
  await expect(section(page, "Unread").getByRole("link", { name: "Bo Lindqvist" })).toHaveAttribute("aria-current", "page");
  await expect(line.getByRole("img", { name: "1 unread" })).toHaveCount(0);
  await roomLink(page, group).click();
  await isOpen(page, group);
  await page.mouse.move(900, 400);
  await expect(section(page, "Direct messages").getByRole("link", { name: "Bo Lindqvist" })).toBeVisible();
  await expect(section(page, "Unread")).toBeHidden();

  const heading = rooms(page).getByRole("button", { name: "Channels" });
  await expect(heading).toHaveAttribute("aria-expanded", "true");
  await heading.click();
  await expect(heading).toHaveAttribute("aria-expanded", "false");
  await expect(roomLink(page, other)).toHaveCount(0);
  await expect(roomLink(page, group)).toBeVisible();
  await page.reload();
  await expect(heading).toHaveAttribute("aria-expanded", "false");
  await isIn(page);
  await expect(roomLink(page, other)).toHaveCount(0);
  await heading.click();
  await expect(roomLink(page, other)).toBeVisible();
});

test("a compact list", async ({ open }) => {
  const { page } = await signUp(await open(), { name: "Ana Benítez" });
  const group = unique("alpha");
  await makesRoom(page, "Group", group);
  await says(page, "Hello.");
  const height = () => roomLink(page, group).evaluate((link) => link.getBoundingClientRect().height);
  expect(await height()).toBeGreaterThan(44);
  const room = page.url();
  await rooms(page).getByRole("link", { name: /Settings$/ }).click();
  const pages = page.getByRole("navigation", { name: "Settings" });
  await pages.getByRole("link", { name: "Appearance" }).click();
  await page.getByRole("region", { name: "Appearance" }).getByRole("button", { name: "Compact" }).click();
  await expect(page.getByRole("button", { name: "Compact" })).toHaveAttribute("aria-pressed", "true");
  await expect(page.getByRole("button", { name: "Compact" })).toBeFocused();
  await expect(page.locator("html")).toHaveAttribute("data-density", "compact");
  // Back to the previous room.
  await pages.getByRole("link", { name: "Back to rooms" }).click();
  await expect(page).toHaveURL(room);
  await isIn(page);
  await expect.poll(height).toBe(34);
  await isAccessible(page, "a compact list");
  await page.goto("/settings/appearance");
  await page.getByRole("button", { name: "Comfortable" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-density", "comfortable");
});

const search = (page: Page) => page.getByRole("dialog", { name: "Go anywhere" });
const field = (page: Page) => search(page).getByRole("combobox", { name: "Find a room, person or action" });

test("one search finds rooms, people, channels and actions, and does not move while typing", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: unique("Wiebke") });
  const { page } = ana;
  const channel = unique("ropes");
  await makesRoom(bo.page, "Channel", channel);

  await rooms(page).getByRole("button", { name: "Search" }).click();
  await expect(field(page)).toBeFocused();
  await expect(search(page).getByRole("option", { name: "#general" })).toBeVisible();
  await expect(search(page).getByRole("option", { name: "New room" })).toBeVisible();
  await expect(search(page).getByRole("option", { name: "Appearance" })).toHaveCount(0);
  await isAccessible(page, "the search");
  const box = async () => JSON.stringify(await search(page).boundingBox());
  const before = await box();

  await page.keyboard.type(channel);
  const found = search(page).getByRole("option", { name: `#${channel}` });
  await expect(found).toContainText("Join");
  expect(await box()).toBe(before);
  await field(page).fill("no such thing anywhere");
  await expect(search(page)).toContainText("No results");
  expect(await box()).toBe(before);
  await field(page).fill("e");
  await expect(search(page).getByRole("option").first()).toBeVisible();
  expect(await box()).toBe(before);

  await field(page).fill(channel);
  await expect(found).toBeVisible();
  await page.keyboard.press("Enter");
  await isOpen(page, `#${channel}`);
  await expect(roomLink(page, `#${channel}`)).toBeVisible();

  await page.keyboard.press("Control+k");
  await page.keyboard.type(bo.handle);
  await expect(search(page).getByRole("option", { name: bo.name })).toBeVisible();
  await page.keyboard.press("Enter");
  await isOpen(page, bo.name);

  await page.keyboard.press("Control+k");
  await page.keyboard.type("new r");
  await expect(search(page).getByRole("option", { name: "New room" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "New room" }).getByRole("textbox", { name: "Name" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();

  await page.keyboard.press("Control+k");
  await page.keyboard.type("signed-in");
  await expect(search(page).getByRole("option", { name: "Signed-in devices" })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL("/settings/account#set-sessions");
  await expect(page.getByRole("heading", { name: "Signed-in devices" })).toBeInViewport();
  // Back leads to the room, not to the dialog above it.
  await page.goBack();
  await isOpen(page, bo.name);
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("the search on a phone", async ({ open }) => {
  const { page } = await signUp(await open(phone), { name: "Ana Benítez" });
  await page.getByRole("link", { name: "Back" }).tap();
  await page.getByRole("navigation", { name: "Main menu" }).getByRole("button", { name: "Search" }).tap();
  await expect(field(page)).toBeFocused();
  await search(page).getByRole("option", { name: "#general" }).tap();
  await isOpen(page, "#general");
});
