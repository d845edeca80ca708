// Polls: made with the keyboard, voted in over two servers, after a reload, on another device, on a phone and without script.
import { devices, type Locator, type Page } from "@playwright/test";

import {
  acts, anaAndBo, asks, composer, expect, isAccessible, isIn, isOpen, log, message, presses, reaches, roomLink, says, seqOf, signIn, signUp, test,
  unique,
} from "../fixtures";

const making = (page: Page) => page.getByRole("dialog", { name: "Create poll" });
const options = (poll: Locator) => poll.locator(".poll-option");
/** An option of a poll, by its text. */
const option = (poll: Locator, text: string) => poll.locator(".poll-option").filter({ hasText: text });
const poll = (page: Page, question: string) => message(page, question);

/** Opens the dialog, as a person with a pointer does. */
async function begins(page: Page) {
  const tools = page.getByRole("toolbar", { name: "Formatting" });
  if (!(await tools.isVisible())) await page.getByRole("button", { name: "Formatting" }).click();
  await tools.getByRole("button", { name: "Create poll" }).click();
  await expect(making(page)).toBeVisible();
}

/** Makes a poll in the open room. */
async function polls(page: Page, question: string, texts: string[], switches: string[] = []) {
  await begins(page);
  const dialog = making(page);
  await dialog.getByRole("textbox", { name: "Question" }).fill(question);
  for (const [n, text] of texts.entries()) {
    if (n >= 2) await dialog.getByRole("button", { name: "Add option" }).click();
    await dialog.getByRole("textbox", { name: `Option ${n + 1}` }).fill(text);
  }
  for (const name of switches) await dialog.getByRole("checkbox", { name }).check();
  await dialog.getByRole("button", { name: "Send" }).click();
  await expect(dialog).toBeHidden();
  await seqOf(page, question);
}

async function counts(of: Locator, shown: (string | RegExp)[]) {
  await expect(options(of).locator(".poll-count")).toHaveText(shown);
}

