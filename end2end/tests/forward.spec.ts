// Forwarding a message to a room or a person, over two servers, and what people see who are not in the original room.
import {
  acts, asks, chooses, composer, expect, isAccessible, isIn, isOpen, log, makesRoom, message, onNode, opens, presses, reaches, roomLink, says,
  sees, seqOf, signUp, test, unique, writesTo, type Person,
} from "../fixtures";

type Page = Person["page"];

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const roomOf = (page: Page) => page.url().split("/").at(-1)!.split("?")[0];
const dialogOf = (page: Page) => page.getByRole("dialog", { name: "Forward message" });
/** Names in a sentence are isolated from its direction by characters that show nothing. */
const origin = (text: string) => new RegExp(text.replaceAll("|", "[\u2068\u2069]*"));
const found = (page: Page) => dialogOf(page).getByRole("option");

async function joins(page: Page, channel: string) {
  const dialog = await chooses(page, "Browse channels");
  await dialog.getByRole("combobox").fill(channel);
  await dialog.getByRole("option", { name: channel }).click();
  await isOpen(page, `#${channel}`);
}

/** Chooses where a message goes, and returns once the comment is to be written. */
async function picks(page: Page, query: string, name: string | RegExp) {
  await dialogOf(page).getByRole("combobox", { name: "Find a room or person" }).fill(query);
  await found(page).filter({ hasText: name }).first().click();
  await expect(dialogOf(page).getByRole("textbox", { name: "Add a comment (optional)" })).toBeFocused();
}

test("from a channel to a person: text, author and comment; the name of the room only for its members", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const cem = await signUp(await open(), { name: "Cem Yılmaz" });
  await bo.page.goto("/");
  await onNode(bo.page, 1);
  const channel = unique("tides");
  await makesRoom(ana.page, "Channel", channel);
  await says(ana.page, "High water at **nine**.");
  const seq = await seqOf(ana.page, "High water at nine.");
  const source = roomOf(ana.page);

  await test.step("with the keyboard, to somebody without a direct room yet", async () => {
    const tools = await reaches(ana.page, "High water at nine.");
    await tools.getByRole("button", { name: "More", exact: true }).focus();
    await ana.page.keyboard.press("Enter");
    const item = tools.getByRole("menuitem", { name: "Forward" });
    while (!(await item.evaluate((item) => item === document.activeElement))) await ana.page.keyboard.press("ArrowDown");
    await ana.page.keyboard.press("Enter");
    await expect(dialogOf(ana.page)).toContainText("High water at nine.");
    await isAccessible(ana.page, "where a message is forwarded to");
    const field = dialogOf(ana.page).getByRole("combobox", { name: "Find a room or person" });
    await expect(field).toBeFocused();
    await field.fill("nobody and nothing");
    await expect(dialogOf(ana.page)).toContainText("No results");
    await field.fill(bo.handle);
    await expect(found(ana.page).first()).toContainText("Bo Lindqvist");
    await ana.page.keyboard.press("Enter");
    const comment = dialogOf(ana.page).getByRole("textbox", { name: "Add a comment (optional)" });
    await expect(comment).toBeFocused();
    await isAccessible(ana.page, "the comment of a forwarded message");
    await comment.fill("For tomorrow:");
    await ana.page.keyboard.press("Enter");
    await expect(dialogOf(ana.page)).toHaveCount(0);
    await expect(ana.page.getByRole("status").filter({ hasText: "Forwarded to Bo Lindqvist." })).toBeVisible();
    // She stays where she was.
    await isOpen(ana.page, `#${channel}`);
  });

  await test.step("the reader is not in the channel: the author, and no name of a room", async () => {
    await roomLink(bo.page, ana.name).click();
    await isOpen(bo.page, ana.name);
    const row = message(bo.page, "For tomorrow:");
    await expect(row).toContainText(origin("Forwarded · |Ana Benítez"));
    await expect(row.locator(".forwarded strong")).toHaveText("nine");
    await expect(row).not.toContainText(channel);
    await expect(row.getByRole("link")).toHaveCount(0);
  });

  await test.step("once they have joined, it is named, and leads there", async () => {
    await joins(bo.page, channel);
    await opens(bo.page, ana.name);
    const link = message(bo.page, "For tomorrow:").getByRole("link", { name: origin(`Forwarded from |#${channel}| · |Ana Benítez`) });
    await link.click();
    await isOpen(bo.page, `#${channel}`);
    await expect(bo.page.locator(`article[data-seq="${seq}"]`)).toHaveAttribute("data-found", /.*/);
  });

  await test.step("the copy stays when the original changes", async () => {
    await asks(ana.page, [{ type: "edit", room: source, seq, edits: 0, body: "High water at ten." }]);
    await asks(ana.page, [{ type: "delete", room: source, seq }]);
    await expect(bo.page.locator(`article[data-seq="${seq}"]`)).toContainText("This message was deleted.");
    await opens(bo.page, ana.name);
    await bo.page.reload();
    await isIn(bo.page);
    await expect(message(bo.page, "For tomorrow:")).toContainText("High water at nine.");
  });

  await test.step("forwarded again, it passes the original on, without the comment", async () => {
    await acts(await reaches(bo.page, "For tomorrow:"), "Forward");
    await picks(bo.page, cem.handle, "Cem Yılmaz");
    await dialogOf(bo.page).getByRole("button", { name: "Forward", exact: true }).click();
    await expect(roomLink(cem.page, bo.name)).toContainText("High water at nine.");
    await roomLink(cem.page, bo.name).click();
    await expect(message(cem.page, "High water at nine.")).toContainText(origin("Forwarded · |Ana Benítez"));
    await expect(log(cem.page)).not.toContainText("For tomorrow:");
  });
});

