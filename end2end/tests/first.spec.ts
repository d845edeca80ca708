// From an empty place to the first words in it: nobody else can come before, so these run before every other test.
import { PASSWORD, expect, fillSignUp, isAccessible, isIn, message, opens, place, says, sees, test, unique } from "../fixtures";

test.describe.configure({ mode: "serial" });

let invitation: string;

test("the first person sets the place up and writes the first message", async ({ open }) => {
  const page = await open();
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Set up your Roost" })).toBeVisible();
  await expect(page).toHaveURL("/sign-up");
  await isAccessible(page, "the first account");
  await fillSignUp(page, place.admin);
  await expect(page).toHaveURL("/set-up");
  await isAccessible(page, "set-up");
  await page.getByRole("textbox", { name: "Workspace name" }).fill(place.name);
  await page.getByRole("textbox", { name: "First channel" }).fill(place.channel);
  await page.getByRole("button", { name: "Continue" }).click();
  invitation = await page.getByRole("textbox", { name: "Invitations" }).inputValue();
  await isAccessible(page, "set-up, done");
  await page.getByRole("link", { name: `Open ${place.name}` }).click();
  await isIn(page);
  await opens(page, `#${place.channel}`);
  await says(page, "Welcome to the harbour.");
  await sees(page, "Welcome to the harbour.");
  await expect(message(page, "Welcome to the harbour.").getByRole("img", { name: "Sent" })).toBeVisible();
});

test("an invited person makes an account by the link and writes", async ({ open }) => {
  const page = await open();
  await page.goto(invitation);
  await expect(page.getByRole("heading", { name: "You’ve been invited" })).toBeVisible();
  await fillSignUp(page, { name: "Bo Lindqvist", handle: unique("bo"), password: PASSWORD });
  await isIn(page);
  await expect(page.getByRole("heading", { level: 1, name: `#${place.channel}` })).toBeVisible();
  await expect(page).toHaveTitle(new RegExp(`#${place.channel} · ${place.name}$`));
  await says(page, "Good morning from the invited one.");
  await sees(page, "Good morning from the invited one.");
});
