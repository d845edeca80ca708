// The bottom bar on a phone.
import {
  composer, expect, isAccessible, isIn, isOpen, makesRoom, opens, roomLink, rooms, says, saysMany, signUp, test, unique, writesTo,
} from "../fixtures";

type Page = import("@playwright/test").Page;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const bar = (page: Page) => page.getByRole("navigation", { name: "Main menu" });
const tab = (page: Page, name: string | RegExp) => bar(page).getByRole("link", { name });
const current = (page: Page) => bar(page).locator("[aria-current=page]");

test("it leads to rooms, unread rooms, search and settings, and is hidden in a room", async ({ open }) => {
  const ana = await signUp(await open(phone), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const { page } = ana;
  await expect(bar(page)).toBeHidden();
  await page.getByRole("link", { name: "Back" }).tap();
  await expect(bar(page)).toBeVisible();
  await expect(current(page)).toHaveAccessibleName("Rooms");
  for (const item of await bar(page).locator("a, button").all()) {
    const box = (await item.boundingBox())!;
    expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(44);
  }
  // Nothing is unread yet.
  await tab(page, "Unread").tap();
  await expect(current(page)).toHaveAccessibleName("Unread");
  await expect(page.getByText("You’re all caught up.")).toBeVisible();
  await expect(rooms(page).getByRole("link", { name: /^#general/ })).toBeHidden();

  await writesTo(bo.page, ana);
  await saysMany(bo.page, ["One", "Two", "Three"]);
  await expect(tab(page, /^Unread/).getByRole("img", { name: "3 unread" })).toBeVisible();
  await expect(page.getByText("You’re all caught up.")).toBeHidden();
  await isAccessible(page, "the unread rooms");
  await roomLink(page, bo.name).tap();
  await isOpen(page, bo.name);
  await expect(bar(page)).toBeHidden();
  await expect(composer(page)).toBeInViewport();

  // Back returns to the previous page, by the button and by the browser.
  await page.getByRole("link", { name: "Back" }).tap();
  await expect(page).toHaveURL("/?list=unread");
  await expect(page.getByText("You’re all caught up.")).toBeVisible();
  await expect(tab(page, /^Unread/).getByRole("img")).toHaveCount(0);
  const length = await page.evaluate(() => history.length);
  await tab(page, "Rooms").tap();
  await expect(page).toHaveURL("/");
  await expect(roomLink(page, "#general")).toBeVisible();
  expect(await page.evaluate(() => history.length)).toBe(length);

  await bar(page).getByRole("button", { name: "Search" }).tap();
  await expect(page.getByRole("dialog", { name: "Go anywhere" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("dialog")).toBeHidden();

  await tab(page, /Settings$/).tap();
  // Settings is a separate page without the bar.
  await expect(page).toHaveURL("/settings");
  await page.getByRole("link", { name: "Back to rooms" }).tap();
  await isIn(page);
  await tab(page, /^Unread/).tap();
  await expect(page).toHaveURL("/?list=unread");
  await expect(rooms(page)).toBeVisible();
  await page.reload();
  await isIn(page);
  // Other tests write in #general meanwhile.
  await expect(current(page)).toHaveAccessibleName(/^Unread/);
});

test("a folded section shows its unread rooms in the unread list", async ({ open }) => {
  const ana = await signUp(await open(phone), { name: "Ana Benítez" });
  const bo = await signUp(await open());
  const { page } = ana;
  await page.getByRole("link", { name: "Back" }).tap();
  await writesTo(bo.page, ana);
  await says(bo.page, "Are you there?");
  await rooms(page).getByRole("button", { name: "Unread" }).tap();
  await expect(roomLink(page, bo.name)).toHaveCount(0);
  await tab(page, /^Unread/).tap();
  await expect(roomLink(page, bo.name)).toBeVisible();
});

test("on a wide screen there is no bar, and the whole list", async ({ open }) => {
  const { page } = await signUp(await open());
  await makesRoom(page, "Group", unique("wide"));
  await page.goto("/?list=unread");
  await isIn(page);
  await expect(bar(page)).toBeHidden();
  await opens(page, "#general");
});

test("without script the bar has links", async ({ open, browser, baseURL }) => {
  const { page } = await signUp(await open());
  const storageState = await page.context().storageState();
  const context = await browser.newContext({ ...phone, javaScriptEnabled: false, storageState, baseURL });
  const plain = await context.newPage();
  await plain.goto("/");
  await tab(plain, "Unread").click();
  await expect(plain).toHaveURL("/?list=unread");
  await expect(plain.getByText("You’re all caught up.")).toBeVisible();
  await expect(bar(plain).getByRole("button", { name: "Search" })).toBeHidden();
  await tab(plain, /Settings$/).click();
  await expect(plain).toHaveURL("/settings");
  await plain.getByRole("link", { name: "Back to rooms" }).click();
  await expect(plain.getByRole("link", { name: /^#general/ })).toBeVisible();
  await context.close();
});
