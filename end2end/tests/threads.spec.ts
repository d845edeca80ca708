// Threads beside their rooms: what each sees of them, live over two servers, after a reload, on a phone, without a pointer, and without
// script.
import { devices, type Page } from "@playwright/test";

import {
  Line, acts, anaAndBo, anotherTab, asks, composer, expect, isAccessible, isIn, isOpen, log, makesRoom, message, moreOf, numbered, opens, presses,
  reaches, roomLink, rooms, says, saysMany, seqOf, signIn, signUp, test, unique,
} from "../fixtures";

const thread = (page: Page) => page.getByRole("complementary", { name: "Thread" });
const replyBox = (page: Page) => thread(page).getByRole("textbox", { name: "Reply in this thread" });
const replies = (page: Page) => thread(page).getByRole("article").locator(".text");
/** The quiet line of the room that tells of a run of replies. */
const quiet = (page: Page) => log(page).locator(".replies");
const roomOf = (page: Page) => new URL(page.url()).pathname.split("/")[2];
const send = (room: string, root: number, body: string) =>
  ({ type: "send", room, nonce: crypto.randomUUID(), body, thread: root });

async function opensThread(page: Page, text: string) {
  await seqOf(page, text);
  const tools = await reaches(page, text);
  await tools.getByRole("button", { name: "Reply in thread" }).click();
  await expect(replyBox(page)).toBeFocused();
}

async function answers(page: Page, text: string) {
  await replyBox(page).fill(text);
  await replyBox(page).press("Enter");
  await expect(replyBox(page)).toHaveValue("");
}

test("a reply in a thread is told in one quiet line, and read beside the room", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "Who moved the **long** rope?");
  await expect(log(bo.page).getByText("Who moved the long rope?")).toBeVisible();
  const root = await log(bo.page).getByRole("article").last().getAttribute("data-seq");
  await says(ana.page, "And the short one?");
  await expect(message(bo.page, "And the short one?")).toBeVisible();
  const tools = await reaches(bo.page, log(bo.page).locator(`[data-seq="${root}"]`));
  await tools.getByRole("button", { name: "Reply in thread" }).click();
  await expect(replyBox(bo.page)).toBeFocused();
  await expect(bo.page).toHaveURL(new RegExp(`panel=thread-${root}$`));
  await expect(thread(bo.page).getByText("No replies yet.")).toBeVisible();
  await isAccessible(bo.page, "an empty thread");
  await answers(bo.page, "I did, to the **east** pier");
  await expect(replies(bo.page)).toHaveText([/Who moved the long rope\?/, /I did, to the east pier/]);
  await isAccessible(bo.page, "a thread");

  // In the room, it is one line for both, and the root counts it.
  for (const { page } of [ana, bo]) {
    await expect(quiet(page)).toHaveText(/Bo Lindqvist.? replied to “.?Who moved the long rope\?.?”/);
    await expect(log(page).getByText("to the east pier")).toHaveCount(0);
    await expect(log(page).getByRole("link", { name: /^1 reply/ })).toBeVisible();
  }
  // She opens it by the line, answers, and both see it. Another run of it is the same line.
  await quiet(ana.page).getByRole("link").click();
  await expect(replies(ana.page)).toHaveCount(2);
  await replyBox(ana.page).click();
  await answers(ana.page, "thank you");
  await expect(replies(bo.page)).toHaveText([/long rope/, /east pier/, "thank you"]);
  for (const { page } of [ana, bo]) {
    await expect(quiet(page)).toHaveCount(1);
    await expect(quiet(page)).toHaveText(/2 (replies|new)/);
    await expect(log(page).getByRole("link", { name: /^2 replies/ })).toBeVisible();
  }
  // What is also shown in the room is shown whole, and says where it belongs.
  await thread(bo.page).getByRole("checkbox", { name: "Also show in the room" }).check();
  await answers(bo.page, "It hangs on the second hook now");
  await expect(thread(bo.page).getByRole("checkbox", { name: "Also show in the room" })).not.toBeChecked();
  for (const { page } of [ana, bo]) {
    await expect(message(page, "It hangs on the second hook now")).toBeVisible();
    await expect(log(page).getByRole("link", { name: /^In the thread “.?Who moved the long rope\?.?”$/ })).toBeVisible();
    await expect(replies(page)).toHaveCount(4);
  }
  // After a reload everything is there before any script, and so it stays.
  for (const { page } of [ana, bo]) {
    await page.reload();
    await isIn(page);
    await expect(replies(page)).toHaveText([/long rope/, /east pier/, "thank you", "It hangs on the second hook now"]);
    // The line of unread messages may part what belongs together.
    await expect(quiet(page)).not.toHaveCount(0);
  }
  // Esc steps back to the composer and then closes it; so does the browser's way back.
  await composer(ana.page).press("Escape");
  await ana.page.keyboard.press("Escape");
  await expect(thread(ana.page)).toHaveCount(0);
  await expect(ana.page).not.toHaveURL(/panel/);
});