test("made by keyboard, voted in on both servers, and the same after a reload and on a second device", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  // What was already written becomes the question. The toolbar is reached with Tab.
  await composer(ana.page).fill("When do we sail?");
  await ana.page.getByRole("button", { name: "Formatting" }).focus();
  await ana.page.keyboard.press("Enter");
  await expect(ana.page.getByRole("toolbar", { name: "Formatting" })).toBeVisible();
  await ana.page.keyboard.press("Shift+Tab");
  await expect(ana.page.getByLabel("Attach files")).toBeFocused();
  await ana.page.keyboard.press("Shift+Tab");
  await expect(composer(ana.page)).toBeFocused();
  await ana.page.keyboard.press("Shift+Tab");
  await expect(ana.page.getByRole("button", { name: "Bold" })).toBeFocused();
  await ana.page.keyboard.press("End");
  await expect(ana.page.getByRole("button", { name: "Create poll" })).toBeFocused();
  await ana.page.keyboard.press("Enter");
  const dialog = making(ana.page);
  const question = dialog.getByRole("textbox", { name: "Question" });
  await expect(question).toBeFocused();
  await expect(question).toHaveValue("When do we sail?");
  await isAccessible(ana.page, "a new poll");
  // Enter goes to the next option, and from the last one to a new one.
  for (const [n, text] of ["At nine", "At noon", "明天"].entries()) {
    await ana.page.keyboard.press("Enter");
    await expect(dialog.getByRole("textbox", { name: `Option ${n + 1}` })).toBeFocused();
    await ana.page.keyboard.type(text);
  }
  // Nothing that was typed is lost when the dialog is closed.
  await ana.page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await begins(ana.page);
  await expect(dialog.getByRole("textbox", { name: "Option 3" })).toHaveValue("明天");
  // From an empty last option, Enter sends.
  await dialog.getByRole("textbox", { name: "Option 3" }).press("Enter");
  await expect(dialog.getByRole("textbox", { name: "Option 4" })).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(composer(ana.page)).toHaveValue("");

  const [hers, his] = [poll(ana.page, "When do we sail?"), poll(bo.page, "When do we sail?")];
  await counts(his, ["0% · 0", "0% · 0", "0% · 0"]);
  await expect(his.getByRole("radiogroup", { name: "Poll: Choose one" }).getByRole("radio")).toHaveCount(3);
  await option(his, "At noon").click();
  await expect(option(his, "At noon")).toHaveAttribute("aria-checked", "true");
  // She sees it live, and votes with the keyboard: the arrows move between the options, and the focus stays.
  await counts(hers, ["0% · 0", "100% · 1", "0% · 0"]);
  await expect(hers.getByText("1 person voted")).toBeVisible();
  await option(hers, "At nine").focus();
  await ana.page.keyboard.press("ArrowDown");
  await ana.page.keyboard.press("ArrowDown");
  await expect(option(hers, "明天")).toBeFocused();
  await ana.page.keyboard.press("Space");
  await expect(option(hers, "明天")).toHaveAttribute("aria-checked", "true");
  await expect(option(hers, "明天")).toBeFocused();
  for (const shown of [hers, his]) await counts(shown, ["0% · 0", "50% · 1", "50% · 1"]);
  await expect(option(his, "明天")).toHaveAttribute("aria-checked", "false");
  await isAccessible(bo.page, "a poll");
  // Another choice replaces the first one, and a second press takes it back.
  await option(his, "明天").click();
  for (const shown of [hers, his]) await counts(shown, ["0% · 0", "0% · 0", "100% · 2"]);
  await option(his, "明天").click();
  for (const shown of [hers, his]) await counts(shown, ["0% · 0", "0% · 0", "100% · 1"]);
  await option(his, "At nine").click();
  for (const shown of [hers, his]) await counts(shown, ["50% · 1", "0% · 0", "50% · 1"]);

  // After a reload, and on a second device of his, which then votes for him.
  await bo.page.reload();
  await isIn(bo.page);
  await expect(option(his, "At nine")).toHaveAttribute("aria-checked", "true");
  await expect(option(his, "明天")).toHaveAttribute("aria-checked", "false");
  const other = await open();
  await signIn(other, bo);
  await roomLink(other, ana.name).click();
  await expect(option(poll(other, "When do we sail?"), "At nine")).toHaveAttribute("aria-checked", "true");
  await option(poll(other, "When do we sail?"), "明天").click();
  await expect(option(his, "明天")).toHaveAttribute("aria-checked", "true");
  await expect(option(his, "At nine")).toHaveAttribute("aria-checked", "false");
  // The list says that it is a poll.
  await expect(roomLink(bo.page, ana.name)).toContainText("📊 When do we sail?");

  // Who voted, which follows the votes.
  await his.getByRole("button", { name: "Show votes" }).click();
  const voters = bo.page.getByRole("dialog", { name: "Show votes" });
  await expect(voters.getByRole("listitem")).toHaveText([/Ana Benítez/, /Bo Lindqvist/]);
  await isAccessible(bo.page, "who voted");
  await option(hers, "At noon").click();
  await expect(voters.getByRole("heading", { name: "At noon" })).toContainText("1 vote");
  await expect(voters.getByRole("listitem")).toHaveText([/Ana Benítez/, /Bo Lindqvist/]);
  await expect(voters.getByText("Nobody chose this.")).toHaveCount(1);
});

test("several choices, anonymously, until it is closed", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await polls(ana.page, "What do we eat?", ["Soup", "Bread", "Fish"], ["Several choices", "Anonymous"]);
  const [hers, his] = [poll(ana.page, "What do we eat?"), poll(bo.page, "What do we eat?")];
  await expect(his.getByRole("group", { name: "Poll: Choose one or more" }).getByRole("checkbox")).toHaveCount(3);
  await option(his, "Soup").click();
  await option(his, "Fish").click();
  await option(hers, "Fish").click();
  for (const shown of [hers, his]) {
    await counts(shown, ["50% · 1", "0% · 0", "100% · 2"]);
    await expect(shown.getByText("Anonymous · 2 people voted")).toBeVisible();
    await expect(shown.getByRole("button", { name: "Show votes" })).toHaveCount(0);
  }
  await expect(his.getByRole("button", { name: "Close poll" })).toHaveCount(0);
  // Its author closes it from the message's tools, after a question.
  const tools = await reaches(ana.page, hers);
  await acts(tools, "Close poll");
  const sure = ana.page.getByRole("dialog", { name: "Close poll" });
  await isAccessible(ana.page, "closing a poll");
  await sure.getByRole("button", { name: "Close poll" }).click();
  for (const shown of [hers, his]) {
    await expect(shown.getByText("Closed · Anonymous · 2 people voted")).toBeVisible();
    await expect(options(shown).first()).toHaveAttribute("aria-disabled", "true");
  }
  await option(his, "Bread").click({ force: true });
  await expect(option(his, "Bread")).toHaveAttribute("aria-checked", "false");
  await bo.page.reload();
  await isIn(bo.page);
  await counts(his, ["50% · 1", "0% · 0", "100% · 2"]);
  await expect(option(his, "Soup")).toHaveAttribute("aria-checked", "true");
  await isAccessible(bo.page, "a closed poll");
  // Deleted, nothing of it is left.
  const again = await reaches(ana.page, hers);
  await acts(again, "Delete");
  await ana.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(log(bo.page).getByText("This message was deleted.")).toBeVisible();
  await expect(log(bo.page).locator(".poll")).toHaveCount(0);
});

