// Message actions on a phone: a sheet, opened by a long press.
import {
  acts, composer, expect, isAccessible, isIn, isOpen, message, presses, releases, roomLink, says, sees, seqOf, signUp, test, writesTo,
  type Person,
} from "../fixtures";

type Page = Person["page"];
type Open = (options?: object) => Promise<Page>;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const row = (page: Page, seq: number) => page.locator(`article[data-seq="${seq}"]`);

/** Ana on a phone, in a direct room that she opened from the list. */
async function two(open: Open, options: object = {}): Promise<[Person, Person]> {
  const ana = await signUp(await open({ ...phone, ...options }), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "王小明" });
  await writesTo(bo.page, ana);
  await ana.page.goto("/");
  await isIn(ana.page);
  await roomLink(ana.page, bo.name).tap();
  await isOpen(ana.page, bo.name);
  return [ana, bo];
}

test("it closes by a tap outside, a swipe, Esc and Back, and the focus returns to the row", async ({ open }) => {
  const [{ page }] = await two(open);
  const room = page.url();
  await says(page, "A lantern on the quay");
  const seq = await seqOf(page, "A lantern on the quay");
  const said = row(page, seq);
  const closed = async () => {
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(said).toBeFocused();
    await expect(said).not.toHaveClass(/marked/);
    await expect(page).toHaveURL(room);
  };

  const sheet = await presses(page, said);
  await expect(sheet).toContainText("A lantern on the quay");
  await expect(said).toHaveClass(/marked/);
  // The focus is inside, and stays there.
  for (let n = 0; n < 20; n++) {
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement === document.body || !!document.activeElement!.closest("dialog"))).toBe(true);
  }
  await page.touchscreen.tap(195, 40);
  await closed();

  await presses(page, said);
  const { x, y } = (await sheet.boundingBox())!;
  const devtools = await page.context().newCDPSession(page);
  const touches = (type: string, ...touchPoints: object[]) => devtools.send("Input.dispatchTouchEvent", { type, touchPoints } as never);
  // A short swipe is not enough.
  for (const way of [30, 120]) {
    await touches("touchStart", { x: x + 190, y: y + 20 });
    for (let n = 1; n <= 4; n++) await touches("touchMove", { x: x + 190, y: y + 20 + (way * n) / 4 });
    await touches("touchEnd");
    if (way === 30) await expect(sheet).toBeVisible();
  }
  await closed();

  await presses(page, said);
  await page.keyboard.press("Escape");
  await closed();

  await presses(page, said);
  await page.goBack();
  await closed();
  await page.goBack();
  await expect(page).toHaveURL("/");
});