test("edits, reactions, deletions and quotes work in a thread", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "the root");
  await opensThread(ana.page, "the root");
  await answers(ana.page, "first");
  // Right below its root, a reply needs no line of its own: the root tells of it.
  const told = log(bo.page).getByRole("link", { name: /^1 reply/ });
  await expect(quiet(bo.page)).toHaveCount(0);
  await told.click();
  await expect(replies(bo.page)).toHaveText(["the root", "first"]);
  // The arrow edits the last own reply, where it is.
  await replyBox(ana.page).press("ArrowUp");
  const editing = thread(ana.page).getByRole("textbox", { name: "Edit message" });
  await expect(editing).toHaveValue("first");
  await expect(composer(ana.page)).toHaveValue("");
  await editing.fill("first, corrected");
  await editing.press("Enter");
  await expect(replies(bo.page).last()).toHaveText(/first, corrected/);
  // A quote of a reply stays in its thread.
  const reply = thread(bo.page).getByRole("article").last();
  const tools = await reaches(bo.page, reply);
  await tools.getByRole("button", { name: "Reply", exact: true }).click();
  await expect(thread(bo.page).getByText("Replying to Ana Benítez")).toBeVisible();
  await answers(bo.page, "quoted");
  await expect(thread(ana.page).getByRole("link", { name: /^In reply to Ana Benítez: first, corrected/ })).toBeVisible();
  // A reaction, seen by the other and after a reload.
  const last = thread(ana.page).getByRole("article").last();
  const bar = await reaches(ana.page, last);
  await bar.getByRole("button", { name: "React" }).click();
  await ana.page.getByRole("button", { name: "🎉" }).click();
  await expect(thread(bo.page).getByRole("button", { name: "🎉, 1 person" })).toBeVisible();
  // Deleted, it keeps its place.
  await acts(await reaches(bo.page, thread(bo.page).getByRole("article").last()), "Delete");
  await bo.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(replies(ana.page).last()).toHaveText("This message was deleted.");
  // The root stands in the room, too; the menu opens where it was asked for.
  const here = thread(bo.page).getByRole("article").first();
  await here.hover();
  const menu = await moreOf(await reaches(bo.page, here));
  await expect(menu.getByRole("menuitem", { name: "Copy link" })).toBeVisible();
  await bo.page.keyboard.press("Escape");
  await expect(menu).toHaveCount(0);
  await expect(here.getByRole("button", { name: "More", exact: true })).toBeFocused();
  await ana.page.reload();
  await isIn(ana.page);
  await expect(replies(ana.page)).toHaveText(["the root", /first, corrected/, "This message was deleted."]);
});

