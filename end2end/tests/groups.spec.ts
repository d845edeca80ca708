// User groups: an administrator makes them without script, and mentions count for their people on any server.
import { type Page } from "@playwright/test";

import {
  asks, composer, expect, fillSignIn, isAccessible, log, makesRoom, message, onNode, opens, place, roomLink, rooms, says, sees, seqOf, signUp,
  test, unique,
} from "../fixtures";

const roomOf = (page: Page) => new URL(page.url()).pathname.split("/")[2];

/** The administrator, on the page of user groups; mostly in a browser without script. */
async function administrator(open: (options?: object) => Promise<Page>, javaScriptEnabled = false): Promise<Page> {
  const admin = await open({ javaScriptEnabled });
  await admin.goto("/sign-in");
  await fillSignIn(admin, place.admin);
  await expect(rooms(admin)).toBeVisible();
  await admin.goto("/admin/groups");
  await expect(admin.getByRole("heading", { level: 1 })).toHaveText("User groups");
  return admin;
}

async function makes(admin: Page, title: string, handle: string, people: string[]) {
  await admin.goto("/admin/groups");
  await admin.getByRole("textbox", { name: "Name" }).fill(title);
  await admin.getByRole("textbox", { name: "Handle" }).fill(handle);
  await admin.getByRole("button", { name: "New user group" }).click();
  await expect(admin.getByRole("status")).toHaveText("User group created. Now add people.");
  await adds(admin, people);
}

async function adds(admin: Page, people: string[]) {
  await admin.getByRole("textbox", { name: "Handles" }).fill(people.join(", "));
  await admin.getByRole("button", { name: "Add people" }).click();
  await expect(admin.getByRole("status")).toHaveText("People added.");
}

const badge = (page: Page, room: string, count: number) =>
  roomLink(page, room).getByRole("img", { name: count === 1 ? "1 mention" : `${count} mentions` });

test("a mention of a group counts for its people on another server, and a new title is shown live", async ({ open, expected }) => {
  expected(/status of (404|409|422)/);
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const cleo = await signUp(await open(), { name: "Cleo Martin" });
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  await onNode(cleo.page, 1);
  const channel = unique("pier");
  await makesRoom(ana.page, "Channel", channel);
  const room = roomOf(ana.page);
  for (const { page } of [bo, cleo]) await asks(page, [{ type: "join", room }]);
  for (const { page } of [bo, cleo]) await expect(roomLink(page, `#${channel}`)).toBeVisible();

  const admin = await administrator(open);
  const handle = unique("design");
  // A person's handle is refused, and nothing that was written is lost.
  await admin.getByRole("textbox", { name: "Name" }).fill("Design");
  await admin.getByRole("textbox", { name: "Handle" }).fill(bo.handle);
  await admin.getByRole("button", { name: "New user group" }).click();
  await expect(admin.getByText("This handle is taken. Choose another.")).toBeVisible();
  await expect(admin.getByRole("textbox", { name: "Name" })).toHaveValue("Design");
  await makes(admin, "Design", handle, [`@${bo.handle}`]);
  await admin.getByRole("textbox", { name: "Handles" }).fill("nobody-has-this");
  await admin.getByRole("button", { name: "Add people" }).click();
  await expect(admin.getByText("There is no one with the handle @nobody-has-this.")).toBeVisible();

  // Completion offers it below the people.
  await composer(ana.page).pressSequentially(`@${handle.slice(0, 6)}`);
  const offered = ana.page.getByRole("option", { name: `@${handle}` });
  await expect(offered).toContainText("user group · 1 person");
  await isAccessible(ana.page, "a user group among the suggestions");
  await offered.click();
  await composer(ana.page).pressSequentially("the rope?");
  await ana.page.keyboard.press("Enter");
  await sees(ana.page, "@Design the rope?");
  await expect(badge(bo.page, `#${channel}`, 1)).toBeVisible();
  await expect(roomLink(cleo.page, `#${channel}`).getByRole("img", { name: "1 unread" })).toBeVisible();
  await expect(badge(cleo.page, `#${channel}`, 1)).toHaveCount(0);
  await opens(bo.page, `#${channel}`);
  await expect(message(bo.page, "@Design the rope?")).toHaveClass(/to-me/);
  await opens(cleo.page, `#${channel}`);
  await expect(message(cleo.page, "@Design the rope?")).not.toHaveClass(/to-me/);

  // A click opens its card, with the people in it.
  await message(cleo.page, "@Design the rope?").getByRole("button", { name: "@Design" }).click();
  const card = cleo.page.getByRole("dialog", { name: "Design" });
  await expect(card).toContainText(`@${handle} · user group · 1 person`);
  await expect(card.getByRole("button", { name: bo.name })).toBeVisible();
  await isAccessible(cleo.page, "the card of a user group");
  await card.getByRole("button", { name: bo.name }).click();
  const person = cleo.page.getByRole("dialog", { name: `Profile of ${bo.name}` });
  await expect(person.getByRole("button", { name: "Design" })).toBeVisible();
  await cleo.page.keyboard.press("Escape");

  // A new title is shown live, and in what comes later.
  await admin.getByRole("textbox", { name: "Name" }).fill("Art & Design");
  await admin.getByRole("button", { name: "Save" }).click();
  await expect(admin.getByRole("status")).toHaveText("User group saved.");
  for (const { page } of [ana, bo, cleo]) await expect(log(page)).toContainText("@Art & Design the rope?");
  await cleo.page.reload();
  await expect(log(cleo.page)).toContainText("@Art & Design the rope?");

  // Someone who is added later is meant, too; a deleted group means nobody.
  await admin.goto(admin.url().split("?")[0]);
  await adds(admin, [cleo.handle]);
  await expect(message(cleo.page, "@Art & Design the rope?")).toHaveClass(/to-me/);
  await admin.getByText("Delete group", { exact: true }).first().click();
  await admin.getByRole("button", { name: "Delete group" }).click();
  await expect(admin.getByRole("status")).toHaveText("User group deleted.");
  await expect(log(bo.page)).toContainText(`@${handle} the rope?`);
  await expect(message(bo.page, `@${handle} the rope?`)).not.toHaveClass(/to-me/);
  await expect(message(bo.page, `@${handle} the rope?`).getByRole("button", { name: `@${handle}` })).toHaveCount(0);
});

