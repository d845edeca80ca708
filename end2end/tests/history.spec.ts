// The earlier texts of edited messages: what changed and when, for the members of the room, over two servers, live, on a phone, and
// without a pointer. Nothing is left of a deleted message.
import { devices, type Locator, type Page } from "@playwright/test";

import { query } from "../cluster";
import {
  anaAndBo, asks, expect, isAccessible, isIn, isOpen, makesRoom, opens, presses, reaches, roomLink, says, seqOf, signUp, tabTo, test,
  unique, writesTo,
} from "../fixtures";

const row = (page: Page, seq: number) => page.getByRole("log").locator(`[data-seq="${seq}"]`);
const roomOf = (page: Page) => new URL(page.url()).pathname.split("/")[2];
const edited = (page: Page, seq: number) => row(page, seq).getByRole("button", { name: "edited" });
const history = (page: Page) => page.getByRole("dialog", { name: "Edit history" });
const versions = (page: Page) => history(page).getByRole("listitem");
/** The texts that a version marks as removed or added. */
const marked = (version: Locator, how: "del" | "ins") => version.locator(how);
const edit = (room: string, seq: number, edits: number, body: string) => ({ type: "edit", room, seq, edits, body });

test("a member sees what each edit changed, the newest first, and it follows", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "Lunch at **nine**?");
  const room = roomOf(ana.page);
  const seq = await seqOf(ana.page, "Lunch at nine?");
  await expect(edited(ana.page, seq)).toHaveCount(0);
  await asks(ana.page, [edit(room, seq, 0, "Lunch at **ten**?"), edit(room, seq, 1, "Lunch at **ten**?\n\nBring soup.")]);
  await expect(edited(bo.page, seq)).toHaveAttribute("title", "Edit history");
  // It is not one more button in the bar.
  await expect((await reaches(bo.page, row(bo.page, seq))).getByRole("button", { name: "Edit history" })).toHaveCount(0);
  await edited(bo.page, seq).click();
  await expect(versions(bo.page)).toHaveCount(3);
  const [newest, middle, first] = [0, 1, 2].map((n) => versions(bo.page).nth(n));
  await expect(newest).toContainText(/^Edit 2.*Current/);
  await expect(newest).toContainText("Lunch at **ten**?");
  await expect(marked(newest, "ins")).toHaveText(/^added:\s*Bring soup\.$/);
  await expect(marked(newest, "del")).toHaveCount(0);
  await expect(middle).toContainText(/^Edit 1/);
  await expect(marked(middle, "del")).toHaveText(/^removed:\s*nine$/);
  await expect(marked(middle, "ins")).toHaveText(/^added:\s*ten$/);
  await expect(first).toContainText(/^Original/);
  await expect(first).toContainText("Lunch at **nine**?");
  await expect(first.locator("ins, del")).toHaveCount(0);
  for (const version of [newest, middle, first]) await expect(version.locator("time")).toHaveText(/\d\d:\d\d/);
  await isAccessible(bo.page, "the history of a message");

  // Meanwhile it is edited again, and then deleted.
  await asks(ana.page, [edit(room, seq, 2, "Lunch at **ten**.")]);
  await expect(versions(bo.page)).toHaveCount(4);
  await expect(versions(bo.page).first()).toContainText(/^Edit 3.*Current/);
  await asks(ana.page, [{ type: "delete", room, seq }]);
  await expect(history(bo.page).getByRole("alert")).toHaveText("This message has been deleted.");
  await expect(versions(bo.page)).toHaveCount(0);
  await history(bo.page).getByRole("button", { name: "Close" }).click();
  await expect(history(bo.page)).toHaveCount(0);
  await expect(row(bo.page, seq)).toContainText("This message was deleted.");
  await expect(edited(bo.page, seq)).toHaveCount(0);
});

test("without a pointer: the button opens it, Escape returns to the button", async ({ open }) => {
  const [ana] = await anaAndBo(open);
  await says(ana.page, "one");
  const seq = await seqOf(ana.page, "one");
  await asks(ana.page, [edit(roomOf(ana.page), seq, 0, "two")]);
  await expect(edited(ana.page, seq)).toBeVisible();
  await row(ana.page, seq).evaluate((row: HTMLElement) => row.focus({ focusVisible: true } as FocusOptions));
  await tabTo(ana.page, edited(ana.page, seq));
  await ana.page.keyboard.press("Enter");
  await expect(versions(ana.page)).toHaveCount(2);
  await ana.page.keyboard.press("Escape");
  await expect(history(ana.page)).toHaveCount(0);
  await expect(edited(ana.page, seq)).toBeFocused();
});

