// Rights: roles, removing and banning, announcements, archived and deleted rooms, guests.
import {
  Line, acts, asks, chooses, composer, expect, fillSignIn, isAccessible, isIn, isOpen, makesRoom, message, moreOf, opens, place, reaches,
  roomLink, says, sees, signIn, signUp, test, unique, type Person,
} from "../fixtures";

type Page = import("@playwright/test").Page;
type Locator = import("@playwright/test").Locator;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

const panel = (page: Page) => page.getByRole("complementary", { name: "Details" });

async function showsDetails(page: Page): Promise<Locator> {
  if (!(await panel(page).isVisible())) await page.getByRole("button", { name: "Details" }).click();
  await expect(panel(page)).toBeVisible();
  return panel(page);
}

/** A member's entry in the panel. */
const lineOf = (page: Page, who: Person) =>
  panel(page).getByRole("region", { name: "Members" }).getByRole("listitem").filter({ hasText: `@${who.handle}` });

/** Opens a member's menu. */
async function menuOf(page: Page, who: Person): Promise<Locator> {
  await (await showsDetails(page)).getByRole("button", { name: `Actions for ${who.name}` }).click();
  const menu = page.getByRole("menu", { name: `Actions for ${who.name}` });
  await expect(menu.getByRole("menuitem").first()).toBeFocused();
  return menu;
}

