// Profile cards: over two servers, by pointer and keyboard, on a phone, and what people say about themselves.
import { devices, type Page } from "@playwright/test";

import {
  asks, composer, expect, fillSignIn, isAccessible, isDrawn, isIn, isOpen, makesRoom, message, onNode, opens, png, roomLink, says, sees,
  signUp, test, unique, writesTo, type Person,
} from "../fixtures";

const card = (page: Page, name: string) => page.getByRole("dialog", { name: `Profile of ${name}` });
/** The name in a message's row, once the page is interactive. */
const nameIn = (page: Page, text: string, name: string) => message(page, text).getByRole("button", { name, exact: true });
const roomOf = (page: Page) => new URL(page.url()).pathname.split("/")[2];

/** Fills in one's own profile, and returns to where one was. */
async function describes(page: Page, fields: { handle?: string; title?: string; pronouns?: string; zone?: string }) {
  const back = page.url();
  await page.goto("/settings/profile");
  if (fields.handle) await page.getByRole("textbox", { name: "Handle" }).fill(fields.handle);
  if (fields.title) await page.getByRole("textbox", { name: "Title" }).fill(fields.title);
  if (fields.pronouns) await page.getByRole("textbox", { name: "Pronouns" }).fill(fields.pronouns);
  if (fields.zone) await page.getByRole("combobox", { name: "Time zone" }).selectOption(fields.zone);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("status")).toHaveText("Profile saved.");
  await page.goto(back);
  await isIn(page);
}

/** Ana and Bo on different servers, in a channel of Ana's in which both have written. */
async function two(open: (options?: object) => Promise<Page>, options: object = {}): Promise<[Person, Person, string]> {
  const ana = await signUp(await open({ timezoneId: "UTC", ...options }), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  const channel = unique("pier");
  await makesRoom(ana.page, "Channel", channel);
  await asks(bo.page, [{ type: "join", room: roomOf(ana.page) }]);
  await opens(bo.page, `#${channel}`);
  await says(ana.page, "Good morning");
  await says(bo.page, "hello");
  for (const { page } of [ana, bo]) await sees(page, "hello");
  return [ana, bo, channel];
}

test("a click on a name or a picture opens the card, with what the person says about themselves", async ({ open }) => {
  const [ana, bo] = await two(open, { permissions: ["clipboard-read", "clipboard-write"] });
  const { page } = ana;
  const shown = card(page, bo.name);
  await nameIn(page, "hello", bo.name).click();
  await expect(shown.getByRole("heading", { name: bo.name })).toBeVisible();
  await expect(shown).toContainText(`@${bo.handle}`);
  await expect(shown.getByRole("button", { name: "Message" })).toBeFocused();
  await expect(shown).not.toContainText("there");
  await page.keyboard.press("Escape");
  await expect(shown).toHaveCount(0);
  await expect(nameIn(page, "hello", bo.name)).toBeFocused();

  // Tokyo has no summer time, so it is always nine hours ahead of UTC.
  await describes(bo.page, { title: "Harbour master", pronouns: "he/him", zone: "Asia/Tokyo" });
  await message(page, "hello").locator(".avatar").click();
  await expect(shown).toContainText("Harbour master");
  await expect(shown).toContainText("he/him");
  await expect(shown).toContainText(/\d\d:\d\d there · 9 h ahead of you/);
  await isAccessible(page, "a profile card");
  // It stands beside the name, and within the window.
  const [at, name] = [(await shown.boundingBox())!, (await nameIn(page, "hello", bo.name).boundingBox())!];
  expect(Math.min(Math.abs(at.y + at.height - name.y), Math.abs(at.y - name.y - name.height))).toBeLessThan(24);
  expect(at.x + at.width).toBeLessThanOrEqual(page.viewportSize()!.width);

  await shown.getByRole("button", { name: "Copy handle" }).click();
  await expect(shown.getByRole("status")).toHaveText("Copied");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`@${bo.handle}`);

  // A mention goes to where the cursor is.
  await page.mouse.click(5, 5);
  await expect(shown).toHaveCount(0);
  await composer(page).fill("Ask");
  await nameIn(page, "hello", bo.name).click();
  await shown.getByRole("button", { name: "Mention" }).click();
  await expect(composer(page)).toBeFocused();
  await expect(composer(page)).toHaveValue(`Ask @${bo.handle} `);
  await page.keyboard.type("first");
  await page.keyboard.press("Enter");
  await expect(bo.page.getByRole("log").locator(".mention")).toHaveText("@Bo Lindqvist");

  // The mention opens the same card, which leads to the direct room.
  await page.getByRole("log").locator(".mention").click();
  await shown.getByRole("button", { name: "Message" }).click();
  await isOpen(page, bo.name);
  await expect(shown).toHaveCount(0);
});