test("the threads one follows have their place in the list, on all devices", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "what shall we eat?");
  const seq = await seqOf(ana.page, "what shall we eat?");
  const direct = roomOf(ana.page);
  await makesRoom(ana.page, "Group", unique("slot"));
  // She is elsewhere: the badge counts the thread, and the dialog leads there.
  await asks(bo.page, [send(direct, seq, "soup"), send(direct, seq, "and bread")]);
  const threads = rooms(ana.page).getByRole("button", { name: /^Threads/ });
  await expect(threads.getByRole("img", { name: "1 thread with new replies" })).toBeVisible();
  await isAccessible(ana.page, "threads with news");
  const other = await open();
  await signIn(other, ana);
  await expect(rooms(other).getByRole("img", { name: "1 thread with new replies" })).toBeVisible();
  await threads.click();
  const dialog = ana.page.getByRole("dialog", { name: "Threads" });
  await expect(dialog.getByRole("button", { name: /what shall we eat\?.*2 replies.*2 new/ })).toBeVisible();
  await isAccessible(ana.page, "the threads one follows");
  await dialog.getByRole("button", { name: /what shall we eat/ }).click();
  await isOpen(ana.page, bo.name);
  await expect(replies(ana.page)).toHaveText(["what shall we eat?", "soup", "and bread"]);
  await expect(threads.getByRole("img")).toHaveCount(0);
  await expect(rooms(other).getByRole("img", { name: /with new replies/ })).toHaveCount(0);
  // She stops following it: no badge any more, on no device.
  await thread(ana.page).getByRole("button", { name: "Unfollow thread" }).click();
  await expect(thread(ana.page).getByRole("button", { name: "Follow thread" })).toBeVisible();
  await roomLink(ana.page, "slot").click();
  await asks(bo.page, [send(direct, seq, "and cheese")]);
  await expect(roomLink(ana.page, bo.name).getByRole("img", { name: "1 unread" })).toBeVisible();
  await expect(threads.getByRole("img")).toHaveCount(0);
  await threads.click();
  await expect(dialog.getByText("No threads yet")).toBeVisible();
  await dialog.getByRole("button", { name: "Close" }).click();
  // The room's own list has it.
  await opens(ana.page, bo.name);
  await ana.page.getByRole("button", { name: "Details" }).click();
  await ana.page.getByRole("complementary", { name: "Details" }).getByRole("button", { name: "Threads" }).click();
  await expect(ana.page.getByRole("dialog", { name: `Threads in ${bo.name}` }).getByText("3 replies")).toBeVisible();
});

test("the button that follows a thread keeps the focus, whatever comes", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "the root");
  const seq = await seqOf(ana.page, "the root");
  await opensThread(ana.page, "the root");
  await answers(ana.page, "first");
  const unfollow = thread(ana.page).getByRole("button", { name: "Unfollow thread" });
  await unfollow.focus();
  await asks(bo.page, [send(roomOf(ana.page), seq, "second")]);
  await expect(replies(ana.page)).toHaveText(["the root", "first", "second"]);
  await expect(unfollow).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await expect(thread(ana.page).getByRole("button", { name: "Follow thread", exact: true })).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await expect(unfollow).toBeFocused();
});

test("a refused reply that is taken back keeps its text and its tick, also beside another one", async ({ open }) => {
  const page = await open();
  const line = await Line.of(page);
  const ana = await signUp(page, { name: "Ana Benítez" });
  await makesRoom(page, "Channel", unique("crew"));
  const room = roomOf(page);
  await says(page, "the root");
  await opensThread(page, "the root");
  const also = thread(page).getByRole("checkbox", { name: "Also show in the room" });
  line.cut();
  await expect(page.locator("html")).toHaveAttribute("data-link", "away");
  for (const text of ["one", "two"]) {
    await replyBox(page).fill(text);
    await also.check();
    await replyBox(page).press("Enter");
    await expect(replyBox(page)).toHaveValue("");
  }
  const other = await open();
  await signIn(other, ana);
  await asks(other, [{ type: "archive", room, on: true }]);
  line.restore();
  await isIn(page);
  const refused = log(page).getByRole("article").filter({ hasText: "Not sent" });
  await expect(refused).toHaveCount(2);
  // The room is read-only: there is no composer, and both are kept until there is one.
  await thread(page).getByRole("button", { name: "Close" }).click();
  for (const text of ["two", "one"]) {
    await refused.filter({ hasText: text }).getByRole("button", { name: "Edit" }).click();
    await expect(refused.filter({ hasText: text })).toHaveCount(0);
  }
  await asks(other, [{ type: "archive", room, on: false }]);
  await expect(replyBox(page)).toHaveValue("one\ntwo");
  await expect(also).toBeChecked();
  await replyBox(page).press("Enter");
  await expect(replies(page).last()).toHaveText("one\ntwo");
  await expect(message(page, "one\ntwo")).toBeVisible();
  await expect(also).not.toBeChecked();
});