/** Chooses from a member's menu, and confirms if asked. */
async function does(page: Page, who: Person, what: string, yes?: string) {
  await (await menuOf(page, who)).getByRole("menuitem", { name: what, exact: true }).click();
  await expect(page.getByRole("menu")).toHaveCount(0);
  if (!yes) return;
  await page.getByRole("dialog").getByRole("button", { name: yes, exact: true }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
}

async function joins(page: Page, channel: string): Promise<Locator> {
  const dialog = await chooses(page, "Browse channels");
  await dialog.getByRole("combobox").fill(channel);
  await dialog.getByRole("option", { name: channel }).click();
  return dialog;
}

/** A channel of Ana's with these members. */
async function crew(open: (options?: object) => Promise<Page>, names: string[]) {
  const people: Person[] = [];
  for (const name of names) people.push(await signUp(await open(), { name: `${name} ${unique("q")}` }));
  const channel = unique("crew");
  await makesRoom(people[0].page, "Channel", channel);
  for (const { page } of people.slice(1)) {
    await joins(page, channel);
    await isOpen(page, `#${channel}`);
  }
  return { people, channel };
}

test("a new moderator has the tools at once", async ({ open }) => {
  const { people: [ana, bo, carol] } = await crew(open, ["Ana", "Bo", "Carol"]);
  await says(ana.page, "Mind the third step.");
  await sees(bo.page, "Mind the third step.");
  const tools = await reaches(bo.page, "Mind the third step.");
  await expect(tools.getByRole("button", { name: "React" })).toBeVisible();
  const more = await moreOf(tools);
  for (const name of ["Delete", "Pin message"]) await expect(more.getByRole("menuitem", { name })).toHaveCount(0);

  await menuOf(ana.page, bo);
  await isAccessible(ana.page, "the menu of a member");
  await ana.page.keyboard.press("Escape");
  await does(ana.page, bo, "Make moderator");
  await expect(lineOf(ana.page, bo).getByText("Moderator", { exact: true })).toBeVisible();
  await expect(lineOf(ana.page, ana).getByText("Owner", { exact: true })).toBeVisible();
  const handles = panel(ana.page).getByRole("region", { name: "Members" }).getByRole("listitem");
  await expect(handles).toContainText([`@${ana.handle}`, `@${bo.handle}`, `@${carol.handle}`]);

  for (const name of ["Delete", "Pin message"]) await expect(more.getByRole("menuitem", { name })).toBeVisible();
  await bo.page.keyboard.press("Escape");
  const menu = await menuOf(bo.page, carol);
  await expect(menu.getByRole("menuitem")).toHaveText(["Message", "Remove from room…", "Ban from room…"]);
  await bo.page.keyboard.press("Escape");
  await expect(panel(bo.page).getByRole("button", { name: "Room settings" })).toHaveCount(0);
  await expect((await menuOf(bo.page, ana)).getByRole("menuitem")).toHaveText(["Message"]);
  await bo.page.keyboard.press("Escape");

  await acts(await reaches(bo.page, "Mind the third step."), "Delete");
  await bo.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(ana.page.getByRole("log").getByText("This message was deleted.")).toBeVisible();

  await does(ana.page, bo, "Remove as moderator");
  await expect(panel(bo.page).getByRole("button", { name: /^Actions for/ })).toHaveCount(0);
  await expect(lineOf(bo.page, carol).getByRole("button", { name: `Message ${carol.name}` })).toHaveCount(1);
});

test("a removed person is told so, keeps their draft, and can join again", async ({ open, expected }) => {
  expected(/status of 404/);
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  await composer(bo.page).fill("The rope in the\nsecond locker");
  // What was being written in a thread is kept, too.
  await says(ana.page, "Where is the rope?");
  const tools = await reaches(bo.page, "Where is the rope?");
  await tools.getByRole("button", { name: "Reply in thread" }).click();
  await bo.page.getByRole("textbox", { name: "Reply in this thread" }).fill("Behind the oars");
  await does(ana.page, bo, "Remove from room…", "Remove");
  await expect(lineOf(ana.page, bo)).toHaveCount(0);

  await expect(bo.page.getByRole("heading", { name: "You’re no longer in this room" })).toBeVisible();
  await expect(roomLink(bo.page, `#${channel}`)).toHaveCount(0);
  const kept = bo.page.getByRole("region", { name: "Not sent" });
  await expect(kept).toContainText("The rope in the\nsecond locker");
  await expect(kept.getByRole("listitem")).toHaveCount(2);
  await isAccessible(bo.page, "no longer in a room");
  await kept.getByRole("listitem").filter({ hasText: "Behind the oars" }).getByRole("button", { name: "Discard" }).click();
  await expect(kept.getByRole("listitem")).toHaveCount(1);
  await bo.page.reload();
  await isIn(bo.page);
  await expect(bo.page.getByRole("heading", { name: "Room not found" })).toBeVisible();
  await expect(kept).toContainText("The rope in the");
  await bo.page.getByRole("link", { name: "Back to rooms" }).click();
  await expect(bo.page).toHaveURL("/");

  await joins(bo.page, channel);
  await isOpen(bo.page, `#${channel}`);
  await expect(composer(bo.page)).toHaveValue("The rope in the\nsecond locker");
});

test("waiting messages are kept after losing access to their room", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const page = await open();
  const line = await Line.of(page);
  const bo = await signUp(page, { name: "Bo Lindqvist" });
  const channel = unique("crew");
  await makesRoom(ana.page, "Channel", channel);
  await joins(page, channel);
  await isOpen(page, `#${channel}`);
  const room = new URL(page.url()).pathname;

  line.cut();
  await expect(page.locator("html")).toHaveAttribute("data-link", "away");
  await says(page, "Written on the ferry.");
  await says(page, "And this, too.");
  await does(ana.page, bo, "Remove from room…", "Remove");
  await opens(page, `#${place.channel}`);
  line.restore();
  await isIn(page);

  const notice = page.getByRole("status").filter({ hasText: "2 messages weren’t sent because you’re no longer in their room." });
  await notice.getByRole("button", { name: "Show" }).click();
  await expect(page).toHaveURL(room);
  await expect(notice).toHaveCount(0);
  const kept = page.getByRole("region", { name: "Not sent" }).getByRole("listitem");
  await expect(kept).toHaveCount(2);
  await kept.filter({ hasText: "And this, too." }).getByRole("button", { name: "Discard" }).click();
  await expect(kept).toHaveCount(1);

  // The draft is still there after rejoining the room.
  await joins(page, channel);
  await isOpen(page, `#${channel}`);
  await message(page, "Written on the ferry.").getByRole("button", { name: "Try again" }).click();
  await sees(ana.page, "Written on the ferry.");
});

