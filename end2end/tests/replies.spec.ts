// Mentions, replies, and links to messages: over two servers, after a reload, on a phone, and without a pointer.
import { devices, type Page } from "@playwright/test";

import {
  acts, anaAndBo, asks, composer, expect, fillSignIn, isAccessible, isIn, isOpen, makesRoom, numbered, opens, presses, reaches, roomLink,
  says, saysMany, seqOf, signUp, test, unique, writesTo,
} from "../fixtures";

const row = (page: Page, seq: number) => page.getByRole("log").locator(`[data-seq="${seq}"]`);
const roomOf = (page: Page) => new URL(page.url()).pathname.split("/")[2];

test("a mention has its own count, follows a new name, and is no longer counted once read", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(bo.page, "hello");
  const channel = unique("pier");
  await makesRoom(ana.page, "Channel", channel);
  const room = roomOf(ana.page);
  await bo.page.goto("/");
  await isIn(bo.page);
  await asks(bo.page, [{ type: "join", room }]);
  await expect(roomLink(bo.page, `#${channel}`)).toBeVisible();
  await says(ana.page, `@${bo.handle} where is the rope?`);
  await says(ana.page, "nobody in particular");
  const inList = roomLink(bo.page, `#${channel}`);
  await expect(inList.getByRole("img", { name: "1 mention" })).toHaveText("@1");
  await expect(inList.getByRole("img", { name: "2 unread" })).toBeVisible();
  await bo.page.reload();
  await expect(inList.getByRole("img", { name: "1 mention" })).toHaveText("@1");
  await isAccessible(bo.page, "a mention in the list");
  await opens(bo.page, `#${channel}`);
  const mention = bo.page.getByRole("log").locator(".mention");
  await expect(mention).toHaveText("@Bo Lindqvist");
  await expect(bo.page.locator(".row.to-me")).toHaveCount(1);
  await expect(inList.getByRole("img", { name: /mention/ })).toHaveCount(0);

  // Everybody sees the current name, in old messages too.
  await bo.page.goto("/settings");
  await bo.page.getByRole("textbox", { name: "Name" }).fill("Bo Lind");
  await bo.page.getByRole("button", { name: "Save" }).first().click();
  await expect(ana.page.getByRole("log").locator(".mention")).toHaveText("@Bo Lind");
});

test("a mentioned person who is not in the room can be added", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await makesRoom(ana.page, "Group", unique("crew"));
  await says(ana.page, `ask @${bo.handle}`);
  const strip = ana.page.getByText("Bo Lindqvist isn’t in this room and won’t see your message.");
  await expect(strip).toBeVisible();
  await ana.page.getByRole("button", { name: "Add people" }).last().click();
  await expect(strip).toHaveCount(0);
  await expect(roomLink(bo.page, "crew")).toBeVisible();
});

test("only people with the right can mention everyone, and everyone is notified", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  const channel = unique("pier");
  await makesRoom(ana.page, "Channel", channel);
  await asks(bo.page, [{ type: "join", room: roomOf(ana.page) }]);
  await composer(ana.page).pressSequentially("@ev");
  await ana.page.getByRole("option", { name: "Everyone in this room" }).click();
  await composer(ana.page).press("Enter");
  await expect(ana.page.getByRole("log").locator(".mention")).toHaveText("@everyone");
  await expect(roomLink(bo.page, `#${channel}`).getByRole("img", { name: "1 mention" })).toBeVisible();
  await opens(bo.page, `#${channel}`);
  await composer(bo.page).pressSequentially("@ev");
  await expect(bo.page.getByRole("option")).toHaveCount(0);
  await composer(bo.page).press("Enter");
  await expect(bo.page.getByRole("log").locator(".mention")).toHaveCount(1);
});