test("a picture is cropped, seen by others without a reload, replaced, refused and removed", async ({ open, expected }) => {
  expected(/status of 422/);
  const [ana, bo] = await two(open);
  const { page } = ana;
  const faces = (within: Page) => message(within, "Good morning").locator(".avatar img");
  await expect(faces(bo.page)).toHaveCount(0);

  await page.goto("/settings/profile");
  const chooses = async (name: string, buffer: Buffer) => {
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: /^(Add|Change) picture/ }).click();
    await (await chooser).setFiles({ name, mimeType: "image/png", buffer });
  };
  const crop = page.getByRole("dialog", { name: "Crop picture" });
  const square = crop.getByRole("img");
  await chooses("me.png", await png(page, 900, 300, "rgb(200, 40, 40)"));
  await expect(square).toBeFocused();
  await isAccessible(page, "cropping a picture");
  // Nearer by key and by wheel, and moved by pointer.
  const zoom = crop.getByRole("slider", { name: "Zoom" });
  await expect(zoom).toHaveValue("0");
  await page.keyboard.press("+");
  await page.keyboard.press("ArrowLeft");
  await expect(zoom).not.toHaveValue("0");
  await square.dragTo(square, { sourcePosition: { x: 200, y: 100 }, targetPosition: { x: 100, y: 120 } });
  // Esc leaves everything as it was.
  await page.keyboard.press("Escape");
  await expect(crop).toBeHidden();
  await expect(page.getByRole("button", { name: "Add picture" })).toBeFocused();
  await chooses("me.png", await png(page, 900, 300, "rgb(200, 40, 40)"));
  await crop.getByRole("button", { name: "Save picture" }).click();
  await expect(page.getByRole("status")).toHaveText("Profile saved.");
  await expect(page.getByRole("button", { name: "Change picture" })).toBeVisible();
  await isDrawn(page.locator(".setting-person .avatar img"));

  await isDrawn(faces(bo.page));
  const first = await faces(bo.page).getAttribute("src");
  await chooses("me.png", await png(page, 300, 300, "rgb(40, 40, 200)"));
  await crop.getByRole("button", { name: "Save picture" }).click();
  await expect(faces(bo.page)).not.toHaveAttribute("src", first!);
  await isDrawn(faces(bo.page));
  // The server draws it, too.
  await bo.page.reload();
  await isDrawn(faces(bo.page));

  await chooses("me.png", Buffer.from("<html>"));
  await expect(page.getByText("This picture can’t be read.")).toBeVisible();
  await page.getByRole("button", { name: "Remove picture" }).click();
  await expect(page.getByRole("status")).toHaveText("Profile saved.");
  await expect(faces(bo.page)).toHaveCount(0);
});

test("with the keyboard, Tab leads from a message to the names in it", async ({ open }) => {
  const [{ page }, bo] = await two(open);
  await says(page, `@${bo.handle} and you?`);
  const row = page.getByRole("article").last();
  await expect(row).toContainText("@Bo Lindqvist and you?");
  await expect(row).toHaveAttribute("data-seq", /^\d+$/);
  await row.evaluate((row: HTMLElement) => row.focus({ focusVisible: true } as FocusOptions));
  await page.keyboard.press("Tab");
  const mention = row.getByRole("button", { name: "@Bo Lindqvist" });
  const name = row.getByRole("button", { name: "Ana Benítez", exact: true });
  if (await name.count()) {
    await expect(name).toBeFocused();
    await page.keyboard.press("Tab");
  }
  await expect(mention).toBeFocused();
  for (const key of ["Enter", "Space"]) {
    await page.keyboard.press(key);
    await expect(card(page, bo.name).getByRole("button", { name: "Message" })).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(mention).toBeFocused();
  }
  // The names of other rows are not on the way.
  await page.keyboard.press("ArrowUp");
  await expect(mention).toHaveAttribute("tabindex", "-1");
  await page.keyboard.press("Escape");
  await expect(composer(page)).toBeFocused();
});

