// What only one person sees, on all of their devices: saved messages, reminders, and scheduled messages.
import {
  acts, asks, chooses, composer, expect, isAccessible, isIn, isOpen, message, moreOf, onNode, presses, reaches, roomLink, says, saysMany,
  sees, seqOf, signIn, signUp, test, unique, writesTo, type Person,
} from "../fixtures";

type Page = Person["page"];
type Open = (options?: object) => Promise<Page>;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const roomOf = (page: Page) => page.url().split("/").at(-1)!.split("?")[0];

/** Ana, with a second device on another server, and Bo. Both of Ana's devices show a room of the two. */
async function three(open: Open, options: object = {}): Promise<{ ana: Person; other: Page; bo: Person }> {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await writesTo(bo.page, ana);
  const other = await open(options);
  await signIn(other, ana);
  for (const [page, node] of [[ana.page, 0], [other, 1]] as const) {
    await page.goto(bo.page.url());
    await isIn(page);
    await onNode(page, node);
    await isOpen(page, bo.name);
  }
  return { ana, other, bo };
}

const later = (page: Page) => page.getByRole("navigation", { name: "Rooms" }).getByRole("button", { name: /^Later/ });

/** Opens the list of saved and scheduled messages. */
async function opensLater(page: Page): Promise<ReturnType<Page["getByRole"]>> {
  await later(page).click();
  const dialog = page.getByRole("dialog", { name: "Later" });
  await expect(dialog).toBeVisible();
  return dialog;
}

const saved = (page: Page, text: string) => message(page, text).getByRole("img", { name: "Saved for later" });
const reminder = (page: Page) => page.getByRole("alert", { name: "Reminder" });

test("a message is saved on all devices, shown in its current form, and removed on any of them", async ({ open }) => {
  const { ana, other, bo } = await three(open);
  await says(bo.page, "The keys are under the mat");
  await sees(ana.page, "The keys are under the mat");
  const seq = await seqOf(bo.page, "The keys are under the mat");

  await test.step("with the keyboard; the other device shows the mark", async () => {
    const tools = await reaches(ana.page, "The keys are under the mat");
    await (await moreOf(tools)).getByRole("menuitem", { name: "Save for later" }).focus();
    await ana.page.keyboard.press("Enter");
    for (const page of [ana.page, other]) await expect(saved(page, "The keys are under the mat")).toBeVisible();
    await expect(bo.page.getByRole("img", { name: "Saved for later" })).toHaveCount(0);
  });

  await test.step("the list shows its current text, with its room and author", async () => {
    await asks(bo.page, [{ type: "edit", room: roomOf(bo.page), seq, edits: 0, body: "The keys are under the pot" }]);
    await other.goto("/");
    await isIn(other);
    const dialog = await opensLater(other);
    const line = dialog.getByRole("listitem");
    await expect(line).toHaveCount(1);
    for (const part of ["Bo Lindqvist", "The keys are under the pot"]) await expect(line).toContainText(part);
    await isAccessible(other, "the list of saved messages");
  });

  await test.step("a deleted message says so, and has no text", async () => {
    await asks(bo.page, [{ type: "delete", room: roomOf(bo.page), seq }]);
    await other.keyboard.press("Escape");
    const dialog = await opensLater(other);
    await expect(dialog.getByRole("listitem")).toContainText("This message was deleted.");
    await expect(dialog.getByRole("listitem")).not.toContainText("under the");
    await dialog.getByRole("button", { name: "Done" }).click();
    await expect(dialog).toContainText("Nothing saved");
    await expect(ana.page.getByRole("img", { name: "Saved for later" })).toHaveCount(0);
  });
});

test("a list item leads to its message, however far up it is", async ({ open }) => {
  const { ana, bo } = await three(open);
  await says(bo.page, "Long ago");
  const seq = await seqOf(bo.page, "Long ago");
  await asks(ana.page, [{ type: "save", room: roomOf(ana.page), seq, on: true }]);
  await saysMany(bo.page, Array.from({ length: 130 }, (_, n) => `since then ${n + 1}`));
  await ana.page.goto("/");
  await isIn(ana.page);
  const dialog = await opensLater(ana.page);
  await dialog.getByRole("button", { name: /Long ago/ }).click();
  await isOpen(ana.page, bo.name);
  await sees(ana.page, "Long ago");
  await expect(message(ana.page, "Long ago")).toBeFocused();
});

