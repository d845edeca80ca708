// Several tabs of one browser, which share its cookie and its storage.
import { query } from "../cluster";
import {
  Line, anotherTab, composer, editor, expect, fillSignIn, isIn, isOpen, message, opens, reaches, says, sees, signUp, test,
  unique, writesTo,
} from "../fixtures";

/** Chromium says this when a page writes to its socket before it is told that the socket is closed. */
const SOCKET_BROKE = /WebSocket is already in CLOSING or CLOSED state/;

test("somebody else signs in in another tab: unsent texts stay their author's", async ({ open, expected }) => {
  expected(SOCKET_BROKE);
  const page = await open();
  const line = await Line.of(page);
  const ana = await signUp(page, { name: "Ana Benítez" });
  const bea = await signUp(await open(), { name: "Bea Ortiz" });
  await writesTo(page, bea);
  await says(page, "Good mornig");
  await opens(bea.page, ana.name);
  await sees(bea.page, "Good mornig");
  const room = page.url();
  const said = () => query(`select users.handle || ': ' || body from messages join users on users.id = author_id
    where room_id = '${room.split("/").at(-1)}' order by seq`).trim().split("\n");

  // Open this tab now, because a tab opened later would send the waiting messages.
  const other = await anotherTab(page);
  await other.goto("/settings");

  // She is disconnected and goes on writing: a message and an edit.
  line.cut();
  await says(page, "secret A");
  await expect(message(page, "secret A").getByRole("img", { name: "Waiting to send" })).toBeVisible();
  await (await reaches(page, "Good mornig")).getByRole("button", { name: "Edit" }).click();
  await editor(page).fill("Good morning");
  await editor(page).press("Enter");
  await expect(page.getByRole("status").filter({ hasText: "No connection. Your edit is kept here" })).toBeVisible();

  await other.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await fillSignIn(other, bea);
  await isIn(other);

  line.restore();
  const told = page.getByRole("status").filter({ hasText: "You signed in as Bea Ortiz in another tab" });
  await expect(told).toContainText("Unsent messages are kept here");
  await isIn(page);
  await isOpen(page, ana.name);
  await expect(message(page, "secret A")).toHaveCount(0);
  await told.getByRole("button", { name: "Close" }).click();
  await expect(told).toBeHidden();
  // From now on the tab belongs to Bea.
  await says(page, "Bea, from that tab");
  await sees(bea.page, "Bea, from that tab");
  expect(said()).toEqual([`${ana.handle}: Good mornig`, `${bea.handle}: Bea, from that tab`]);

  // When Ana signs in again, her message is sent as hers.
  await page.goto("/settings");
  await page.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await fillSignIn(page, ana);
  await isIn(page);
  await page.goto(room);
  await isIn(page);
  await expect(message(bea.page, "secret A")).toHaveCount(1);
  expect(said()).toEqual([`${ana.handle}: Good mornig`, `${bea.handle}: Bea, from that tab`, `${ana.handle}: secret A`]);
  // Her saved edit is still in the editor.
  await expect(editor(page)).toHaveValue("Good morning");
  await editor(page).press("Enter");
  await expect(bea.page.getByRole("article").filter({ hasText: "Good morning" })).toContainText("edited");
});

test("a session ends in another tab: waiting messages are sent after signing in again", async ({ open, expected }) => {
  expected(SOCKET_BROKE);
  const page = await open();
  const line = await Line.of(page);
  const ana = await signUp(page);
  const bo = await signUp(await open());
  await writesTo(page, bo);
  const other = await anotherTab(page);
  await other.goto("/settings");
  line.cut();
  const text = unique("waits");
  await says(page, text);
  await expect(message(page, text).getByRole("img", { name: "Waiting to send" })).toBeVisible();
  await other.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await expect(other).toHaveURL("/sign-in");
  line.restore();
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await fillSignIn(page, ana);
  await isIn(page);
  await opens(bo.page, ana.name);
  await sees(bo.page, text);
});

test("the form of another account's page sends nothing", async ({ open, expected }) => {
  expected(/status of 401/);
  const page = await open({ javaScriptEnabled: false });
  const [ana, bea] = [await signUp(await open()), await signUp(await open())];
  const text = unique("form");
  await page.goto("/sign-in");
  await fillSignIn(page, ana);
  await page.getByRole("link", { name: /^#general/ }).click();
  await composer(page).fill(text);

  const other = await anotherTab(page);
  await other.goto("/settings");
  await other.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await fillSignIn(other, bea);
  await expect(other.getByRole("link", { name: /Settings$/ })).toBeVisible();

  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByText(text)).toBeVisible();
  await expect(page.getByText("You were signed out before this was sent.")).toBeVisible();
  expect(query(`select count(*) from messages where body = '${text}'`).trim()).toBe("0");
});

test("the settings form of another account's page changes nothing", async ({ open, expected }) => {
  expected(/status of 401/);
  const page = await open();
  await signUp(page, { name: "Ana Benítez" });
  const bea = await signUp(await open(), { name: "Bea Ortiz" });
  await page.goto("/settings/profile");
  await page.getByRole("textbox", { name: "Name" }).fill("Ana B.");
  const other = await anotherTab(page);
  await other.goto("/settings");
  await other.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await fillSignIn(other, bea);
  await isIn(other);

  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await other.goto("/settings/profile");
  await expect(other.getByRole("textbox", { name: "Name" })).toHaveValue("Bea Ortiz");
});