test("a draft and what is on its way stay in their thread", async ({ open, expected }) => {
  expected(/ERR_INTERNET_DISCONNECTED/);
  const [ana] = await anaAndBo(open);
  await says(ana.page, "the root");
  await opensThread(ana.page, "the root");
  await replyBox(ana.page).fill("half a thought");
  await composer(ana.page).fill("another one");
  await ana.page.reload();
  await isIn(ana.page);
  await expect(replyBox(ana.page)).toHaveValue("half a thought");
  await expect(composer(ana.page)).toHaveValue("another one");
  // Cut off, the reply waits here, and is sent when the network is back.
  await ana.page.context().setOffline(true);
  await expect(ana.page.locator("html")).not.toHaveAttribute("data-link", "live");
  await answers(ana.page, "sent later");
  await expect(replies(ana.page).last()).toHaveText(/sent later/);
  await expect(log(ana.page).getByText("sent later")).toHaveCount(0);
  await ana.page.context().setOffline(false);
  await expect(log(ana.page).getByRole("link", { name: /^1 reply/ })).toBeVisible();
  await expect(replies(ana.page)).toHaveCount(2);
});

test("a link to a reply opens its thread, however far back it is", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "a long story");
  const root = await seqOf(ana.page, "a long story");
  const room = roomOf(ana.page);
  await asks(ana.page, numbered("part", 120).map((body) => send(room, root, body)), 16);
  await saysMany(ana.page, numbered("later", 60), room);
  await asks(bo.page, [{ type: "read", room, seq: root + 180 }]);
  await bo.page.goto(`/r/${room}/m/${root + 10}`);
  await isIn(bo.page);
  const tenth = thread(bo.page).locator(`[data-seq="${root + 10}"]`);
  await expect(tenth).toHaveText(/part 10/);
  await expect(tenth).toBeInViewport();
  await expect(tenth).toBeFocused();
  // Only what is around it has been read. Scrolled down, all of it is there, and nothing is there twice.
  await expect(thread(bo.page).locator(`[data-seq="${root + 120}"]`)).toHaveCount(0);
  await expect(async () => {
    await replies(bo.page).last().scrollIntoViewIfNeeded();
    await expect(thread(bo.page).getByRole("article")).toHaveCount(121, { timeout: 500 });
  }).toPass();
  await bo.page.reload();
  await isIn(bo.page);
  await expect(tenth).toBeInViewport();
  // Whoever writes is at the end.
  await replyBox(bo.page).fill("the end");
  await replyBox(bo.page).press("Enter");
  await expect(replies(bo.page).last()).toHaveText("the end");
  await expect(replies(bo.page).last()).toBeInViewport();
  // The address still names the reply. The thread stays closed all the same.
  await thread(bo.page).getByRole("button", { name: "Close" }).click();
  await expect(thread(bo.page)).toHaveCount(0);
  await says(bo.page, "back in the room");
  await expect(thread(bo.page)).toHaveCount(0);
});

test("without a pointer: a key opens the thread, the arrows go through it", async ({ open }) => {
  const [ana] = await anaAndBo(open);
  await says(ana.page, "the root");
  // From here on, the row stays as it is.
  await expect(log(ana.page).getByRole("button", { name: "Read" })).toBeVisible();
  await message(ana.page, "the root").evaluate((row: HTMLElement) => row.focus());
  await ana.page.keyboard.press("t");
  await expect(replyBox(ana.page)).toBeFocused();
  await ana.page.keyboard.type("one");
  await ana.page.keyboard.press("Enter");
  await ana.page.keyboard.type("two");
  await ana.page.keyboard.press("Enter");
  await expect(replies(ana.page)).toHaveText(["the root", "one", "two"]);
  await ana.page.keyboard.press("Shift+Tab");
  await thread(ana.page).getByRole("article").last().focus();
  await ana.page.keyboard.press("ArrowUp");
  await expect(thread(ana.page).getByRole("article").nth(1)).toBeFocused();
  await ana.page.keyboard.press("ArrowDown");
  await ana.page.keyboard.press("ArrowDown");
  await expect(replyBox(ana.page)).toBeFocused();
});

