// How changes of an account affect its sessions: a new password, and a suspension.
import { PASSWORD, expect, fillSignIn, isAccessible, isAwake, isIn, opens, place, signIn, signUp, test } from "../fixtures";

test("a new password signs out every other browser, but not this one", async ({ open, expected }) => {
  expected(/status of (401|422)/);
  const first = await open();
  const person = await signUp(first);
  const second = await open();
  await signIn(second, person);
  await opens(second, "#general");

  await first.goto("/settings/account");
  const account = first.getByRole("region", { name: "Password" });
  const change = async (current: string, password: string) => {
    await account.getByLabel("Current password").fill(current);
    await account.getByLabel("New password").fill(password);
    await account.getByRole("button", { name: "Change password" }).click();
  };
  await change("not the password", "a brass lantern");
  await expect(account.getByLabel("Current password")).toHaveAccessibleDescription("Wrong current password.");
  await expect(account.getByLabel("Current password")).toBeFocused();
  await change(PASSWORD, "brass");
  await expect(account.getByLabel("New password")).toHaveAccessibleDescription(/^Use at least 10/);
  // A reload shows the page and does not resubmit the form.
  await expect(first).toHaveURL("/settings/account");
  await isAccessible(first, "a refused change of the password");
  await change(PASSWORD, "a brass lantern");
  const told = first.getByRole("main").getByRole("status");
  await expect(told).toHaveText("Password changed. All your other devices are signed out.");
  await expect(told).toBeFocused();
  await expect(second).toHaveURL(/\/sign-in/);
  await expect(first.getByRole("region", { name: "Signed-in devices" }).getByRole("listitem")).toHaveCount(1);

  await fillSignIn(second, person);
  await expect(second.getByRole("alert")).toHaveText(/^Wrong handle or password/);
  await fillSignIn(second, { ...person, password: "a brass lantern" });
  await isIn(second);
});

test("an administrator suspends someone, without script, and lets them in again", async ({ open, expected }) => {
  expected(/status of 403/);
  const person = await signUp(await open(), { name: "Sol Marchetti" });
  const admin = await open({ javaScriptEnabled: false });
  await admin.goto("/sign-in");
  await fillSignIn(admin, place.admin);
  await expect(admin.getByRole("link", { name: /Settings$/ })).toBeVisible();
  await admin.goto("/admin/people");
  await admin.getByRole("searchbox", { name: "Name or handle" }).fill(person.handle);
  await admin.getByRole("button", { name: "Search" }).click();
  const line = admin.getByRole("region", { name: "People" }).getByRole("listitem");
  await expect(line).toHaveCount(1);
  await expect(line.getByRole("button", { name: "Suspend Sol Marchetti" })).toBeHidden();
  await line.getByText("Manage", { exact: true }).click();
  await expect(line.getByText(/^They’re signed out everywhere/)).toBeVisible();
  await line.getByRole("button", { name: "Suspend Sol Marchetti" }).click();

  await expect(person.page).toHaveURL(/\/sign-in/);
  await expect(admin.getByRole("status")).toHaveText("Account suspended.");
  await expect(line.getByText("Suspended", { exact: true })).toBeVisible();
  await expect(admin.getByRole("searchbox", { name: "Name or handle" })).toHaveValue(person.handle);
  await fillSignIn(person.page, person);
  await expect(person.page.getByRole("alert")).toHaveText(/^This account is suspended/);

  await line.getByRole("button", { name: "Reinstate" }).click();
  await expect(admin.getByRole("status")).toHaveText("Account reinstated.");
  await expect(line.getByText("Suspended", { exact: true })).toHaveCount(0);
  await fillSignIn(person.page, person);
  await isIn(person.page);
});

test("an administrator creates a link for a forgotten password", async ({ open, expected }) => {
  expected(/status of (401|422)/);
  const person = await signUp(await open(), { name: "Nia Okafor" });
  const admin = await open();
  await signIn(admin, place.admin);
  await admin.goto(`/admin/people?q=${person.handle}`);
  const line = admin.getByRole("region", { name: "People" }).getByRole("listitem");
  await line.getByText("Manage", { exact: true }).click();
  await isAccessible(admin, "what one may do with an account");
  await line.getByRole("button", { name: "New password link" }).click();
  await expect(line.getByRole("textbox", { name: "New password link" })).toBeFocused();
  const link = await line.getByRole("textbox", { name: "New password link" }).inputValue();

  const elsewhere = await open();
  await elsewhere.goto(link);
  await isAwake(elsewhere);
  await expect(elsewhere.getByText(`Nia Okafor · @${person.handle}`)).toBeVisible();
  await isAccessible(elsewhere, "a new password by a link");
  await elsewhere.getByLabel("New password").fill("short");
  await elsewhere.getByRole("button", { name: "Set password" }).click();
  await expect(elsewhere.getByLabel("New password")).toHaveAccessibleDescription(/^Use at least 10/);
  await elsewhere.getByLabel("New password").fill("a brass lantern");
  await elsewhere.getByRole("button", { name: "Set password" }).click();
  await isIn(elsewhere);
  await expect(person.page).toHaveURL(/\/sign-in/);
  await fillSignIn(person.page, { ...person, password: "a brass lantern" });
  await isIn(person.page);

  // The link has been used up.
  await admin.goto(link);
  await expect(admin.getByRole("heading", { name: "This link doesn’t work" })).toBeVisible();
  await expect(admin.getByRole("alert")).toHaveText(/^This link is invalid or expired/);
});