test("what was not kept is counted, and nothing is invented", async ({ open }) => {
  const [ana] = await anaAndBo(open);
  await says(ana.page, "before the upgrade");
  const seq = await seqOf(ana.page, "before the upgrade");
  const room = roomOf(ana.page);
  // As a server did that kept no earlier texts.
  query(`update messages set body = 'after three edits', edits = 3 where room_id = '${room}' and seq = ${seq}`);
  await ana.page.reload();
  await isIn(ana.page);
  await edited(ana.page, seq).click();
  await expect(versions(ana.page)).toHaveText([/^Edit 3\s*Current\s*after three edits$/, "3 versions weren’t kept"]);
  await expect(history(ana.page).locator("time")).toHaveCount(0);
  await isAccessible(ana.page, "a history that is not known");
  await asks(ana.page, [edit(room, seq, 3, "after four edits")]);
  await expect(versions(ana.page)).toHaveCount(3);
  await expect(marked(versions(ana.page).first(), "ins")).toHaveText(/four$/);
});

test("on a phone it is in the sheet of an edited message", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const { defaultBrowserType: _, ...phone } = devices["Pixel 7"];
  const bo = await signUp(await open(phone), { name: "Bo Lindqvist" });
  await writesTo(ana.page, bo);
  await says(ana.page, "Tea?");
  await says(ana.page, "Or soup?");
  const [tea, soup] = [await seqOf(ana.page, "Tea?"), await seqOf(ana.page, "Or soup?")];
  await asks(ana.page, [edit(roomOf(ana.page), tea, 0, "Coffee?")]);
  await bo.page.goto("/");
  await isIn(bo.page);
  await roomLink(bo.page, ana.name).tap();
  await isOpen(bo.page, ana.name);
  const plain = await presses(bo.page, row(bo.page, soup));
  await expect(plain.getByRole("button", { name: "Copy link" })).toBeVisible();
  await expect(plain.getByRole("button", { name: "Edit history" })).toHaveCount(0);
  await bo.page.keyboard.press("Escape");
  await expect(plain).toBeHidden();
  const sheet = await presses(bo.page, row(bo.page, tea));
  await sheet.getByRole("button", { name: "Edit history" }).tap();
  await expect(versions(bo.page)).toHaveCount(2);
  await expect(marked(versions(bo.page).first(), "del")).toHaveText(/Tea$/);
  const [wide, screen] = await bo.page.evaluate(() => [document.scrollingElement!.scrollWidth, window.innerWidth]);
  expect(wide).toBeLessThanOrEqual(screen);
  await isAccessible(bo.page, "the history of a message on a phone");
  await bo.page.goBack();
  await expect(history(bo.page)).toHaveCount(0);
  await isOpen(bo.page, ana.name);
  // The word itself is a target for a finger, too.
  await edited(bo.page, tea).tap();
  await expect(versions(bo.page)).toHaveCount(2);
});

test("whoever is removed while it is open sees nothing more of it", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await makesRoom(ana.page, "Group", unique("crew"));
  const room = roomOf(ana.page);
  await says(ana.page, "between us");
  const seq = await seqOf(ana.page, "between us");
  await asks(ana.page, [edit(room, seq, 0, "between you and me")]);
  const me = await bo.page.evaluate(() => JSON.parse(document.getElementById("page")!.textContent!).content.viewer.id);
  await asks(ana.page, [{ type: "invite", room, users: [me] }]);
  await bo.page.goto(`/r/${room}`);
  await isIn(bo.page);
  await edited(bo.page, seq).click();
  await expect(versions(bo.page)).toHaveCount(2);
  await asks(ana.page, [{ type: "remove", room, user: me }]);
  await expect(history(bo.page)).toHaveCount(0);
  await expect(bo.page.getByText("between us")).toHaveCount(0);
  await expect(asks(bo.page, [{ type: "versions", room, seq }])).rejects.toThrow(/3001/);
});