test("on a phone the thread is the screen, and the way back leads to the room", async ({ open, expected }) => {
  expected(/ERR_INTERNET_DISCONNECTED/);
  const ana = await signUp(await open(devices["Pixel 7"] as object), { name: "Ana Benítez" });
  await says(ana.page, "the root");
  const sheet = await presses(ana.page, "the root");
  await sheet.getByRole("button", { name: "Reply in thread" }).tap();
  await expect(thread(ana.page)).toBeVisible();
  const width = (await thread(ana.page).boundingBox())!.width;
  expect(width).toBeCloseTo(ana.page.viewportSize()!.width);
  await isAccessible(ana.page, "a thread on a phone");
  await replyBox(ana.page).fill("from the boat");
  await thread(ana.page).getByRole("button", { name: "Send" }).tap();
  await expect(replies(ana.page)).toHaveText(["the root", "from the boat"]);
  // The notice of a lost connection is not under the thread.
  await ana.page.context().setOffline(true);
  await ana.page.getByRole("button", { name: "Try now" }).tap({ trial: true });
  await ana.page.context().setOffline(false);
  await isIn(ana.page);
  await ana.page.goBack();
  await expect(thread(ana.page)).toHaveCount(0);
  await log(ana.page).getByRole("link", { name: /^1 reply/ }).tap();
  await expect(replies(ana.page)).toHaveCount(2);
});

test("without script a thread is read and written by the address", async ({ open, expected }) => {
  expected(/status of 422/);
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "the root");
  await opensThread(ana.page, "the root");
  await answers(ana.page, "first");
  const bare = await open({ javaScriptEnabled: false, storageState: await bo.page.context().storageState() } as object);
  await bare.goto(new URL(bo.page.url()).pathname);
  await bare.locator("a.thread-line").click();
  await expect(bare.locator(".thread .row .text")).toHaveText(["the root", "first"]);
  await bare.locator("#reply textarea").fill("by a form");
  await bare.locator("#reply").getByRole("button", { name: "Send" }).click();
  await expect(bare.locator(".thread .row .text")).toHaveText(["the root", "first", "by a form"]);
  await expect(replies(ana.page)).toHaveText(["the root", "first", "by a form"]);
  await bare.locator("#reply textarea").fill("x".repeat(4_001));
  await bare.locator("#reply").getByRole("checkbox").check();
  await bare.locator("#reply").getByRole("button", { name: "Send" }).click();
  await expect(bare.locator("#reply .your-words")).toHaveText("x".repeat(4_001));
  await expect(bare.locator("#composer .your-words")).toHaveCount(0);
  await expect(bare.locator("#reply").getByRole("checkbox")).toBeChecked();
});

test("whoever is removed no longer reads it, and a stranger never does", async ({ open, expected }) => {
  expected(/status of 404/);
  const [ana, bo] = await anaAndBo(open);
  const title = unique("crew");
  await makesRoom(ana.page, "Group", title);
  const room = roomOf(ana.page);
  await says(ana.page, "between us");
  const root = await seqOf(ana.page, "between us");
  await bo.page.goto(`/r/${room}?panel=thread-${root}`);
  await expect(bo.page.getByText("between us")).toHaveCount(0);
  const me = await bo.page.evaluate(() => JSON.parse(document.getElementById("page")!.textContent!).content.viewer.id);
  await asks(ana.page, [{ type: "invite", room, users: [me] }]);
  await bo.page.reload();
  await isIn(bo.page);
  await expect(replies(bo.page)).toHaveText(["between us"]);
  await asks(ana.page, [{ type: "remove", room, user: me }]);
  await expect(thread(bo.page)).toHaveCount(0);
  await expect(bo.page.getByText("between us")).toHaveCount(0);
  const again = await anotherTab(bo.page);
  await again.goto(`/r/${room}?panel=thread-${root}`);
  await isIn(again);
  await expect(again.getByText("between us")).toHaveCount(0);
});
