// axe on every page, dialog, panel and menu: in light, dark and forced colours; at desktop, tablet and phone widths. It must find
// nothing serious or critical. States that need a scenario of their own (a refusal, a list with drafts) are checked there.
import { query } from "../cluster";
import {
  Line, acts, asks, chooses, composer, editor, expect, isAccessible, isAwake, isIn, makesRoom, opens, place, presses, reaches, says,
  saysMany, sees, signIn, signUp, test, unique, type Person,
} from "../fixtures";

type Page = Person["page"];

const touch = { hasTouch: true, isMobile: true };
const sizes = {
  wide: { viewport: { width: 1440, height: 900 } },
  tablet: { viewport: { width: 820, height: 1180 }, ...touch },
  phone: { viewport: { width: 390, height: 844 }, ...touch },
};

const details = (page: Page) => page.getByRole("complementary", { name: "Details" });
const idOf = (page: Page) => new URL(page.url()).pathname.split("/").at(-1)!;

for (const [size, options] of Object.entries(sizes)) {
  test(`outside, ${size}`, async ({ open, expected }) => {
    test.setTimeout(300_000);
    expected(/status of (401|403|404|422)/);
    const page = await open(options);
    const check = (what: string) => isAccessible(page, what);

    await page.goto("/sign-in");
    await isAwake(page);
    await check("sign in");
    await page.getByRole("textbox", { name: "Handle" }).fill("nobody");
    await page.getByLabel("Password").fill("not the password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByText("Wrong handle or password.")).toBeVisible();
    await isAwake(page);
    await check("sign in, refused");
    await page.goto("/sign-up");
    await isAwake(page);
    await check("sign up");
    await page.getByRole("textbox", { name: "Name" }).fill("Ana");
    await page.getByRole("textbox", { name: "Handle" }).fill("not a handle");
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page.getByRole("textbox", { name: "Handle" })).toHaveAccessibleDescription(/.+/);
    await isAwake(page);
    await check("sign up, refused");
    await page.goto(`/invite/${"A".repeat(43)}`);
    await isAwake(page);
    await check("an invitation that does not work");
    await page.goto(`/new-password/${"A".repeat(43)}`);
    await isAwake(page);
    await check("a link for a new password that does not work");
    await page.goto("/nothing-here");
    await isAwake(page);
    await check("not found, outside");

    await signIn(page, place.admin);
    await page.goto("/admin/people");
    await page.getByRole("region", { name: "People" }).getByText("Manage", { exact: true }).first().click();
    await check("people, opened");
    await page.goto("/admin/invitations");
    await page.getByRole("button", { name: "New invitation link" }).click();
    const made = page.getByRole("main").getByRole("textbox").first();
    await expect(made).toHaveValue(/\/invite\//);
    await check("invitations");
    const link = await made.inputValue();
    const stranger = await open(options);
    await stranger.goto(link);
    await isAwake(stranger);
    await isAccessible(stranger, "an invitation");
  });

  test(`a room, ${size}`, async ({ open, expected }) => {
    test.setTimeout(300_000);
    expected(/status of 404/);
    const page = await open(options);
    const check = (what: string) => isAccessible(page, what);
    const ana = await signUp(page, { name: "Ana Benítez" });
    const bo = await signUp(await open(), { name: "Bo Lindqvist" });
    await page.goto("/");
    await isIn(page);
    await check("lobby");
    await page.getByLabel("New", { exact: true }).click();
    await check("the menu");
    await page.keyboard.press("Escape");

    const room = unique("mixed");
    await makesRoom(page, "Group", room);
    await check("an empty room");
    await page.getByRole("button", { name: "Invite people" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("combobox").fill(bo.handle);
    await dialog.getByRole("option", { name: `@${bo.handle}` }).click();
    await check("invite");
    await dialog.getByRole("button", { name: "Invite 1" }).click();
    await expect(dialog).toBeHidden();

    await says(page, "Look: https://org.example/a/page?of=it, and “quotes”.");
    await says(page, "🚢🌊");
    await says(page, "船到了。");
    await opens(bo.page, room);
    await says(bo.page, "Seen.");
    await sees(page, "Seen.");
    await says(page, "Good.");
    await sees(bo.page, "Good.");
    const seen = page.getByRole("article").filter({ hasText: "Seen." });
    await (await reaches(bo.page, "Good.")).getByRole("button", { name: "React" }).click();
    await bo.page.getByRole("group", { name: "React" }).getByRole("button", { name: "👍" }).click();
    await expect(page.getByRole("button", { name: /^👍/ })).toBeVisible();
    await page.getByRole("button", { name: /^👍/ }).click();
    await acts(await reaches(page, seen), "Pin message");
    const good = page.getByRole("article").last();
    await expect(good.getByRole("img", { name: "Read" })).toBeVisible();
    await good.getByRole("button", { name: "Read" }).click();
    await expect(good.getByRole("status")).toContainText("Bo Lindqvist");
    await check("a room");
    await (await reaches(page, good)).getByRole("button", { name: "React" }).click();
    await expect(page.getByRole("group", { name: "React" })).toBeVisible();
    await check("the emoji");
    await page.keyboard.press("Escape");
    if (size !== "wide") {
      await presses(page, good);
      await check("the sheet of a message");
      await page.keyboard.press("Escape");
    }
    await (await reaches(page, good)).getByRole("button", { name: "Edit" }).click();
    await editor(page).fill("Better.");
    await check("an edit");
    await page.keyboard.press("Escape");
    await acts(await reaches(page, good), "Delete");
    await expect(dialog).toBeVisible();
    await check("delete a message");
    await page.keyboard.press("Escape");
    const seq = Number(await good.getAttribute("data-seq"));
    await asks(page, [{ type: "edit", room: idOf(page), seq, edits: 0, body: "Better." }]);
    await good.getByRole("button", { name: "edited" }).click();
    await expect(dialog.getByRole("listitem")).toHaveCount(2);
    await check("the history of a message");
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await composer(page).fill("b".repeat(4_001));
    await check("a text that is too long");
    await composer(page).fill("");
    await page.getByRole("button", { name: "Formatting" }).click();
    await expect(page.getByRole("toolbar", { name: "Formatting" })).toBeVisible();
    await check("the tools that format");
    await page.getByRole("button", { name: "Create poll" }).click();
    await dialog.getByRole("textbox", { name: "Question" }).fill("Which boat?");
    for (const n of [1, 2]) await dialog.getByRole("textbox", { name: `Option ${n}` }).fill(`Boat ${n}`);
    await check("a new poll");
    await dialog.getByRole("button", { name: "Send" }).click();
    await expect(dialog).toBeHidden();
    await page.getByRole("radio", { name: "Boat 1" }).click();
    await page.getByRole("button", { name: "Show votes" }).click();
    await expect(dialog.getByRole("listitem")).toHaveCount(1);
    await check("who voted");
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    await check("a poll");
    await page.getByRole("button", { name: "Formatting" }).click();
    await page.getByRole("button", { name: "Emoji", exact: true }).click();
    await expect(page.getByRole("gridcell").first()).toBeVisible();
    // axe would take a minute for all of them.
    await page.getByRole("searchbox").fill("boat");
    await expect(page.getByRole("gridcell").first()).toHaveText("⛵");
    await check("the emoji picker");
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();

    await page.getByRole("link", { name: "Search messages" }).click();
    const found = page.getByRole("complementary", { name: "Search messages" });
    await found.getByRole("searchbox").fill("nothing-of-the-kind");
    await found.getByRole("searchbox").press("Enter");
    await expect(found).toContainText("No messages found");
    await check("the search for messages");
    await page.keyboard.press("Escape");
    await expect(found).toHaveCount(0);

    await page.getByRole("button", { name: "Details" }).click();
    await expect(details(page)).toBeVisible();
    await expect(details(page).getByRole("region", { name: "Pinned messages" })).toContainText("Seen.");
    await check("details");
    for (const name of ["Name and topic", "Room settings", "Banned people", "Leave room"]) {
      await details(page).getByRole("button", { name }).click();
      await expect(dialog).toBeVisible();
      await check(name);
      await page.keyboard.press("Escape");
      await expect(dialog).toBeHidden();
    }
    await details(page).getByRole("button", { name: "Room settings" }).click();
    await dialog.getByRole("button", { name: "Delete room" }).click();
    await expect(dialog.getByRole("textbox", { name: /^Type / })).toBeVisible();
    await check("delete a room");
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
    for (const [who, act] of [[bo, "Make owner…"], [bo, "Remove from room…"], [bo, "Ban from room…"], [ana, "Step down as owner…"]] as const) {
      await details(page).getByRole("button", { name: `Actions for ${who.name}` }).click();
      const item = page.getByRole("menuitem", { name: act });
      await expect(item).toBeVisible();
      if (act === "Make owner…") await check("a member's menu");
      await item.click();
      await expect(dialog).toBeVisible();
      await check(act);
      await page.keyboard.press("Escape");
      await expect(dialog).toBeHidden();
    }
    await page.goto("/r/00000000-0000-4000-8000-000000000000");
    await isAwake(page);
    await check("a room that is not there");
  });

  test(`around the rooms, ${size}`, async ({ open, expected }) => {
    test.setTimeout(300_000);
    expected(/status of (403|404)/);
    const page = await open(options);
    const check = (what: string) => isAccessible(page, what);
    const line = await Line.of(page);
    await signUp(page, { name: "Ana Benítez" });
    const bo = await signUp(await open(), { name: "Bo Lindqvist" });
    const dialog = page.getByRole("dialog");

    // Unread messages above the loaded ones, across several days.
    const room = unique("long");
    await makesRoom(bo.page, "Channel", room);
    const id = idOf(bo.page);
    await asks(page, [{ type: "join", room: id }]);
    await saysMany(bo.page, Array.from({ length: 120 }, (_, n) => `line ${n + 1}`));
    query(`update messages set sent_at = sent_at - interval '2 days' where room_id = '${id}' and seq < 40`);
    await page.goto("/");
    await isIn(page);
    await check("an unread room in the list");
    await opens(page, `#${room}`);
    await expect(page.getByRole("separator", { name: "New" }).or(page.getByRole("button", { name: /^Jump to|new messages/ })).first()).toBeVisible();
    await check("a room with unread messages");

    await page.keyboard.press("Control+k");
    await expect(dialog.getByRole("option").first()).toBeVisible();
    await check("go anywhere");
    await page.getByRole("dialog").getByRole("combobox").fill("nothing is called this");
    await expect(page.getByRole("dialog").getByText("No results")).toBeVisible();
    await check("go anywhere, nothing found");
    await page.keyboard.press("Escape");

    await page.goto("/");
    await isIn(page);
    for (const name of ["New message", "Browse channels", "New room"] as const) {
      await chooses(page, name);
      if (name !== "New room") await expect(dialog.getByRole("option").first()).toBeVisible();
      await check(name);
      if (name === "New room") {
        await dialog.getByRole("textbox", { name: "Name" }).fill("p\u0430ypal");
        await dialog.getByRole("button", { name: "Create" }).click();
        await expect(dialog.getByRole("alert")).toBeVisible();
        await check("a room that cannot be made");
      }
      await page.keyboard.press("Escape");
      await expect(dialog).toBeHidden();
    }

    await page.keyboard.press("?");
    await expect(dialog).toBeVisible();
    await check("keyboard shortcuts");
    await page.keyboard.press("Escape");
    for (const path of ["/settings", "/settings/appearance", "/settings/account", "/admin", "/admin/people"]) {
      await page.goto(path);
      await check(path);
    }
    await page.goto("/nothing-here");
    await isAwake(page);
    await check("not found");

    await page.goto(`/r/${id}`);
    await isIn(page);
    line.cut();
    await says(page, "This waits.");
    await expect(page.getByRole("button", { name: "Try now" })).toBeVisible();
    await check("without a connection");
  });
}
