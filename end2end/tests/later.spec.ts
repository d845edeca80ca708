// Parts whose code is not in the first download (`app/src/later.rs`). They load when the browser is idle or when they are needed.
// If one does not load, the page says so, and the next attempt works.
import type { Page, Route } from "@playwright/test";

import { chooses, composer, editor, expect, isAwake, isIn, makesRoom, message, releases, rooms, says, seqOf, signUp, test, unique } from "../fixtures";

const chunk = (part: string) => new RegExp(`/pkg/${part}\\.[0-9a-f]+\\.wasm$`);
const parts = ["dialogs", "details"];
const NOT_LOADED = "This part of Roost didn’t load.";

/** Why the code of a part may not load. */
const reasons: [string, (route: Route) => Promise<void>, RegExp[]][] = [
  ["there is no network", (route) => route.abort("internetdisconnected"), [/ERR_INTERNET_DISCONNECTED/, /Failed to fetch/]],
  ["the servers have another build", (route) => route.fulfill({ status: 404, body: "" }), [/status of 404/, /TypeError/]],
];

const notice = (page: Page, text = NOT_LOADED) => page.getByRole("status").filter({ hasText: text });
const details = (page: Page) => page.getByRole("complementary", { name: "Details" });

async function opensNewRoom(page: Page) {
  await page.getByLabel("New", { exact: true }).click();
  await rooms(page).getByRole("button", { name: "New room" }).click();
}

for (const [reason, fail, faults] of reasons) {
  test(`a dialog that does not load because ${reason} is reported, and loads at the next attempt`, async ({ open, expected }) => {
    expected(...faults);
    const page = await open();
    let asked = 0;
    await page.route(chunk("dialogs"), (route) => (asked++, fail(route)));
    await signUp(page);
    await expect.poll(() => asked, "it was to be fetched when idle").toBe(1);
    // Nothing has been requested yet.
    await expect(notice(page)).toBeHidden();

    await opensNewRoom(page);
    await expect(notice(page)).toBeVisible();
    await expect(page.getByRole("dialog")).toBeHidden();
    expect(asked).toBe(2);
    // With the keyboard too, and the page has gone on.
    await page.keyboard.press("Control+k");
    await expect.poll(() => asked).toBe(3);
    await expect(notice(page)).toBeVisible();
    await expect(page.locator("html")).not.toHaveAttribute("data-broken", /.*/);

    await page.unroute(chunk("dialogs"));
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("dialog", { name: "Go anywhere" })).toBeVisible();
    await expect(notice(page)).toBeHidden();
    await page.keyboard.press("Escape");
    await makesRoom(page, "Group", unique("later"));
  });
}

test("a panel that does not load is reported, and loads at the next attempt", async ({ open, expected }) => {
  expected(...reasons[0][2]);
  const page = await open();
  await page.route(chunk("details"), reasons[0][1]);
  await signUp(page);
  await makesRoom(page, "Group", unique("panel"));
  const button = page.getByRole("button", { name: "Details" });
  await button.click();
  await expect(notice(page)).toBeVisible();
  await expect(button).toHaveAttribute("aria-expanded", "false");
  await page.unroute(chunk("details"));
  await notice(page).getByRole("button", { name: "Try again" }).click();
  await expect(details(page).getByRole("region", { name: "Members" })).toBeVisible();
  await expect(button).toHaveAttribute("aria-expanded", "true");
  await expect(notice(page)).toBeHidden();
});

test("message tools that do not load are reported once, and load on request", async ({ open, expected }) => {
  expected(...reasons[0][2]);
  const page = await open();
  let asked = 0;
  await page.route(chunk("tools"), (route) => (asked++, reasons[0][1](route)));
  await signUp(page);
  await expect.poll(() => asked, "they were to be fetched when idle").toBe(1);
  await makesRoom(page, "Group", unique("tools"));
  for (const text of ["one", "two"]) {
    await says(page, text);
    await seqOf(page, text);
  }
  // An empty room would have used one of these parts, and says nothing about it.
  await expect(notice(page)).toBeHidden();
  const before = asked;
  await message(page, "two").hover({ position: { x: 60, y: 6 } });
  await expect(notice(page)).toBeVisible();
  expect(asked).toBe(before + 1);
  // Not again for each message that the pointer passes.
  await notice(page).getByRole("button", { name: "Close" }).click();
  await message(page, "one").hover({ position: { x: 60, y: 6 } });
  await composer(page).hover();
  expect(asked).toBe(before + 1);
  await expect(notice(page)).toBeHidden();
  // Enter is an explicit request.
  await message(page, "one").evaluate((row: HTMLElement) => row.focus({ focusVisible: true } as FocusOptions));
  await page.keyboard.press("Enter");
  await expect(notice(page)).toBeVisible();
  expect(asked).toBe(before + 2);

  // Editing works without the bar above the composer.
  await composer(page).focus();
  await page.keyboard.press("ArrowUp");
  await expect(editor(page)).toHaveValue("two");
  const bar = page.getByRole("main").getByText(NOT_LOADED);
  await expect(bar).toBeVisible();
  await page.getByRole("main").getByRole("button", { name: "Cancel editing" }).click();
  await expect(composer(page)).toHaveValue("");
  await composer(page).focus();
  await page.keyboard.press("ArrowUp");
  await expect(bar).toBeVisible();

  await page.unroute(chunk("tools"));
  await page.getByRole("main").getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("status").filter({ hasText: "Editing message" })).toBeVisible();
  await page.getByRole("button", { name: "Cancel editing" }).click();
  await message(page, "one").evaluate((row: HTMLElement) => row.focus({ focusVisible: true } as FocusOptions));
  await page.keyboard.press("Enter");
  await expect(message(page, "one").getByRole("toolbar", { name: "Message actions" })).toBeVisible();
});

