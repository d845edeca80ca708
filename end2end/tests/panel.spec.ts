// What opens beside or above a room, and the browser's Back button: it closes that before it leaves the room.
import { chooses, composer, expect, isIn, isOpen, makesRoom, place, roomLink, rooms, signUp, test, unique } from "../fixtures";

type Page = import("@playwright/test").Page;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const details = (page: Page) => page.getByRole("complementary", { name: "Details" });

test("on a phone, Back closes the panel and dialogs before it leaves the room", async ({ open }) => {
  const { page } = await signUp(await open(phone));
  await page.getByRole("link", { name: "Back" }).tap();
  await expect(page).toHaveURL("/");
  await roomLink(page, `#${place.channel}`).tap();
  await isOpen(page, `#${place.channel}`);
  const room = page.url();

  await page.getByRole("button", { name: "Details" }).tap();
  await expect(page).toHaveURL(`${room}?panel=details`);
  await details(page).getByRole("button", { name: "Leave room" }).tap();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(details(page)).toBeVisible();
  await page.goBack();
  await expect(details(page)).toBeHidden();
  await expect(page).toHaveURL(room);
  await page.goForward();
  await expect(details(page)).toBeVisible();

  // Closed by its button, it leaves no history entry.
  await details(page).getByRole("button", { name: "Leave room" }).tap();
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).tap();
  await expect(page.getByRole("dialog")).toBeHidden();
  await details(page).getByRole("button", { name: "Close" }).tap();
  await expect(page).toHaveURL(room);
  await page.goBack();
  await expect(page).toHaveURL("/");
  await expect(rooms(page)).toBeVisible();

  // The page's Back button uses the browser's history.
  const length = await page.evaluate(() => history.length);
  await page.goForward();
  await isOpen(page, `#${place.channel}`);
  await page.getByRole("link", { name: "Back" }).tap();
  await expect(page).toHaveURL("/");
  expect(await page.evaluate(() => history.length)).toBe(length);
});

test("a dialog that navigates leaves no history entry", async ({ open }) => {
  const { page } = await signUp(await open());
  const room = page.url();
  await makesRoom(page, "Group", unique("slot"));
  await page.goBack();
  await expect(page).toHaveURL(room);
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.type("nothing of this name");
  // Also with text in its search, Escape once is enough.
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
});

test("a reload keeps the panel, which the server renders, and closing it stays in the room", async ({ open }) => {
  const { page } = await signUp(await open());
  const room = page.url();
  const answer = await page.goto(`${room}?panel=details`);
  expect(await answer!.text()).toMatch(/<aside [^>]*class="details"/);
  await isIn(page);
  await expect(details(page)).toBeVisible();
  await page.reload();
  await isIn(page);
  await expect(details(page)).toBeVisible();
  await details(page).getByRole("button", { name: "Close" }).click();
  await expect(details(page)).toBeHidden();
  await expect(page).toHaveURL(room);
  await page.goto(`${room}?panel=nothing`);
  await isIn(page);
  await expect(page.getByRole("complementary")).toHaveCount(0);
  await isOpen(page, `#${place.channel}`);
});

test("without script, links open and close the panel", async ({ open, browser, baseURL }) => {
  const { page } = await signUp(await open());
  const state = await page.context().storageState();
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: state, baseURL });
  const plain = await context.newPage();
  await plain.goto(page.url());
  await plain.getByRole("link", { name: "Details" }).click();
  await expect(details(plain)).toBeVisible();
  await details(plain).getByRole("link", { name: "Close" }).click();
  await expect(details(plain)).toBeHidden();
  await context.close();
});

test("the focus moves into the panel, and back", async ({ open }) => {
  const { page } = await signUp(await open());
  const button = page.getByRole("button", { name: "Details" });
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(details(page).getByRole("heading", { name: "Details" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(details(page)).toBeHidden();
  await expect(button).toBeFocused();

  await composer(page).focus();
  await page.keyboard.press("Control+.");
  await expect(details(page).getByRole("heading", { name: "Details" })).toBeFocused();
  await details(page).getByRole("button", { name: "Close" }).click();
  await expect(composer(page)).toBeFocused();
});

test("a dialog opened from a menu returns the focus to the menu's button", async ({ open }) => {
  const { page } = await signUp(await open());
  const menu = page.getByLabel("New", { exact: true });
  await menu.focus();
  await page.keyboard.press("ArrowDown");
  await expect(rooms(page).getByRole("button", { name: "New message" })).toBeFocused();
  await page.keyboard.press("ArrowUp");
  await expect(rooms(page).getByRole("button", { name: "New room" })).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "New message" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(menu).toBeFocused();
});

test("a refused room name is reported at its field", async ({ open }) => {
  const { page } = await signUp(await open());
  const name = unique("harbour");
  await makesRoom(page, "Channel", name);
  const dialog = await chooses(page, "New room");
  const field = dialog.getByRole("textbox", { name: "Name", exact: true });
  await field.fill(name);
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(field).toHaveAccessibleDescription("A channel with this name already exists. Choose another name.");
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await field.fill(`${name}-2`);
  await dialog.getByRole("button", { name: "Create" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("heading", { level: 1, name: `#${name}-2` })).toBeVisible();
});
