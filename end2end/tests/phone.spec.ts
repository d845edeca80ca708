// A phone: one pane at a time, the browser's Back, touch, and nothing wider than the screen.
import { composer, expect, isIn, isOpen, makesRoom, numbered, place, roomLink, rooms, says, saysMany, sees, signUp, test, unique } from "../fixtures";

type Page = import("@playwright/test").Page;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

async function fits(page: Page) {
  const [wide, screen] = await page.evaluate(() => [document.scrollingElement!.scrollWidth, window.innerWidth]);
  expect(wide, `width of ${page.url()}`).toBeLessThanOrEqual(screen);
  expect(screen, `width of the screen at ${page.url()}`).toBe(phone.viewport.width);
}

test("from the list to a room and back, by button and by history", async ({ open }) => {
  const ana = await signUp(await open(phone));
  const { page } = ana;
  await isOpen(page, `#${place.channel}`);
  await expect(rooms(page)).toBeHidden();
  await expect(composer(page)).toBeInViewport();

  await page.getByRole("link", { name: "Back" }).tap();
  await expect(page).toHaveURL("/");
  await expect(rooms(page)).toBeVisible();
  await expect(composer(page)).toBeHidden();

  await roomLink(page, `#${place.channel}`).tap();
  await isOpen(page, `#${place.channel}`);
  await page.goBack();
  await expect(rooms(page)).toBeVisible();
  await page.goForward();
  await isOpen(page, `#${place.channel}`);
  await expect(rooms(page)).toBeHidden();
});

test("two people talk, one of them on a phone", async ({ open }) => {
  const ana = await signUp(await open(phone), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await ana.page.getByRole("link", { name: "Back" }).tap();
  await ana.page.getByLabel("New", { exact: true }).tap();
  await rooms(ana.page).getByRole("button", { name: "New message" }).tap();
  const dialog = ana.page.getByRole("dialog", { name: "New message" });
  await dialog.getByRole("combobox").fill(bo.handle);
  await dialog.getByRole("option", { name: `@${bo.handle}` }).tap();
  await isOpen(ana.page, bo.name);
  await composer(ana.page).tap();
  await composer(ana.page).fill("From the ferry.");
  await ana.page.getByRole("button", { name: "Send" }).tap();
  await sees(ana.page, "From the ferry.");
  await roomLink(bo.page, ana.name).click();
  await sees(bo.page, "From the ferry.");
  // Its keyboard has no Shift+Enter.
  await composer(ana.page).fill("Two lines:");
  await composer(ana.page).press("Enter");
  await composer(ana.page).pressSequentially("this is the second.");
  await expect(composer(ana.page)).toHaveValue("Two lines:\nthis is the second.");
  await ana.page.getByRole("button", { name: "Send" }).tap();
  await expect(bo.page.getByRole("article").filter({ hasText: "Two lines:" })).toContainText("this is the second.");
  await saysMany(bo.page, numbered("answer", 30));
  await sees(ana.page, "answer 30");
  await expect(composer(ana.page)).toBeInViewport();
  await fits(ana.page);
});

test("no page is wider than the screen", async ({ open, expected }) => {
  expected(/status of (403|404)/);
  const page = await open(phone);
  for (const path of ["/sign-in", "/sign-up"]) {
    await page.goto(path);
    await fits(page);
  }
  await signUp(page, { name: "Maximiliana-Alexandra von und zu Hohenlohe-Langenburg" });
  await fits(page);
  await page.getByRole("link", { name: "Back" }).tap();
  await makesRoom(page, "Group", unique("a-rather-long-name-of-a-room-without-any-space-in-it-to-break"));
  await says(page, `https://org.example/${"a-long-way/".repeat(30)}`);
  await says(page, "x".repeat(600));
  await fits(page);
  await page.getByRole("button", { name: "Details" }).tap();
  await expect(page.getByRole("complementary", { name: "Details" })).toBeInViewport();
  await fits(page);
  for (const [button, dialog] of [["Invite people", /^Invite people to/], ["Name and topic", /^Name and topic/], ["Leave room", /^Leave /]] as const) {
    await page.getByRole("complementary").getByRole("button", { name: button }).tap();
    await expect(page.getByRole("dialog", { name: dialog })).toBeInViewport();
    await fits(page);
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).tap();
    await expect(page.getByRole("dialog")).toBeHidden();
  }
  for (const path of ["/", "/nothing-here"]) {
    await page.goto(path);
    await isIn(page);
    await fits(page);
  }
  for (const path of ["/settings", "/settings/profile", "/settings/appearance", "/settings/account", "/admin"]) {
    await page.goto(path);
    await fits(page);
  }
});

test("touch targets are large enough", async ({ open }) => {
  const page = await open(phone);
  const big = async (what: import("@playwright/test").Locator, name: string) => {
    const box = (await what.boundingBox())!;
    expect(Math.round(Math.min(box.width, box.height)), name).toBeGreaterThanOrEqual(44);
  };
  await page.goto("/sign-up");
  await big(page.getByRole("button", { name: "Create account" }), "Create account");
  await big(page.getByRole("textbox", { name: "Handle" }), "Handle");
  await signUp(page);
  for (const name of ["Send", "Details", "Invite people"]) await big(page.getByRole("button", { name }), name);
  await big(page.getByRole("link", { name: "Back" }), "Back");
  await page.getByRole("link", { name: "Back" }).tap();
  await big(page.getByLabel("New", { exact: true }), "New");
  await big(roomLink(page, "#general"), "a room");
  await big(page.getByRole("link", { name: /Settings$/ }), "Settings");
});