test("on a phone, a sheet that does not load is reported, and loads at the next attempt", async ({ open, expected }) => {
  expected(...reasons[0][2]);
  const page = await open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await page.route(chunk("tools"), reasons[0][1]);
  await signUp(page);
  await page.getByRole("link", { name: "Back" }).tap();
  await makesRoom(page, "Group", unique("sheet"));
  await says(page, "by a finger");
  await seqOf(page, "by a finger");
  await releases(page, "by a finger");
  await expect(notice(page)).toBeVisible();
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(message(page, "by a finger")).not.toHaveClass(/marked/);
  await page.unroute(chunk("tools"));
  await notice(page).getByRole("button", { name: "Try again" }).tap();
  await expect(page.getByRole("dialog", { name: "Message actions" })).toBeVisible();
  await expect(notice(page)).toBeHidden();
});

test("in Chinese, too", async ({ open, expected }) => {
  expected(...reasons[0][2]);
  const page = await open({ locale: "zh-CN" });
  await page.route(chunk("dialogs"), reasons[0][1]);
  await signUp(page);
  await page.keyboard.press("Control+k");
  await expect(notice(page, "这部分内容未能加载。")).toBeVisible();
});

test("something closed before it has loaded does not open later", async ({ open }) => {
  const page = await open();
  const held: Route[] = [];
  for (const part of ["dialogs", "details"]) await page.route(chunk(part), (route) => void held.push(route));
  await signUp(page);
  await expect.poll(() => held.length, "the dialogs were to be fetched when idle").toBe(1);
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("status").filter({ hasText: "Loading" })).toBeVisible();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+.");
  await expect.poll(() => held.length).toBe(2);
  await page.keyboard.press("Control+.");
  const arrived = parts.map((part) => page.waitForResponse(chunk(part)));
  for (const route of held.splice(0)) await route.continue();
  await Promise.all(arrived);
  await page.unrouteAll();
  // Both have loaded; only what was requested opens, once.
  await composer(page).press("Control+.");
  await expect(details(page)).toHaveCount(1);
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog")).toHaveCount(1);
});

test("parts fetched when idle are not fetched again", async ({ open }) => {
  const page = await open();
  const fetched = ["tools", ...parts].map((part) => page.waitForResponse(chunk(part)).then((response) => response.finished()));
  await signUp(page);
  await Promise.all(fetched);
  await page.route(/\.wasm$/, (route) => route.abort());
  await chooses(page, "New room");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Details" }).click();
  await expect(details(page)).toBeVisible();
  await page.getByRole("log").getByRole("article").last().hover({ position: { x: 60, y: 6 } });
  await expect(page.getByRole("toolbar", { name: "Message actions" })).toBeVisible();
});

test("details opened by their address load each of their files once", async ({ open }) => {
  const page = await open();
  await signUp(page);
  const room = new URL(page.url()).pathname;
  // The previous page fetches its chunks when it is idle: do not count them.
  await page.goto("about:blank");
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith(".wasm")) asked.push(request.url());
  });
  const response = await page.goto(`${room}?panel=details`);
  const html = (await response?.text()) ?? "";
  await isIn(page);
  // Rendered by the server, and fetched in parallel with the first code.
  expect(html).toContain("Pinned messages");
  expect(html).toMatch(/<link rel="preload" href="\/pkg\/details\.[0-9a-f]+\.wasm"/);
  expect(asked.some((url) => chunk("details").test(url))).toBe(true);
  expect(new Set(asked).size).toBe(asked.length);
});

test("a part that does not load with the page is reported, and reading still works", async ({ open, expected }) => {
  expected(/status of 404/, /TypeError/);
  const page = await open();
  await signUp(page);
  const room = new URL(page.url()).pathname;
  await page.route(chunk("details"), (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto(`${room}?panel=details`);
  const told = page.getByRole("alert").filter({ hasText: "This page didn’t load completely." });
  await expect(told).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("data-broken", "unloaded");
  await expect(details(page)).toBeVisible();
  await page.unroute(chunk("details"));
  await told.getByRole("button", { name: "Reload" }).click();
  await isIn(page);
  await expect(told).toBeHidden();
});

test("without a network, the link to the settings stays on the page and says why", async ({ open, expected }) => {
  expected(/ERR_INTERNET_DISCONNECTED/, /Failed to fetch/);
  const page = await open();
  await signUp(page);
  const room = page.url();
  await page.context().setOffline(true);
  await rooms(page).getByRole("link", { name: /Settings$/ }).click();
  await expect(page.getByRole("status").filter({ hasText: "No connection." }).first()).toBeVisible();
  await expect(page).toHaveURL(room);
  await page.context().setOffline(false);
  await rooms(page).getByRole("link", { name: /Settings$/ }).click();
  await expect(page).toHaveURL("/settings");
});