test("a mention of a group shows a room to nobody who is not in it", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await onNode(bo.page, 1);
  const [crew, other] = [unique("crew"), unique("pier")];
  await makesRoom(ana.page, "Channel", other);
  await asks(bo.page, [{ type: "join", room: roomOf(ana.page) }]);
  await makesRoom(ana.page, "Group", crew);
  const admin = await administrator(open);
  const handle = unique("design");
  await makes(admin, "Design", handle, [bo.handle]);
  // To invite them is offered for a person, not for a group.
  const outsiders = ana.page.getByText("isn’t in this room");
  await says(ana.page, `@${handle} not for Bo`);
  await seqOf(ana.page, "@Design not for Bo");
  await expect(outsiders).toHaveCount(0);
  await says(ana.page, `@${bo.handle} is not here`);
  await expect(outsiders).toBeVisible();
  // Another one is not covered by that.
  await says(ana.page, "@ada neither");
  await expect(ana.page.getByText("Ada Ferreira isn’t in this room")).toBeVisible();
  await opens(ana.page, `#${other}`);
  await says(ana.page, `@${handle} for Bo`);
  await expect(badge(bo.page, `#${other}`, 1)).toBeVisible();
  await expect(roomLink(bo.page, crew)).toHaveCount(0);
});

test("the page of user groups is accessible, empty and filled, on a phone", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const admin = await administrator(open, true);
  await makes(admin, "Ops", unique("ops"), [ana.handle]);
  await isAccessible(admin, "the page of a user group");
  await admin.getByRole("button", { name: "Remove" }).click();
  await expect(admin.getByRole("status")).toHaveText("Person removed.");
  await expect(admin.getByText("Nobody is in this group yet")).toBeVisible();
  await admin.setViewportSize({ width: 390, height: 844 });
  await isAccessible(admin, "the page of an empty user group");
  await admin.getByRole("link", { name: "All user groups" }).click();
  await isAccessible(admin, "the page of user groups");
});
