// Without a pointer.
import { composer, expect, isOpen, makesRoom, message, roomLink, rooms, says, sees, signUp, tabTo, test, unique, type Person } from "../fixtures";

type Page = Person["page"];

async function goesTo(page: Page, name: string) {
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox", { name: "Find a room, person or action" })).toBeFocused();
  await page.keyboard.type(name);
  await expect(page.getByRole("option").first()).toContainText(name);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog")).toBeHidden();
}

test("to rooms and people, and back", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open());
  const { page } = ana;
  const name = unique("quay");
  await makesRoom(page, "Group", name);

  await goesTo(page, "general");
  await isOpen(page, "#general");
  await goesTo(page, bo.handle);
  await isOpen(page, bo.name);
  await expect(composer(page)).toBeFocused();
  await page.keyboard.type("Typed only.");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("And a second line.");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("article").filter({ hasText: "Typed only." })).toContainText("And a second line.");

  const order = async () => rooms(page).getByRole("listitem").getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("aria-current")));
  const here = async () => (await order()).indexOf("page");
  const count = (await order()).length;
  const start = await here();
  await page.keyboard.press("Alt+ArrowDown");
  await expect.poll(here).toBe((start + 1) % count);
  await page.keyboard.press("Alt+ArrowUp");
  await expect.poll(here).toBe(start);
  await isOpen(page, bo.name);
});

test("help and details: Esc closes the latest first", async ({ open }) => {
  const { page } = await signUp(await open());
  await composer(page).focus();
  await page.keyboard.press("?");
  await expect(composer(page)).toHaveValue("?");
  await page.keyboard.press("Backspace");
  await page.keyboard.press("Escape");
  await expect(composer(page)).not.toBeFocused();
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await expect(help).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(help).toBeHidden();

  await page.keyboard.press("Control+.");
  await expect(page.getByRole("complementary", { name: "Details" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog", { name: "Go anywhere" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(page.getByRole("complementary", { name: "Details" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("complementary", { name: "Details" })).toBeHidden();

  // A letter typed without focus goes to the composer.
  await page.keyboard.press("Escape");
  await expect(composer(page)).not.toBeFocused();
  await page.keyboard.type("hello");
  await expect(composer(page)).toHaveValue("hello");
});

test("Tab reaches everything on the page, and the focus is visible", async ({ open }) => {
  const { page } = await signUp(await open());
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-link", "live");
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await tabTo(page, page.getByLabel("New", { exact: true }));
  await tabTo(page, rooms(page).getByRole("button", { name: "Search" }));
  await tabTo(page, roomLink(page, "#general"));
  await tabTo(page, page.getByRole("link", { name: /Settings$/ }));
  await tabTo(page, page.getByRole("button", { name: "Details" }));
  await tabTo(page, page.getByRole("button", { name: "Invite people" }));
  await tabTo(page, composer(page));
  await tabTo(page, page.getByRole("button", { name: "Send" }));
});

test("a room's life in dialogs: made, people invited, renamed, found, joined, left", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const { page } = ana;
  const [group, channel, renamed] = [unique("ops"), unique("ropes"), unique("knots")];

  await test.step("a group is created", async () => {
    await page.getByLabel("New", { exact: true }).focus();
    await page.keyboard.press("Enter");
    await tabTo(page, rooms(page).getByRole("button", { name: "New room" }));
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "New room" });
    await expect(dialog.getByRole("textbox", { name: "Name" })).toBeFocused();
    await page.keyboard.type(group);
    await page.keyboard.press("Shift+Tab");
    await expect(dialog.getByRole("radio", { name: /^Channel/ })).toBeFocused();
    await page.keyboard.press("ArrowDown");
    await expect(dialog.getByRole("radio", { name: /^Group/ })).toBeChecked();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await isOpen(page, group);
  });

  await test.step("someone is invited, and has the room at once", async () => {
    await tabTo(page, page.getByRole("button", { name: "Invite people" }));
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: `Invite people to ${group}` });
    await expect(dialog.getByRole("combobox", { name: "Name or handle" })).toBeFocused();
    await page.keyboard.type(bo.handle);
    await expect(dialog.getByRole("option", { name: `@${bo.handle}` })).toBeVisible();
    await expect(dialog.getByRole("option")).toHaveCount(1);
    await page.keyboard.press("Enter");
    await tabTo(page, dialog.getByRole("button", { name: "Invite 1" }));
    await page.keyboard.press("Enter");
    await expect(dialog).toBeHidden();
    await expect(roomLink(bo.page, group)).toBeVisible();
    await roomLink(bo.page, group).click();
    await says(bo.page, "Thank you for the invitation.");
    await sees(page, "Thank you for the invitation.");
  });

  await test.step("it is renamed, and the other person sees that", async () => {
    await page.keyboard.press("Control+.");
    await tabTo(page, page.getByRole("complementary").getByRole("button", { name: "Name and topic" }));
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Name and topic" });
    await expect(dialog.getByRole("textbox", { name: "Name" })).toBeFocused();
    await page.keyboard.press("Control+a");
    await page.keyboard.type(renamed);
    await page.keyboard.press("Tab");
    await page.keyboard.type("What holds");
    await page.keyboard.press("Enter");
    await expect(dialog).toBeHidden();
    for (const each of [page, bo.page]) {
      await isOpen(each, renamed);
      await expect(each.getByRole("main").getByText("What holds").first()).toBeVisible();
      await expect(roomLink(each, renamed)).toBeVisible();
    }
  });

  await test.step("a channel is found and joined", async () => {
    await makesRoom(bo.page, "Channel", channel);
    await page.getByLabel("New", { exact: true }).focus();
    await page.keyboard.press("Enter");
    await tabTo(page, rooms(page).getByRole("button", { name: "Browse channels" }));
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Browse channels" });
    await expect(dialog.getByRole("combobox", { name: "Find a channel" })).toBeFocused();
    await page.keyboard.type(channel);
    await expect(dialog.getByRole("option")).toHaveCount(1);
    await expect(dialog.getByRole("option")).toContainText("Join");
    await page.keyboard.press("Enter");
    await isOpen(page, `#${channel}`);
    await says(page, "I am in.");
    await sees(bo.page, "I am in.");
    await expect(message(page, "I am in.").getByRole("img", { name: "Read" })).toBeVisible();
  });

  await test.step("and left", async () => {
    if (!(await page.getByRole("complementary", { name: "Details" }).isVisible())) await page.keyboard.press("Control+.");
    await tabTo(page, page.getByRole("complementary").getByRole("button", { name: "Leave room" }));
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: `Leave #${channel}` });
    await expect(dialog).toBeVisible();
    await tabTo(page, dialog.getByRole("button", { name: "Leave", exact: true }));
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL("/");
    await expect(roomLink(page, `#${channel}`)).toHaveCount(0);
  });
});