test("a banned person stays out until they are unbanned", async ({ open }) => {
  const { people: [ana, bo, carol], channel } = await crew(open, ["Ana", "Bo", "Carol"]);
  await (await showsDetails(ana.page)).getByRole("button", { name: "Banned people" }).click();
  const banned = ana.page.getByRole("dialog", { name: "Banned people" });
  await expect(banned.getByText("Nobody is banned from this room.")).toBeVisible();
  await isAccessible(ana.page, "nobody is banned");
  await ana.page.keyboard.press("Escape");
  await (await menuOf(ana.page, bo)).getByRole("menuitem", { name: "Ban from room…" }).click();
  const ask = ana.page.getByRole("dialog", { name: `Ban ${bo.name} from #${channel}?` });
  await expect(ask.getByRole("button", { name: "Cancel" })).toBeFocused();
  await isAccessible(ana.page, "a ban");
  await ask.getByRole("button", { name: "Ban" }).click();
  await expect(bo.page.getByRole("heading", { name: "You’re no longer in this room" })).toBeVisible();

  const dialog = await joins(bo.page, channel);
  await expect(dialog.getByRole("alert")).toHaveText(/^You’re banned from this channel\./);
  await isAccessible(bo.page, "a refused joining");

  await carol.page.getByRole("button", { name: "Invite people" }).click();
  const invite = carol.page.getByRole("dialog");
  await invite.getByRole("combobox").fill(bo.handle);
  await invite.getByRole("option", { name: `@${bo.handle}` }).click();
  await invite.getByRole("button", { name: "Invite 1" }).click();
  await expect(invite.getByRole("alert")).toHaveText(`Not added because they’re banned from this room: ${bo.name}.`);

  await panel(ana.page).getByRole("button", { name: "Banned people" }).click();
  await expect(banned.getByRole("listitem")).toHaveCount(1);
  await isAccessible(ana.page, "somebody is banned");
  await banned.getByRole("button", { name: `Unban ${bo.name}` }).click();
  await expect(banned.getByText("Nobody is banned from this room.")).toBeVisible();
  await dialog.getByRole("option", { name: channel }).click();
  await isOpen(bo.page, `#${channel}`);
});

test("in an announcement channel only some can post, and the others see that at once", async ({ open }) => {
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  await says(bo.page, "Before the rule.");
  await composer(bo.page).fill("half a sentence");
  const room = new URL(bo.page.url()).pathname.split("/").at(-1)!;
  await (await showsDetails(ana.page)).getByRole("button", { name: "Room settings" }).click();
  const settings = ana.page.getByRole("dialog", { name: "Room settings" });
  await expect(settings.getByRole("combobox", { name: "Who can pin messages" })).toHaveValue("moderator");
  await isAccessible(ana.page, "a room's settings");
  await settings.getByRole("combobox", { name: "Who can post" }).selectOption("Moderators and owners");
  await settings.getByRole("combobox", { name: "Who can add people" }).selectOption("Owners only");

  const only = bo.page.getByText("Only moderators and owners can post here.");
  await expect(only).toBeVisible();
  await expect(composer(bo.page)).toHaveCount(0);
  await expect(bo.page.getByRole("button", { name: "Invite people" })).toHaveCount(0);
  await isAccessible(bo.page, "a room for announcements");
  const send = { type: "send", room, nonce: crypto.randomUUID(), body: "past the composer" };
  await expect(asks(bo.page, [send])).rejects.toThrow(/3002/);
  await expect(composer(ana.page)).toBeVisible();

  const tools = await reaches(bo.page, "Before the rule.");
  await expect(tools.getByRole("button", { name: "Edit" })).toHaveCount(0);
  await expect((await moreOf(tools)).getByRole("menuitem", { name: "Delete" })).toBeVisible();
  await bo.page.keyboard.press("Escape");

  await settings.getByRole("combobox", { name: "Who can post" }).selectOption("Everyone");
  await expect(composer(bo.page)).toHaveValue("half a sentence");
  await settings.getByRole("button", { name: "Close" }).click();
  await panel(ana.page).getByRole("button", { name: "Room settings" }).click();
  await expect(settings.getByRole("combobox", { name: "Who can add people" })).toHaveValue("owner");
  await expect(settings.getByRole("combobox", { name: "Who can post" })).toHaveValue("member");
  await opens(bo.page, `#${channel}`);
});

test("an archived room is read-only until it is unarchived", async ({ open }) => {
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  await says(bo.page, "The last word.");
  await sees(ana.page, "The last word.");
  await (await showsDetails(ana.page)).getByRole("button", { name: "Room settings" }).click();
  const settings = ana.page.getByRole("dialog", { name: "Room settings" });
  await settings.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(settings.getByRole("button", { name: "Unarchive" })).toBeVisible();
  await settings.getByRole("button", { name: "Close" }).click();

  const only = "This room is archived and read-only.";
  for (const { page } of [ana, bo]) {
    await expect(page.getByText(only)).toBeVisible();
    await expect(composer(page)).toHaveCount(0);
    await expect(page.getByRole("main").getByText("Archived", { exact: true })).toBeVisible();
    await expect(roomLink(page, `#${channel}`).getByRole("img", { name: "Archived" })).toBeVisible();
  }
  const tools = await reaches(bo.page, "The last word.");
  await expect((await moreOf(tools)).getByRole("menuitem", { name: "Delete" })).toBeVisible();
  await bo.page.keyboard.press("Escape");
  for (const name of ["React", "Edit"]) await expect(tools.getByRole("button", { name })).toHaveCount(0);
  await expect(bo.page.getByRole("button", { name: "Unarchive" })).toHaveCount(0);
  await isAccessible(ana.page, "an archived room");

  const stranger = await signUp(await open());
  const dialog = await chooses(stranger.page, "Browse channels");
  await dialog.getByRole("combobox").fill(channel);
  // By name, because the list may contain others until it is filtered.
  await expect(dialog.getByRole("option", { name: channel })).toContainText("Archived");

  await ana.page.getByRole("button", { name: "Unarchive" }).click();
  for (const { page } of [ana, bo]) {
    await expect(composer(page)).toBeVisible();
    await expect(page.getByRole("main").getByText("Archived", { exact: true })).toBeHidden();
  }
  await expect(roomLink(bo.page, `#${channel}`).getByRole("img", { name: "Archived" })).toHaveCount(0);
});