test("a reply quotes the original in its current form, and leads to it", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "Who moved the **long** rope?");
  const room = roomOf(ana.page);
  await expect(ana.page.getByRole("article").last()).toHaveAttribute("data-seq", /^[1-9]/);
  const first = Number(await ana.page.getByRole("article").last().getAttribute("data-seq"));
  await expect(row(bo.page, first)).toBeVisible();
  const tools = await reaches(bo.page, row(bo.page, first));
  await tools.getByRole("button", { name: "Reply", exact: true }).click();
  await expect(composer(bo.page)).toBeFocused();
  const strip = bo.page.getByText("Replying to Ana Benítez");
  await expect(strip).toBeVisible();
  await isAccessible(bo.page, "a reply being written");
  // Escape cancels it, and a key starts another one.
  await bo.page.keyboard.press("Escape");
  await expect(strip).toHaveCount(0);
  await row(bo.page, first).evaluate((row: HTMLElement) => row.focus());
  await bo.page.keyboard.press("r");
  await expect(strip).toBeVisible();
  await says(bo.page, "I did");
  await expect(strip).toHaveCount(0);
  const quote = (page: Page) => page.getByRole("log").getByRole("link", { name: /^In reply to Ana Benítez: / });
  for (const { page } of [ana, bo]) await expect(quote(page)).toHaveText(/Ana Benítez\s*Who moved the long rope\?/);
  await isAccessible(ana.page, "a reply");

  // Far away from it: the quote is part of the page, leads to the original and highlights it.
  await saysMany(ana.page, numbered("between", 330), room);
  const reply = { type: "send", room, nonce: crypto.randomUUID(), body: "and again", reply_to: first };
  await asks(bo.page, [reply]);
  await expect(ana.page.getByText("and again", { exact: true })).toBeVisible();
  // Until the server knows that she has read everything, the page begins where she left.
  await asks(ana.page, [{ type: "read", room, seq: first + 332 }]);
  await expect(async () => {
    await ana.page.reload();
    await isIn(ana.page);
    await expect(row(ana.page, first)).toHaveCount(0, { timeout: 1_000 });
    await expect(quote(ana.page)).toHaveCount(1, { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });
  await expect(quote(ana.page)).toHaveText(/Who moved the long rope/);
  await quote(ana.page).click();
  await expect(row(ana.page, first)).toBeInViewport();
  await expect(row(ana.page, first)).toHaveAttribute("data-found", "");
  await expect(row(ana.page, first)).toBeFocused();
  await ana.page.getByRole("button", { name: /Jump to newest/ }).click();
  await expect(ana.page.getByText("and again", { exact: true })).toBeInViewport();

  await asks(ana.page, [{ type: "edit", room, seq: first, edits: 0, body: "Who moved the rope?" }]);
  await expect(quote(ana.page)).toHaveText(/Who moved the rope/);
  await asks(ana.page, [{ type: "delete", room, seq: first }]);
  await expect(quote(ana.page)).toHaveText(/This message was deleted/);
  const bare = await open({ javaScriptEnabled: false, storageState: await ana.page.context().storageState() });
  await bare.goto(`/r/${room}`);
  await expect(quote(bare)).toHaveText(/This message was deleted/);
});

test("a link opens any message of the history, also after a sign-in", async ({ open, expected }) => {
  // A stranger gets nothing.
  expected(/404 \(Not Found\)/);
  const ana = await signUp(await open({ permissions: ["clipboard-read", "clipboard-write"] }), { name: "Ana Benítez" });
  await makesRoom(ana.page, "Group", unique("crew"));
  const room = roomOf(ana.page);
  await saysMany(ana.page, numbered("line", 300), room);
  await expect(ana.page.getByText("line 300", { exact: true })).toBeVisible();
  const newest = await seqOf(ana.page, "line 300");
  const tools = await reaches(ana.page, "line 300");
  await acts(tools, "Copy link");
  await expect.poll(() => ana.page.evaluate(() => navigator.clipboard.readText())).toMatch(new RegExp(`/r/${room}/m/${newest}$`));

  // In a new browser: first the sign-in, then the message, in the middle of the screen, before any script runs.
  const old = newest - 200;
  const page = await open();
  await page.goto(`/r/${room}/m/${old}`);
  await expect(page).toHaveURL(/sign-in/);
  await fillSignIn(page, ana);
  await expect(row(page, old)).toHaveText(/line 100/);
  await expect(row(page, old)).toBeInViewport();
  // It is highlighted for two seconds after hydration.
  await expect(row(page, old)).toHaveAttribute("data-found", "");
  await isIn(page);
  await expect(row(page, old)).toBeInViewport();
  // Reading on from there works in both directions.
  await page.getByRole("log").evaluate((log) => log.scrollBy(0, -100_000));
  await expect(page.getByText("line 60", { exact: true })).toBeAttached();
  await page.getByRole("button", { name: /Jump to newest/ }).click();
  await expect(page.getByText("line 300", { exact: true })).toBeInViewport();

  // A missing message is reported.
  await page.goto(`/r/${room}/m/99999`);
  await isIn(page);
  await expect(page.getByText("There’s no such message in this room.")).toBeVisible();
  const stranger = await signUp(await open());
  const answer = await stranger.page.goto(`/r/${room}/m/${old}`);
  expect(answer!.status()).toBe(404);
  await expect(stranger.page.getByRole("heading", { name: "Room not found" })).toBeVisible();
});

test("on a phone, a long press offers to reply", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const { defaultBrowserType: _, ...phone } = devices["Pixel 7"];
  const bo = await signUp(await open(phone), { name: "Bo Lindqvist" });
  await writesTo(ana.page, bo);
  await says(ana.page, "Tea?");
  await bo.page.goto("/");
  await isIn(bo.page);
  await roomLink(bo.page, ana.name).tap();
  await isOpen(bo.page, ana.name);
  const seq = await seqOf(bo.page, "Tea?");
  const sheet = await presses(bo.page, row(bo.page, seq));
  await sheet.getByRole("button", { name: "Reply", exact: true }).tap();
  await expect(bo.page.getByText("Replying to Ana Benítez")).toBeVisible();
  await says(bo.page, "Yes");
  await expect(ana.page.getByRole("link", { name: "In reply to Ana Benítez: Tea?" })).toBeVisible();
  await isAccessible(bo.page, "a reply on a phone");
});