test("what is wrong is said where it is", async ({ open }) => {
  const [ana] = await anaAndBo(open);
  await begins(ana.page);
  const dialog = making(ana.page);
  const [first, second] = [1, 2].map((n) => dialog.getByRole("textbox", { name: `Option ${n}` }));
  const send = dialog.getByRole("button", { name: "Send" });
  await send.click();
  const question = dialog.getByRole("textbox", { name: "Question" });
  await expect(question).toBeFocused();
  await expect(question).toHaveAccessibleDescription("This can’t be empty.");
  await question.fill("Which?");
  await first.fill("same");
  await send.click();
  await expect(dialog.getByRole("alert")).toHaveText("Use 2 to 10 options, each a different one.");
  await second.fill(" same");
  await send.click();
  await expect(dialog.getByRole("alert")).toHaveText("Use 2 to 10 options, each a different one.");
  await second.fill("x".repeat(101));
  await send.click();
  await expect(second).toBeFocused();
  await expect(second).toHaveAccessibleDescription("Use at most 100 characters.");
  await isAccessible(ana.page, "a refused poll");
  await second.fill("other");
  // At most ten.
  for (let n = 3; n <= 10; n++) await dialog.getByRole("button", { name: "Add option" }).click();
  await expect(dialog.getByRole("button", { name: "Add option" })).toHaveCount(0);
  // Removing one keeps the others.
  await dialog.getByRole("textbox", { name: "Option 10" }).fill("last");
  await dialog.getByRole("button", { name: "Remove option 3" }).click();
  await expect(dialog.getByRole("textbox", { name: "Option 9" })).toHaveValue("last");
  await send.click();
  await expect(dialog).toBeHidden();
  await expect(options(poll(ana.page, "Which?"))).toHaveText([/same/, /other/, /last/]);
});

test("a poll waits for the connection, and a refused one keeps its options", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  // The servers refuse it, as a newer rule would.
  await ana.page.routeWebSocket(/\/socket$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const frame = JSON.parse(String(text));
      if (frame.command?.poll?.options?.includes("refuse me")) {
        socket.send(JSON.stringify({ ref: frame.ref, refusal: { code: 3002 } }));
      } else server.send(text);
    });
  });
  await ana.page.reload();
  await isIn(ana.page);
  await begins(ana.page);
  const dialog = making(ana.page);
  await dialog.getByRole("textbox", { name: "Question" }).fill("Which?");
  await dialog.getByRole("textbox", { name: "Option 1" }).fill("one");
  await dialog.getByRole("textbox", { name: "Option 2" }).fill("refuse me");
  await dialog.getByRole("checkbox", { name: "Several choices" }).check();
  await dialog.getByRole("button", { name: "Send" }).click();
  const row = message(ana.page, "Which?");
  await expect(row.getByRole("alert")).toContainText("You don’t have permission to do that.");
  await expect(options(row)).toHaveText([/one/, /refuse me/]);
  await row.getByRole("button", { name: "Edit" }).click();
  await expect(dialog.getByRole("textbox", { name: "Option 2" })).toHaveValue("refuse me");
  await expect(dialog.getByRole("checkbox", { name: "Several choices" })).toBeChecked();
  // Closed without sending, it is still there.
  await ana.page.keyboard.press("Escape");
  await expect(options(row)).toHaveText([/one/, /refuse me/]);
  await row.getByRole("button", { name: "Edit" }).click();
  await dialog.getByRole("textbox", { name: "Option 2" }).fill("two");
  await dialog.getByRole("button", { name: "Send" }).click();
  await expect(options(poll(bo.page, "Which?"))).toHaveText([/one/, /two/]);
  await expect(row).toHaveCount(1);
  await expect(row.getByRole("alert")).toHaveCount(0);
});