test("deleting a room requires its name, and removes it for everyone", async ({ open, expected }) => {
  expected(/status of 404/);
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  await says(bo.page, "Here for now.");
  await (await showsDetails(ana.page)).getByRole("button", { name: "Room settings" }).click();
  await ana.page.getByRole("dialog").getByRole("button", { name: "Delete room" }).click();
  const dialog = ana.page.getByRole("dialog", { name: `Delete #${channel}?` });
  const [name, red] = [dialog.getByRole("textbox", { name: `Type “${channel}” to confirm` }), dialog.getByRole("button", { name: "Delete room" })];
  await expect(name).toBeFocused();
  await name.fill(channel.slice(0, -1));
  await expect(red).toBeDisabled();
  await name.press("Enter");
  await isAccessible(ana.page, "deleting a room");
  await name.fill(`#${channel}`);
  await expect(red).toBeEnabled();
  await name.press("Enter");

  await expect(ana.page).toHaveURL("/");
  await expect(dialog).toHaveCount(0);
  await expect(bo.page.getByRole("heading", { name: "You’re no longer in this room" })).toBeVisible();
  for (const { page } of [ana, bo]) await expect(roomLink(page, `#${channel}`)).toHaveCount(0);
  await bo.page.reload();
  await isIn(bo.page);
  await expect(bo.page.getByRole("heading", { name: "Room not found" })).toBeVisible();
  const browse = await chooses(bo.page, "Browse channels");
  await browse.getByRole("combobox").fill(channel);
  await expect(browse.getByText("No matching channels")).toBeVisible();
});

test("an owner hands a room over, and steps down", async ({ open }) => {
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  await (await menuOf(ana.page, ana)).getByRole("menuitem", { name: "Step down as owner…" }).click();
  const dialog = ana.page.getByRole("dialog", { name: `Step down as owner of #${channel}?` });
  await dialog.getByRole("button", { name: "Step down" }).click();
  await expect(dialog.getByRole("alert")).toHaveText("There must be at least one owner. Make someone else an owner first.");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect(panel(ana.page).getByRole("button", { name: `Actions for ${ana.name}` })).toBeFocused();

  await does(ana.page, bo, "Make owner…", "Make owner");
  await expect(lineOf(bo.page, bo)).toHaveCount(0);
  await showsDetails(bo.page);
  await expect(lineOf(bo.page, bo).getByText("Owner", { exact: true })).toBeVisible();
  // Two owners cannot remove each other.
  await expect((await menuOf(ana.page, bo)).getByRole("menuitem")).toHaveText(["Message"]);
  await ana.page.keyboard.press("Escape");
  await does(ana.page, ana, "Step down as owner…", "Step down");
  await expect(lineOf(ana.page, ana).getByText("Owner", { exact: true })).toHaveCount(0);
  await expect(panel(ana.page).getByRole("button", { name: "Room settings" })).toHaveCount(0);
  await expect(panel(bo.page).getByRole("button", { name: "Room settings" })).toBeVisible();
});

test("a member's menu with the keyboard alone", async ({ open }) => {
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  const { page } = ana;
  await showsDetails(page);
  const button = panel(page).getByRole("button", { name: `Actions for ${bo.name}` });
  await button.focus();
  await page.keyboard.press("ArrowDown");
  const item = (name: string) => page.getByRole("menuitem", { name, exact: true });
  await expect(item("Message")).toBeFocused();
  await expect(button).toHaveAttribute("aria-expanded", "true");
  await page.keyboard.press("ArrowUp");
  await expect(item("Ban from room…")).toBeFocused();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  await expect(item("Make moderator")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(button).toBeFocused();
  await expect(panel(page)).toBeVisible();
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(lineOf(page, bo).getByText("Moderator", { exact: true })).toBeVisible();
  await expect(button).toBeFocused();

  await page.keyboard.press("Enter");
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: `Ban ${bo.name} from #${channel}?` })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(button).toBeFocused();
});

