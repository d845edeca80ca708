// Accounts, sessions, and every possible refusal of a form. `first.spec.ts` creates the first accounts.
import { PASSWORD, expect, fillSignIn, fillSignUp, isAwake, isIn, opens, place, signIn, signUp, test, unique } from "../fixtures";

test("an invalid invitation is reported, and none is needed if anyone may sign up", async ({ open, expected }) => {
  expected(/status of 422/);
  const page = await open();
  await page.goto("/invite/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
  await expect(page.getByRole("heading", { name: "Create account" })).toBeVisible();
  await expect(page.getByRole("alert")).toHaveText(/^This invitation is invalid or expired.* You don’t need one/);
  await fillSignUp(page, { name: "Cleo Marsh", handle: unique("cleo"), password: PASSWORD });
  await isIn(page);
  await expect(page.getByRole("heading", { level: 1, name: `#${place.channel}` })).toBeVisible();
});

const languages = [
  {
    locale: "en-GB",
    taken: "This handle is taken. Choose another.",
    short: "Use at least 10 characters.",
    handle: /^Use 2–32 characters/,
    wrong: "Wrong handle or password.",
    words: { name: "Name", handle: "Handle", password: "Password" },
  },
  {
    locale: "zh-CN",
    taken: "这个用户名已被使用，请换一个。",
    short: "至少 10 个字符。",
    handle: /^请使用 2–32 个字符/,
    wrong: "用户名或密码不正确。",
    words: { name: "显示名", handle: "用户名", password: "密码" },
  },
];

for (const { locale, taken, short, handle: invalid, wrong, words } of languages) {
  test(`a refused form keeps what was typed and says why, ${locale}`, async ({ open, expected }) => {
    expected(/status of (401|409|422)/);
    const page = await open({ locale });
    const name = page.getByRole("textbox", { name: words.name, exact: true });
    const handle = page.getByRole("textbox", { name: words.handle, exact: true });
    const password = page.getByLabel(words.password, { exact: true });

    await page.goto("/sign-up");
    const fresh = unique("cleo");
    await fillSignUp(page, { name: "Cleo Marsh", handle: fresh, password: "short" });
    await isAwake(page);
    await expect(password).toHaveAccessibleDescription(short);
    await expect(password).toHaveValue("");
    await expect(name).toHaveValue("Cleo Marsh");
    await expect(handle).toHaveValue(fresh);

    await fillSignUp(page, { name: "Cleo Marsh", handle: place.admin.handle, password: PASSWORD });
    await expect(handle).toHaveAccessibleDescription(taken);
    await expect(handle).toHaveValue(place.admin.handle);
    await expect(name).toHaveValue("Cleo Marsh");

    await fillSignUp(page, { name: "Cleo Marsh", handle: "no spaces!", password: PASSWORD });
    await expect(handle).toHaveAccessibleDescription(invalid);
    await expect(handle).toHaveValue("no spaces!");

    // The address is that of the form: a reload resubmits nothing and shows an empty form.
    await isAwake(page);
    await expect(page).toHaveURL("/sign-up");

    await page.goto("/sign-in");
    await fillSignIn(page, { handle: place.admin.handle, password: "not the password" });
    await expect(page.getByText(wrong)).toBeVisible();
    await expect(handle).toHaveValue(place.admin.handle);
    await expect(password).toHaveValue("");
  });
}

test("signing out ends the session, and signing in returns to the requested page", async ({ open }) => {
  const page = await open();
  const person = await signUp(page);
  const room = page.url();
  await page.goto("/settings");
  await page.getByRole("navigation", { name: "Settings" }).getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL("/sign-in");
  await isAwake(page);
  await page.goto(room);
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await fillSignIn(page, person);
  await isIn(page);
  await expect(page).toHaveURL(room);
});

test("«Sign out» beside a device signs the other browser out while it is looked at", async ({ open }) => {
  const first = await open();
  const person = await signUp(first);
  const second = await open();
  await signIn(second, person);
  await opens(second, "#general");

  await first.goto("/settings/account");
  const devices = first.getByRole("region", { name: "Signed-in devices" });
  await expect(devices.getByText("This device")).toHaveCount(1);
  await devices.getByRole("button", { name: "Sign out", exact: true }).click();
  await expect(second).toHaveURL(/\/sign-in/);
  await expect(devices.getByRole("button", { name: "Sign out", exact: true })).toHaveCount(0);
  await expect(first.getByRole("status")).toHaveText("Device signed out.");
});

test("an invitation can be made, copied, used and revoked in the administration", async ({ open }) => {
  const page = await open();
  await signIn(page, place.admin);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/admin/invitations");
  const invitations = page.getByRole("region", { name: "Invitations" });
  await invitations.getByRole("button", { name: "New invitation link" }).click();
  await expect(invitations.getByRole("textbox", { name: "Copy link" })).toBeFocused();
  const link = await invitations.getByRole("textbox", { name: "Copy link" }).inputValue();
  await invitations.getByRole("button", { name: "Copy link" }).click();
  await expect(invitations.getByRole("status")).toHaveText("Copied");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link);
  const newcomer = await open();
  await signUp(newcomer, { at: link });
  // People with an account need no invitation.
  await newcomer.goto(link);
  await expect(newcomer).toHaveURL("/");

  const line = invitations.getByRole("listitem").filter({ has: page.getByRole("textbox", { name: "Copy link" }) });
  await line.getByRole("button", { name: "Revoke" }).click();
  await expect(line).toHaveCount(0);
});