test("delete, pin and copy; others’ messages offer less", async ({ open }) => {
  const [ana, bo] = await two(open, { permissions: ["clipboard-read", "clipboard-write"] });
  const { page } = ana;
  await says(page, "Two words");
  await says(bo.page, "船到了 🚢");
  await sees(page, "船到了 🚢");
  const seq = await seqOf(page, "Two words");

  const sheet = await presses(page, "船到了 🚢");
  for (const name of ["Edit", "Delete"]) await expect(sheet.getByRole("button", { name })).toHaveCount(0);
  await sheet.getByRole("button", { name: "Copy text" }).tap();
  await expect(sheet.getByRole("button", { name: "Copied" })).toBeVisible();
  await expect(sheet).toBeHidden();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("船到了 🚢");

  await (await presses(page, row(page, seq))).getByRole("button", { name: "Pin message" }).tap();
  await expect(row(bo.page, seq).getByRole("img", { name: "Pinned" })).toBeVisible();
  await (await presses(page, row(page, seq))).getByRole("button", { name: "Unpin message" }).tap();
  await expect(row(bo.page, seq).getByRole("img", { name: "Pinned" })).toHaveCount(0);

  await (await presses(page, row(page, seq))).getByRole("button", { name: "Delete" }).tap();
  const dialog = page.getByRole("dialog", { name: "Delete message" });
  await expect(dialog).toContainText("Two words");
  await page.goBack();
  await expect(dialog).toBeHidden();
  await expect(row(page, seq)).toBeVisible();
  await (await presses(page, row(page, seq))).getByRole("button", { name: "Delete" }).tap();
  await dialog.getByRole("button", { name: "Delete" }).tap();
  await expect(row(bo.page, seq)).toContainText("This message was deleted.");
  await expect(row(page, seq)).toContainText("This message was deleted.");

  // It offers no actions any more.
  await releases(page, row(page, seq).locator(".text"));
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("deleting a message closes its sheet", async ({ open }) => {
  const [ana, bo] = await two(open);
  await says(bo.page, "Not for long");
  await sees(ana.page, "Not for long");
  const seq = await seqOf(ana.page, "Not for long");
  const sheet = await presses(ana.page, "Not for long");
  await bo.page.getByRole("log").focus();
  await row(bo.page, seq).evaluate((row: HTMLElement) => row.focus({ focusVisible: true } as FocusOptions));
  await acts(row(bo.page, seq).getByRole("toolbar"), "Delete");
  await bo.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(sheet).toBeHidden();
  await expect(row(ana.page, seq)).toContainText("This message was deleted.");
  await ana.page.goBack();
  await expect(ana.page).toHaveURL("/");
});

test("a finger that scrolls, or presses a link, opens nothing", async ({ open }) => {
  const [{ page }] = await two(open);
  await says(page, "See https://org.example/a/page");
  await seqOf(page, "https://org.example/a/page");
  const link = page.getByRole("log").getByRole("link");
  await releases(page, link);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  const { x, y } = (await page.getByRole("article").last().boundingBox())!;
  const devtools = await page.context().newCDPSession(page);
  // A finger that does not move for long enough is a long press. On a busy machine the first move can arrive that late.
  await page.evaluate(() => {
    const seen = window as { wasStill?: number };
    let down = 0;
    addEventListener("pointerdown", () => void ((down = performance.now()), (seen.wasStill = Infinity)), true);
    addEventListener("pointermove", () => void (seen.wasStill = Math.min(seen.wasStill!, performance.now() - down)), true);
  });
  const touch = (type: "touchStart" | "touchMove", down: number) =>
    devtools.send("Input.dispatchTouchEvent", { type, touchPoints: [{ x: x + 90, y: y + 6 + down }] });
  await expect(async () => {
    if ((await page.getByRole("dialog").count()) > 0) await page.keyboard.press("Escape");
    // Without waiting for the answers; otherwise it would become a long press on a slow machine.
    await Promise.all([touch("touchStart", 0), ...[14, 28, 42, 56].map((down) => touch("touchMove", down))]);
    await page.waitForTimeout(700);
    await devtools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    expect(await page.evaluate(() => (window as { wasStill?: number }).wasStill)).toBeLessThan(400);
  }).toPass({ timeout: 30_000 });
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("Back closes the menu «New»", async ({ open }) => {
  const [{ page }] = await two(open);
  await page.getByRole("link", { name: "Back" }).tap();
  await expect(page).toHaveURL("/");
  const menu = page.getByLabel("New", { exact: true });
  await menu.tap();
  await expect(page.getByRole("button", { name: "New message" })).toBeVisible();
  // The browser opens it itself; the page follows.
  await page.waitForFunction(() => JSON.stringify(history.state).includes("cover"));
  await page.goBack();
  await expect(page.getByRole("button", { name: "New message" })).toBeHidden();
  await expect(page).toHaveURL("/");
  // Closed otherwise, it leaves no history entry.
  const length = await page.evaluate(() => history.length);
  await menu.tap();
  await menu.tap();
  await expect(page.getByRole("button", { name: "New message" })).toBeHidden();
  await menu.tap();
  await page.getByRole("button", { name: "New room" }).tap();
  await expect(page.getByRole("dialog", { name: "New room" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("dialog")).toBeHidden();
  expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(length + 1);
});

test("Back closes the emoji of the toolbar", async ({ open }) => {
  const { page } = await signUp(await open());
  await writesTo(page, await signUp(await open()));
  const room = page.url();
  await says(page, "By the pointer");
  await seqOf(page, "By the pointer");
  await message(page, "By the pointer").hover({ position: { x: 60, y: 6 } });
  await page.getByRole("toolbar").getByRole("button", { name: "React" }).click();
  await expect(page.getByRole("button", { name: "👍" })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("button", { name: "👍" })).toHaveCount(0);
  await expect(page).toHaveURL(room);
  await expect(composer(page)).toBeVisible();
});

for (const [name, size] of [["a small phone", { width: 360, height: 640 }], ["a tablet", { width: 820, height: 1180 }]] as const) {
  test(`on ${name}, in the dark and in the light`, async ({ open }) => {
    const [{ page }] = await two(open, { viewport: size });
    const text = `A long text, so that it does not fit into one line of the sheet: ${"words and words ".repeat(12)}`.trim();
    await says(page, text);
    // Once stored, its row is a different one.
    await seqOf(page, text);
    const sheet = await presses(page, page.getByRole("article").last());
    await expect(sheet).toBeInViewport({ ratio: 1 });
    await isAccessible(page, "the sheet");
  });
}