test("a member's menu on a phone", async ({ open }) => {
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  const page = await open(phone);
  await signIn(page, ana);
  await roomLink(page, `#${channel}`).tap();
  await isOpen(page, `#${channel}`);
  await page.getByRole("button", { name: "Details" }).tap();
  const button = panel(page).getByRole("button", { name: `Actions for ${bo.name}` });
  const big = async (what: Locator) => {
    const box = (await what.boundingBox())!;
    expect(Math.round(Math.min(box.width, box.height))).toBeGreaterThanOrEqual(44);
  };
  await big(button);
  await button.tap();
  const menu = page.getByRole("menu");
  for (const item of await menu.getByRole("menuitem").all()) await big(item);
  await isAccessible(page, "the menu of a member on a phone");
  const bottom = await menu.evaluate((menu) => window.innerHeight - menu.parentElement!.getBoundingClientRect().bottom);
  expect(bottom).toBe(0);
  // A tap outside it has no other effect.
  await page.touchscreen.tap(195, 120);
  await expect(menu).toHaveCount(0);
  await expect(panel(page)).toBeVisible();
  await button.tap();
  await menu.getByRole("menuitem", { name: "Remove from room…" }).tap();
  await page.getByRole("dialog").getByRole("button", { name: "Remove", exact: true }).tap();
  await expect(lineOf(page, bo)).toHaveCount(0);
  await expect(bo.page.getByRole("heading", { name: "You’re no longer in this room" })).toBeVisible();
});

test("an administrator makes someone a guest, without script, and the last owner stays one", async ({ open, expected }) => {
  expected(/status of 409/);
  const { people: [ana, bo], channel } = await crew(open, ["Ana", "Bo"]);
  const admin = await open({ javaScriptEnabled: false });
  await admin.goto("/sign-in");
  await fillSignIn(admin, place.admin);
  const people = admin.getByRole("region", { name: "People" });
  const choose = async (handle: string, role: string) => {
    await admin.goto(`/admin/people?q=${handle}`);
    const line = people.getByRole("listitem").filter({ hasText: `@${handle}` });
    await line.getByText("Manage", { exact: true }).click();
    await line.getByRole("combobox", { name: "Role" }).selectOption(role);
    await line.getByRole("button", { name: "Change role" }).click();
    return line;
  };
  await isMember(bo.page);
  const line = await choose(bo.handle, "Guest");
  await expect(line.getByText("Guest", { exact: true }).first()).toBeVisible();
  await expect(admin.getByRole("searchbox", { name: "Name or handle" })).toHaveValue(bo.handle);

  await showsDetails(ana.page);
  await expect(lineOf(ana.page, bo).getByText("Guest", { exact: true })).toBeVisible();
  await expect(bo.page.getByRole("button", { name: "Invite people" })).toHaveCount(0);
  await bo.page.getByLabel("New", { exact: true }).click();
  await expect(bo.page.getByLabel("New", { exact: true }).locator("..").getByRole("button")).toHaveText(["New message"]);
  await bo.page.keyboard.press("Escape");
  await bo.page.goto("/");
  await isIn(bo.page);
  await expect(bo.page.getByRole("button", { name: "Browse channels" })).toHaveCount(0);
  await opens(bo.page, `#${channel}`);
  await says(bo.page, "Hello from a guest.");
  await sees(ana.page, "Hello from a guest.");

  await choose(place.admin.handle, "Member");
  await expect(people.getByRole("alert")).toHaveText("There must be at least one owner. Make someone else an owner first.");
  await expect(people.getByRole("alert")).toBeInViewport();
  await choose(bo.handle, "Member");
  await isMember(bo.page);
});

/** «New» offers everything. */
async function isMember(page: Page) {
  await expect(page.getByRole("button", { name: "Invite people" })).toBeVisible();
  await page.getByLabel("New", { exact: true }).click();
  await expect(page.getByLabel("New", { exact: true }).locator("..").getByRole("button")).toHaveText(["New message", "Browse channels", "New room"]);
  await page.keyboard.press("Escape");
}