test("a reminder appears on all devices, leads to its message, and stays in the list until it is done", async ({ open }) => {
  const { ana, other, bo } = await three(open);
  await says(bo.page, "Water the plants");
  await sees(ana.page, "Water the plants");
  const seq = await seqOf(bo.page, "Water the plants");
  const room = roomOf(bo.page);

  await test.step("a time is set, and removed", async () => {
    await acts(await reaches(ana.page, "Water the plants"), "Remind me");
    const dialog = ana.page.getByRole("dialog", { name: "Remind me" });
    await expect(dialog).toContainText("Water the plants");
    await isAccessible(ana.page, "a reminder's times");
    await dialog.getByRole("button", { name: "In 20 minutes" }).click();
    await expect(dialog).toBeHidden();
    await expect(saved(other, "Water the plants")).toBeVisible();
    const list = await opensLater(other);
    await expect(list.getByRole("listitem")).toContainText(/Reminder: .*\d\d:\d\d/);
    await list.getByRole("button", { name: "Remind me" }).click();
    await other.getByRole("dialog", { name: "Remind me" }).getByRole("button", { name: "Remove reminder" }).click();
    await expect(other.getByRole("dialog")).toHaveCount(0);
    const again = await opensLater(ana.page);
    await expect(again.getByRole("listitem")).toContainText("Water the plants");
    await expect(again.getByRole("listitem")).not.toContainText("Reminder:");
    await ana.page.keyboard.press("Escape");
  });

  await test.step("a custom time must be in the future", async () => {
    await acts(await reaches(ana.page, "Water the plants"), "Remind me");
    const dialog = ana.page.getByRole("dialog", { name: "Remind me" });
    const field = dialog.getByLabel("Date and time");
    await field.fill("2020-01-01T09:00");
    await dialog.getByRole("button", { name: "Set reminder" }).click();
    await expect(dialog.getByRole("alert")).toHaveText("Choose a time in the future, at most a year ahead.");
    const next = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 10);
    await field.fill(`${next}T09:00`);
    await dialog.getByRole("button", { name: "Set reminder" }).click();
    await expect(dialog).toBeHidden();
  });

  await test.step("it appears on both devices", async () => {
    await other.goto("/");
    await isIn(other);
    await asks(ana.page, [{ type: "remind", room, seq, at: Date.now() + 1_500 }]);
    for (const page of [ana.page, other]) await expect(reminder(page)).toContainText("Bo Lindqvist: Water the plants");
    await expect(later(other)).toHaveAccessibleName("Later, 1 to look at");
    await isAccessible(other, "a reminder");
    await reminder(other).getByRole("button", { name: "Show" }).click();
    await isOpen(other, bo.name);
    await expect(message(other, "Water the plants")).toBeFocused();
    await expect(reminder(other)).toHaveCount(0);
  });

  await test.step("it stays in the list until it is done, also after a reload", async () => {
    await other.reload();
    await isIn(other);
    const list = await opensLater(other);
    await expect(list.getByRole("listitem")).toContainText(/Due: /);
    await expect(reminder(other)).toHaveCount(0);
    await list.getByRole("button", { name: "Done" }).click();
    await expect(list).toContainText("Nothing saved");
    await expect(reminder(ana.page)).toHaveCount(0);
    await expect(later(ana.page)).toHaveAccessibleName("Later");
  });
});

