// Without JavaScript: forms and pages that do not update themselves.
import { composer, expect, fillSignIn, fillSignUp, numbered, PASSWORD, rooms, saysMany, sees, signUp, test, unique, writesTo } from "../fixtures";

test("an account, a room's newest messages, and sending by the form", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const page = await open({ javaScriptEnabled: false });
  const handle = unique("plain");

  await page.goto("/sign-up");
  await fillSignUp(page, { name: "Plain Page", handle, password: PASSWORD });
  await expect(page.getByRole("heading", { level: 1, name: "#general" })).toBeVisible();
  await expect(page.getByText("Without JavaScript, you can read and write here")).toBeVisible();

  await writesTo(ana.page, { handle, name: "Plain Page" });
  await saysMany(ana.page, numbered("page", 60));
  await expect(ana.page.getByRole("log").getByRole("img", { name: "Sent" })).toBeVisible();

  await page.reload();
  await page.getByRole("link", { name: /^Ana Benítez/ }).click();
  await expect(page.getByRole("article").filter({ hasText: /page 60\b/ })).toBeInViewport();
  await expect(page.getByRole("article").filter({ hasText: /page 11\b/ })).toHaveCount(1);

  await composer(page).fill("An answer without script.");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("article").filter({ hasText: "An answer without script." })).toBeInViewport();
  await sees(ana.page, "An answer without script.");
});

test("a refused text is shown again", async ({ open, expected }) => {
  expected(/status of 422/);
  const page = await open({ javaScriptEnabled: false });
  await page.goto("/sign-up");
  await fillSignUp(page, { name: "Long Writer", handle: unique("long"), password: PASSWORD });
  await composer(page).fill("a".repeat(4_001));
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("alert")).toContainText("Use at most 4000 characters.");
  await expect(page.getByRole("alert")).toContainText("a".repeat(4_001));
});

test("settings, language and signing out", async ({ open, expected }) => {
  expected(/status of 422/);
  const page = await open({ javaScriptEnabled: false });
  const handle = unique("forms");
  await page.goto("/sign-up");
  await fillSignUp(page, { name: "Forms Only", handle, password: PASSWORD });
  await page.getByRole("link", { name: /Settings$/ }).click();
  await page.getByRole("link", { name: "Appearance" }).click();
  await page.getByRole("button", { name: "简体中文" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-Hans");
  await page.getByRole("button", { name: "English" }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.getByRole("link", { name: "Profile" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("a".repeat(65));
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("textbox", { name: "Name" })).toHaveAccessibleDescription("Use at most 64 characters.");
  await expect(page.getByRole("textbox", { name: "Name" })).toHaveValue("a".repeat(65));
  await page.getByRole("textbox", { name: "Name" }).fill("Only Forms");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByRole("status")).toHaveText("Profile saved.");
  await page.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await fillSignIn(page, { handle, password: PASSWORD });
  await expect(rooms(page)).toBeVisible();
});
