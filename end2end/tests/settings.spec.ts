// Settings and administration: pages that only the server renders.
import {
  composer, draftsAreStored, expect, fillSignIn, isAccessible, isIn, isOpen, place, rooms, signIn, signUp, tabTo, test, unique,
} from "../fixtures";

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test("settings have pages, titles and a link back, and load no wasm", async ({ open }) => {
  const { page, handle } = await signUp(await open(), { name: "Ana Benítez" });
  const room = page.url();
  const loaded: string[] = [];
  await rooms(page).getByRole("link", { name: /Settings$/ }).click();
  await expect(page).toHaveURL("/settings");
  page.on("request", (request) => void loaded.push(new URL(request.url()).pathname));
  const pages = page.getByRole("navigation", { name: "Settings" });
  await expect(page.getByRole("main").getByRole("heading", { level: 1 })).toHaveText("Profile");
  await expect(page.getByRole("main").getByText(`@${handle}`)).toBeVisible();
  for (const name of ["Appearance", "Account", "Profile"]) {
    await pages.getByRole("link", { name }).click();
    await expect(page.getByRole("main").getByRole("heading", { level: 1 })).toHaveText(name);
    await expect(pages.getByRole("link", { name })).toHaveAttribute("aria-current", "page");
    await expect(pages.locator("[aria-current]")).toHaveCount(1);
    await expect(page).toHaveTitle(`${name} · Settings · ${place.name}`);
    await isAccessible(page, name);
  }
  await expect(pages.getByRole("link", { name: "People" })).toHaveCount(0);
  expect(loaded.filter((path) => /\.(wasm|js)$/.test(path))).toEqual([]);

  const name = page.getByRole("textbox", { name: "Name" });
  await name.fill("Ana B.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("status")).toHaveText("Profile saved.");
  await expect(page.getByRole("status")).toBeFocused();
  await page.reload();
  await expect(page.getByRole("status")).toHaveCount(0);
  await expect(name).toHaveValue("Ana B.");
  await pages.getByRole("link", { name: "Back to rooms" }).click();
  await expect(page).toHaveURL(room);
  await isIn(page);
});

test("a draft survives a visit to the settings, and signing out removes it", async ({ open }) => {
  const { page } = await signUp(await open());
  await composer(page).fill("not yet sent");
  await rooms(page).getByRole("link", { name: /Settings$/ }).click();
  await page.getByRole("link", { name: "Back to rooms" }).click();
  await isIn(page);
  await expect(composer(page)).toHaveValue("not yet sent");
  await draftsAreStored(page);
  await page.goto("/settings/account");
  const kept = () => page.evaluate(() => JSON.stringify({ ...localStorage }));
  expect(await kept()).toContain("not yet sent");
  await page.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL("/sign-in");
  expect(await kept()).not.toContain("not yet sent");
});

test("a member who opens the administration is refused, with a link back", async ({ open, expected }) => {
  expected(/status of 403/);
  const { page } = await signUp(await open());
  for (const path of ["/admin", "/admin/workspace", "/admin/people"]) {
    const answer = await page.goto(path);
    expect(answer?.status()).toBe(403);
    await expect(page.getByRole("main").getByRole("heading", { level: 1 })).toHaveText("Administrators only");
    await expect(page.getByText("You don’t have permission to open this page.")).toBeVisible();
    await expect(page.getByRole("textbox")).toHaveCount(0);
  }
  await isAccessible(page, "a refused page");
  await page.getByRole("main").getByRole("link", { name: "Back to rooms" }).click();
  await isIn(page);
});

test("an administrator renames the workspace, and others have its name", async ({ open, expected }) => {
  expected(/status of 422/);
  const admin = await open({ javaScriptEnabled: false });
  await admin.goto("/sign-in");
  await fillSignIn(admin, place.admin);
  await expect(rooms(admin)).toBeVisible();
  await admin.goto("/admin");
  await expect(admin.getByRole("heading", { level: 1 })).toHaveText("Workspace");
  const name = admin.getByRole("textbox", { name: "Workspace name" });
  await expect(name).toHaveValue(place.name);
  await name.fill("x".repeat(81));
  await admin.getByRole("button", { name: "Save" }).click();
  await expect(name).toHaveAccessibleDescription(/^Use at most/);
  await expect(name).toBeFocused();
  // The other tests expect the original name.
  await name.fill(place.name);
  await admin.getByRole("button", { name: "Save" }).click();
  await expect(admin.getByRole("status")).toHaveText("Workspace renamed.");
  await expect(admin).toHaveTitle(`Workspace · Administration · ${place.name}`);
});

test("with the keyboard alone: from the room to a new name and back", async ({ open }) => {
  const { page } = await signUp(await open(), { name: "Ana Benítez" });
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("profile");
  await expect(page.getByRole("option", { name: "Profile" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL("/settings/profile");
  const name = page.getByRole("textbox", { name: "Name" });
  await tabTo(page, name);
  await page.keyboard.press("Control+a");
  await page.keyboard.type("Ana with the keys");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status")).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "Add picture" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(name).toBeFocused();
  await tabTo(page, page.getByRole("link", { name: "Back to rooms" }));
  await page.keyboard.press("Enter");
  await isOpen(page, "#general");
  await expect(rooms(page).getByText("Ana with the keys")).toBeVisible();
});

test("a phone shows the list of pages, then a page, and goes back", async ({ open }) => {
  const page = await open(phone);
  await signIn(page, place.admin);
  await page.goto("/");
  await isIn(page);
  await page.getByRole("link", { name: /Settings$/ }).tap();
  const pages = page.getByRole("navigation", { name: "Settings" });
  await expect(page).toHaveURL("/settings");
  // Once the style sheet has loaded.
  await expect(page.getByRole("main")).toBeHidden();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Settings");
  await isAccessible(page, "the list of pages on a phone");
  for (const name of ["Profile", "Appearance", "Account", "Workspace", "People", "Invitations", "Back to rooms"]) {
    const box = (await pages.getByRole("link", { name }).boundingBox())!;
    expect(Math.round(Math.min(box.width, box.height)), name).toBeGreaterThanOrEqual(44);
  }
  for (const name of ["Profile", "Appearance", "Account", "Workspace", "People", "Invitations"]) {
    await pages.getByRole("link", { name }).tap();
    await expect(page.getByRole("main").getByRole("heading", { level: 1 })).toHaveText(name);
    await expect(pages).toBeHidden();
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name).toBe(true);
    await isAccessible(page, `${name} on a phone`);
    await page.getByRole("link", { name: "Settings" }).tap();
    await expect(pages).toBeVisible();
  }
  await pages.getByRole("link", { name: "Back to rooms" }).tap();
  await isIn(page);
  await expect(rooms(page)).toBeVisible();
});

test("the list of people is paged", async ({ open }) => {
  const admin = await open({ javaScriptEnabled: false });
  await admin.goto("/sign-in");
  await fillSignIn(admin, place.admin);
  await expect(rooms(admin)).toBeVisible();
  await admin.goto("/admin/people");
  const line = admin.getByRole("region", { name: "People" }).getByRole("listitem");
  await expect(line.first()).toBeVisible();
  await admin.getByRole("searchbox", { name: "Name or handle" }).fill(unique("nobody"));
  await admin.getByRole("button", { name: "Search" }).click();
  await expect(admin.getByText("No matching people")).toBeVisible();
  await admin.getByRole("link", { name: "Show all" }).click();
  await expect(line.first()).toBeVisible();
});
