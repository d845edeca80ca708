// axe on every page: light and dark, wide and on a phone. Nothing serious, nothing critical.
import { composer, editor, expect, isAccessible, isAwake, isIn, makesRoom, presses, reaches, says, sees, signUp, test, unique } from "../fixtures";

const sizes = {
  wide: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

for (const [size, options] of Object.entries(sizes)) {
  test(`every page, ${size}`, async ({ open, expected }) => {
    test.setTimeout(300_000);
    expected(/status of (401|404|422)/);
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

    await says(page, "Look: https://example.org/a/page?of=it, and “quotes”.");
    await says(page, "🚢🌊");
    await says(page, "船到了。");
    await bo.page.getByRole("link", { name: new RegExp(`^${room}`) }).click();
    await says(bo.page, "Seen.");
    await sees(page, "Seen.");
    await says(page, "Good.");
    await sees(bo.page, "Good.");
    await expect(page.getByRole("article").last().getByRole("img", { name: "Read" })).toBeVisible();
    await page.getByRole("article").last().getByRole("button", { name: "Read" }).click();
    await check("a room");
    await page.getByRole("article").last().focus();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("button", { name: "👍" })).toBeFocused();
    await check("the emoji");
    await page.keyboard.press("Escape");
    if (size === "phone") {
      await presses(page, page.getByRole("article").last());
      await check("the sheet of a message");
      await page.keyboard.press("Escape");
      await reaches(page, page.getByRole("article").last());
    }
    await page.getByRole("toolbar").getByRole("button", { name: "Edit" }).click();
    await editor(page).fill("Better.");
    await check("an edit");
    await page.keyboard.press("Escape");
    await composer(page).fill("b".repeat(4_001));
    await check("a text that is too long");
    await composer(page).fill("");

    await page.getByRole("button", { name: "Details" }).click();
    await expect(page.getByRole("complementary", { name: "Details" })).toBeVisible();
    await check("details");
    for (const name of ["Name and topic", "Leave room"]) {
      await page.getByRole("complementary").getByRole("button", { name }).click();
      await expect(dialog).toBeVisible();
      await check(name);
      await page.keyboard.press("Escape");
      await expect(dialog).toBeHidden();
    }
    await page.getByRole("complementary").getByRole("button", { name: "Close" }).click();

    await page.keyboard.press("Control+k");
    await expect(dialog.getByRole("option").first()).toBeVisible();
    await check("go anywhere");
    await page.keyboard.press("Escape");

    await page.goto("/");
    await isIn(page);
    for (const name of ["New message", "Browse channels", "New room"]) {
      await page.getByLabel("New", { exact: true }).click();
      await page.getByRole("navigation").getByRole("button", { name }).click();
      await expect(dialog).toBeVisible();
      if (name !== "New room") await expect(dialog.getByRole("option").first()).toBeVisible();
      await check(name);
      await page.keyboard.press("Escape");
      await expect(dialog).toBeHidden();
    }

    await page.keyboard.press("?");
    await expect(dialog).toBeVisible();
    await check("keyboard shortcuts");
    for (const path of ["/settings", "/settings/appearance", "/settings/account", "/admin"]) {
      await page.goto(path);
      await check(path);
    }
    await page.goto("/nothing-here");
    await isAwake(page);
    await check("not found");
    await page.goto("/r/00000000-0000-4000-8000-000000000000");
    await isAwake(page);
    await check("a room that is not there");
  });
}