test("from a direct room only the text travels; rooms in which one may not post are refused; offline it waits", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const news = unique("news");
  await makesRoom(bo.page, "Channel", news);
  const announcements = roomOf(bo.page);
  await joins(ana.page, news);
  await asks(bo.page, [{ type: "set_policy", room: announcements, post: "owner", invite: "member", pin: "member", mention: "owner" }]);
  const open_ = unique("open");
  await makesRoom(ana.page, "Channel", open_);
  await joins(bo.page, open_);
  const cem = await signUp(await open(), { name: "Cem Yılmaz" });
  await joins(cem.page, open_);
  await writesTo(bo.page, ana);
  await says(bo.page, "Between you and me");
  await opens(ana.page, bo.name);
  await sees(ana.page, "Between you and me");

  await acts(await reaches(ana.page, "Between you and me"), "Forward");
  await dialogOf(ana.page).getByRole("combobox").fill(news);
  await found(ana.page).filter({ hasText: `#${news}` }).click();
  await expect(dialogOf(ana.page).getByRole("alert")).toContainText("You don’t have permission to do that.");
  await picks(ana.page, open_, `#${open_}`);
  // The place can be changed.
  await dialogOf(ana.page).getByRole("button", { name: `Remove #${open_}` }).click();
  await picks(ana.page, open_, `#${open_}`);
  await ana.page.context().setOffline(true);
  await dialogOf(ana.page).getByRole("button", { name: "Forward", exact: true }).click();
  await expect(dialogOf(ana.page)).toHaveCount(0);
  await opens(ana.page, `#${open_}`);
  const waiting = log(ana.page).getByRole("article").filter({ hasText: "Between you and me" });
  await expect(waiting.getByRole("img", { name: /Waiting to send|Sending/ })).toBeVisible();
  await ana.page.context().setOffline(false);
  await isIn(ana.page);
  await opens(bo.page, `#${open_}`);

  for (const { page } of [ana, bo, cem]) {
    const row = message(page, "Between you and me");
    await expect(row).toContainText("Forwarded");
    await expect(row.locator(".forwarded")).not.toContainText("Bo Lindqvist");
  }
  // Those who were there find it again; the others have nothing to follow.
  await expect(message(cem.page, "Between you and me").locator(".forwarded").getByRole("link")).toHaveCount(0);
  await message(bo.page, "Between you and me").getByRole("link", { name: "Forwarded" }).click();
  await isOpen(bo.page, ana.name);
});

test("on a phone", async ({ open }) => {
  const ana = await signUp(await open(phone), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const group = unique("crew");
  await ana.page.getByRole("link", { name: "Back" }).tap();
  await makesRoom(ana.page, "Group", group);
  await says(ana.page, "A lantern on the quay");
  await seqOf(ana.page, "A lantern on the quay");
  await (await presses(ana.page, "A lantern on the quay")).getByRole("button", { name: "Forward" }).tap();
  await isAccessible(ana.page, "where a message is forwarded to, on a phone");
  await picks(ana.page, bo.handle, "Bo Lindqvist");
  const button = dialogOf(ana.page).getByRole("button", { name: "Forward", exact: true });
  await expect(button).toBeInViewport({ ratio: 1 });
  await button.tap();
  await ana.page.getByRole("status").getByRole("button", { name: "Show" }).tap();
  await isOpen(ana.page, bo.name);
  // Her own message: everyone sees its author, but only members of its room see where it was.
  await expect(message(ana.page, "A lantern on the quay")).toContainText(origin(`Forwarded from |${group}| · |Ana Benítez`));
  await roomLink(bo.page, ana.name).click();
  await expect(message(bo.page, "A lantern on the quay")).toContainText(origin("Forwarded · |Ana Benítez"));
  await expect(composer(bo.page)).toBeVisible();
});