test("on a phone it is made and voted in by touch", async ({ open }) => {
  const ana = await signUp(await open(devices["Pixel 7"] as object), { name: "Ana Benítez" });
  const title = unique("boats");
  await asks(ana.page, [{ type: "create_room", nonce: crypto.randomUUID(), kind: "group", title, topic: "" }]);
  await ana.page.goto("/");
  await isIn(ana.page);
  await roomLink(ana.page, title).tap();
  await isOpen(ana.page, title);
  await ana.page.getByRole("button", { name: "Formatting" }).tap();
  await ana.page.getByRole("button", { name: "Create poll" }).tap();
  const dialog = making(ana.page);
  const question = "Which boat?";
  await dialog.getByRole("textbox", { name: "Question" }).fill(question);
  await dialog.getByRole("textbox", { name: "Option 1" }).fill("The old one, which leaks, and which everybody nevertheless loves");
  await dialog.getByRole("textbox", { name: "Option 2" }).fill("The new one");
  await isAccessible(ana.page, "a new poll on a phone");
  await dialog.getByRole("button", { name: "Send" }).tap();
  await expect(dialog).toBeHidden();
  const shown = poll(ana.page, question);
  await option(shown, "The old one").tap();
  await expect(option(shown, "The old one")).toHaveAttribute("aria-checked", "true");
  expect((await option(shown, "The new one").boundingBox())!.height).toBeGreaterThanOrEqual(44);
  await isAccessible(ana.page, "a poll on a phone");
  const sheet = await presses(ana.page, shown);
  await sheet.getByRole("button", { name: "Close poll" }).tap();
  await ana.page.getByRole("dialog", { name: "Close poll" }).getByRole("button", { name: "Close poll" }).tap();
  await expect(shown.getByText("Closed · 1 person voted")).toBeVisible();
});

test("without script it is a form, and in a thread it works like in the room", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await polls(ana.page, "Shall we?", ["Yes", "No"]);
  const bare = await open({ javaScriptEnabled: false, storageState: await bo.page.context().storageState() } as object);
  await bare.goto(new URL(bo.page.url()).pathname);
  await option(poll(bare, "Shall we?"), "No").click();
  await counts(poll(bare, "Shall we?"), ["0% · 0", "100% · 1"]);
  await expect(option(poll(bare, "Shall we?"), "No")).toHaveAttribute("aria-checked", "true");
  for (const { page } of [ana, bo]) await counts(poll(page, "Shall we?"), ["0% · 0", "100% · 1"]);
  await expect(option(poll(bo.page, "Shall we?"), "No")).toHaveAttribute("aria-checked", "true");
  await option(poll(bare, "Shall we?"), "Yes").click();
  await counts(poll(ana.page, "Shall we?"), ["100% · 1", "0% · 0"]);

  await says(ana.page, "the root");
  await seqOf(ana.page, "the root");
  const tools = await reaches(ana.page, "the root");
  await tools.getByRole("button", { name: "Reply in thread" }).click();
  const thread = (page: Page) => page.getByRole("complementary", { name: "Thread" });
  const bar = thread(ana.page).getByRole("toolbar", { name: "Formatting" });
  await bar.getByRole("button", { name: "Create poll" }).click();
  await making(ana.page).getByRole("textbox", { name: "Question" }).fill("And here?");
  await making(ana.page).getByRole("textbox", { name: "Option 1" }).fill("Left");
  await making(ana.page).getByRole("textbox", { name: "Option 2" }).fill("Right");
  await making(ana.page).getByRole("button", { name: "Send" }).click();
  await log(bo.page).getByRole("link", { name: /^1 reply/ }).click();
  const his = thread(bo.page).getByRole("article").filter({ hasText: "And here?" });
  await option(his, "Right").click();
  const hers = thread(ana.page).getByRole("article").filter({ hasText: "And here?" });
  await counts(hers, ["0% · 0", "100% · 1"]);
  await expect(option(his, "Right")).toHaveAttribute("aria-checked", "true");
});