test("a message is scheduled, changed on another device, and sent once", async ({ open }) => {
  const { ana, other, bo } = await three(open);
  const schedule = async (page: Page, text: string) => {
    await composer(page).fill(text);
    await page.getByRole("button", { name: "Schedule message" }).click();
    const dialog = page.getByRole("dialog", { name: "Send later" });
    await expect(dialog).toContainText(text);
    return dialog;
  };

  await test.step("the composer is emptied once the server has stored it", async () => {
    const dialog = await schedule(ana.page, "Happy brithday");
    await isAccessible(ana.page, "times to send at");
    await dialog.getByRole("button", { name: "Tomorrow at 9:00" }).click();
    await expect(dialog).toBeHidden();
    await expect(composer(ana.page)).toHaveValue("");
    await expect(ana.page.getByText(/^Scheduled for .*09:00/)).toBeVisible();
    await expect(message(ana.page, "Happy brithday")).toHaveCount(0);
  });

  const list = await opensLater(other);
  const line = list.getByRole("listitem");
  await test.step("another device lists and edits it", async () => {
    await expect(list.getByRole("tab", { name: /Scheduled/ })).toHaveAttribute("aria-selected", "true");
    for (const part of ["Bo Lindqvist", "Happy brithday", "09:00"]) await expect(line).toContainText(part);
    await isAccessible(other, "the list of scheduled messages");
    await line.getByRole("button", { name: "Edit" }).click();
    const field = line.getByRole("textbox", { name: "Edit message" });
    await expect(field).toBeFocused();
    await field.fill("Happy birthday");
    await line.getByRole("button", { name: "Save" }).click();
    await expect(line).toContainText("Happy birthday");
  });

  await test.step("«Send now» sends it at once, and only once", async () => {
    await line.getByRole("button", { name: "Send now" }).click();
    await sees(bo.page, "Happy birthday");
    await expect(list).toContainText("Nothing scheduled");
    await sees(ana.page, "Happy birthday");
  });

  await test.step("a deletion asks for confirmation", async () => {
    await other.keyboard.press("Escape");
    const dialog = await schedule(other, "Never mind");
    await dialog.getByRole("button", { name: "Tomorrow at 9:00" }).click();
    await expect(dialog).toBeHidden();
    const again = await opensLater(other);
    await again.getByRole("button", { name: "Delete" }).click();
    await again.getByRole("button", { name: "Cancel" }).click();
    await expect(again).toContainText("Never mind");
    await again.getByRole("button", { name: "Delete" }).click();
    await again.getByRole("group", { name: "Delete this scheduled message?" }).getByRole("button", { name: "Delete" }).click();
    await expect(again).toContainText("Nothing scheduled");
  });
});

test("a scheduled message that can no longer be sent keeps its text and says why", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const title = unique("quay");
  const dialog = await chooses(bo.page, "New room");
  await dialog.getByRole("radio", { name: /^Channel/ }).check();
  await dialog.getByRole("textbox", { name: "Name" }).fill(title);
  await dialog.getByRole("button", { name: "Create" }).click();
  await isOpen(bo.page, `#${title}`);
  const room = roomOf(bo.page);
  await asks(ana.page, [
    { type: "join", room },
    { type: "schedule", room, nonce: crypto.randomUUID(), body: "Too late for this", at: Date.now() + 2_500 },
  ]);
  await asks(bo.page, [{ type: "archive", room, on: true }]);
  const notice = ana.page.getByRole("alert", { name: "Scheduled" });
  await expect(notice).toContainText("A scheduled message wasn’t sent. Your text is kept.");
  await notice.getByRole("button", { name: "Show" }).click();
  const line = ana.page.getByRole("dialog", { name: "Later" }).getByRole("listitem");
  await expect(line).toContainText("Too late for this");
  await expect(line.getByRole("alert")).toHaveText("Not sent. This room is archived and read-only.");
  await asks(bo.page, [{ type: "archive", room, on: false }]);
  await line.getByRole("button", { name: "Send now" }).click();
  await sees(bo.page, "Too late for this");
});

test("on a phone: with a long press, and with the buttons beside the composer", async ({ open }) => {
  const { other: page, bo } = await three(open, phone);
  await says(bo.page, "Bring the lantern");
  await sees(page, "Bring the lantern");
  const sheet = await presses(page, "Bring the lantern");
  await sheet.getByRole("button", { name: "Save for later" }).tap();
  await expect(saved(page, "Bring the lantern")).toBeVisible();
  await composer(page).fill("I have it");
  await page.getByRole("button", { name: "Schedule message" }).tap();
  const dialog = page.getByRole("dialog", { name: "Send later" });
  const field = dialog.getByLabel("Date and time");
  await field.fill(`${new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)}T10:30`);
  await dialog.getByRole("button", { name: "Schedule" }).tap();
  await expect(dialog).toBeHidden();
  await expect(composer(page)).toHaveValue("");
  await page.getByRole("link", { name: "Back" }).tap();
  await expect(roomLink(page, bo.name)).toBeVisible();
  await later(page).tap();
  const list = page.getByRole("dialog", { name: "Later" });
  await expect(list.getByRole("listitem")).toContainText("Bring the lantern");
  await list.getByRole("tab", { name: /Scheduled/ }).tap();
  await expect(list.getByRole("listitem")).toContainText(/I have it.*10:30/s);
  await isAccessible(page, "the list on a phone");
  // The system's Back closes it.
  await page.goBack();
  await expect(list).toBeHidden();
});