test("one's own card leads to the settings, and a new handle is told live", async ({ open, expected }) => {
  expected(/status of 409/);
  const [ana, bo] = await two(open);
  await says(ana.page, `@${bo.handle}, the rope?`);
  await nameIn(bo.page, "hello", bo.name).click();
  const own = card(bo.page, bo.name);
  await expect(own.getByRole("button")).toHaveText(["Edit profile"]);
  await own.getByRole("button", { name: "Edit profile" }).click();
  await expect(bo.page).toHaveURL(/\/settings\/profile$/);
  await isAccessible(bo.page, "the profile's settings");
  const field = bo.page.getByRole("textbox", { name: "Handle" });
  await expect(field).toHaveAccessibleDescription(/You sign in with it/);
  await field.fill(ana.handle);
  await bo.page.getByRole("textbox", { name: "Title" }).fill("Rigger");
  await bo.page.getByRole("button", { name: "Save" }).click();
  await expect(field).toHaveAccessibleDescription("This handle is taken. Choose another.");
  await expect(field).toBeFocused();
  await expect(bo.page.getByRole("textbox", { name: "Title" })).toHaveValue("Rigger");

  // Ana has his card open meanwhile.
  await nameIn(ana.page, "hello", bo.name).click();
  const shown = card(ana.page, bo.name);
  await expect(shown).toContainText(`@${bo.handle}`);
  const handle = unique("tris");
  await field.fill(handle);
  await bo.page.getByRole("button", { name: "Save" }).click();
  await expect(bo.page.getByRole("status")).toHaveText("Profile saved.");
  await expect(shown).toContainText(`@${handle}`);
  await ana.page.keyboard.press("Escape");
  await expect(shown).toHaveCount(0);
  // What was written before still means him.
  const mention = ana.page.getByRole("log").locator(".mention");
  await expect(mention).toHaveAttribute("title", `@${handle}`);
  await mention.click();
  await expect(shown).toContainText("Rigger");

  const page = await open();
  await page.goto("/sign-in");
  await fillSignIn(page, { ...bo, handle });
  await isIn(page);
});

test("names in a thread and in the list of members open cards, too", async ({ open }) => {
  const [{ page }, bo] = await two(open);
  const seq = Number(await message(page, "hello").getAttribute("data-seq"));
  await page.goto(`/r/${roomOf(page)}?panel=thread-${seq}`);
  await isIn(page);
  const thread = page.getByRole("complementary", { name: "Thread" });
  await thread.getByRole("button", { name: bo.name, exact: true }).click();
  await card(page, bo.name).getByRole("button", { name: "Mention" }).click();
  await expect(thread.getByRole("textbox", { name: "Reply in this thread" })).toHaveValue(`@${bo.handle} `);

  await page.goto(`/r/${roomOf(page)}?panel=details`);
  await isIn(page);
  const members = page.getByRole("complementary", { name: "Details" }).getByRole("region", { name: "Members" });
  const member = members.getByRole("button", { name: bo.name, exact: true });
  await member.focus();
  await page.keyboard.press("Enter");
  await expect(card(page, bo.name)).toContainText(`@${bo.handle}`);
  await page.keyboard.press("Escape");
  await expect(member).toBeFocused();
});

test("on a phone, the card is a sheet", async ({ open }) => {
  const { defaultBrowserType: _, ...phone } = devices["Pixel 7"];
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(phone), { name: "Bo Lindqvist" });
  await writesTo(ana.page, bo);
  await says(ana.page, "Tea?");
  await bo.page.goto("/");
  await isIn(bo.page);
  await roomLink(bo.page, ana.name).tap();
  await isOpen(bo.page, ana.name);
  await nameIn(bo.page, "Tea?", ana.name).tap();
  const sheet = card(bo.page, ana.name);
  await expect(sheet.getByRole("button", { name: "Copy handle" })).toBeVisible();
  // It comes from below.
  const { height, width } = bo.page.viewportSize()!;
  await expect.poll(async () => (await sheet.boundingBox().then((box) => Math.round(box!.y + box!.height)))).toBe(height);
  expect(Math.round((await sheet.boundingBox())!.width)).toBe(width);
  await isAccessible(bo.page, "a profile card on a phone");
  await bo.page.touchscreen.tap(150, 60);
  await expect(sheet).toHaveCount(0);
  // Back closes it, too.
  await nameIn(bo.page, "Tea?", ana.name).tap();
  await expect(sheet).toBeVisible();
  await bo.page.goBack();
  await expect(sheet).toHaveCount(0);
  await isOpen(bo.page, ana.name);
});

test("without script, names are plain text, and the profile can be changed", async ({ open }) => {
  const [ana, bo] = await two(open);
  const bare = await open({ javaScriptEnabled: false, storageState: await bo.page.context().storageState() });
  await bare.goto(`/r/${roomOf(ana.page)}`);
  await expect(message(bare, "hello")).toContainText(bo.name);
  await expect(bare.getByRole("log").getByRole("button", { name: bo.name })).toHaveCount(0);
  await bare.goto("/settings/profile");
  await bare.getByRole("textbox", { name: "Title" }).fill("Rigger");
  await bare.getByRole("combobox", { name: "Time zone" }).selectOption("Europe/Lisbon");
  await bare.getByRole("button", { name: "Save", exact: true }).click();
  await expect(bare.getByRole("status")).toHaveText("Profile saved.");
  await expect(bare.getByRole("combobox", { name: "Time zone" })).toHaveValue("Europe/Lisbon");
  await nameIn(ana.page, "hello", bo.name).click();
  await expect(card(ana.page, bo.name)).toContainText("Rigger");
});
