// The main story in Debian's Firefox, through WebDriver BiDi, with someone in Chromium on the other server. Only a smoke test;
// the other tests cover the details.
import { firefox } from "../firefox";
import { composer, expect, fillSignIn, isIn, isOpen, makesRoom, message, nodeOf, roomLink, says, sees, signUp, test, unique } from "../fixtures";
import { nodeUrl } from "../cluster";

test("signs in, writes, is answered from the other server, and reloads", async ({ open, watch, expected }) => {
  // `body {}`: Playwright injects this before a screenshot, and Firefox reports that the page's policy forbids it.
  expected(/'sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT\+SmwNZWA='/);
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open({ baseURL: nodeUrl(1) }), { name: "Bo Lindqvist" });
  expect(await nodeOf(bo.page)).toBe("e2e-2");
  const room = unique("fox");
  await makesRoom(bo.page, "Channel", room);
  const address = new URL(bo.page.url()).pathname;

  const browser = await firefox();
  try {
    const context = await browser.newContext({ baseURL: nodeUrl(0), locale: "en-GB" });
    watch.over(context);
    const page = await context.newPage();
    await page.goto("/sign-in");
    await fillSignIn(page, ana);
    await isIn(page);
    expect(await nodeOf(page)).toBe("e2e-1");
    expect(await page.evaluate(() => navigator.userAgent)).toContain("Firefox/");

    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("dialog").getByRole("combobox").fill(room);
    await page.getByRole("dialog").getByRole("option", { name: room }).click();
    await isOpen(page, `#${room}`);
    expect(new URL(page.url()).pathname).toBe(address);
    await composer(page).pressSequentially("Ahoy from the fox. 船");
    await composer(page).press("Enter");
    await expect(composer(page)).toHaveValue("");
    await sees(bo.page, "Ahoy from the fox. 船");
    await expect(message(page, "Ahoy from the fox. 船").getByRole("img", { name: /^(Delivered|Read)$/ })).toBeVisible();

    await says(bo.page, "Ahoy from the other ship.");
    await sees(page, "Ahoy from the other ship.");
    await page.reload();
    await isIn(page);
    await isOpen(page, `#${room}`);
    await sees(page, "Ahoy from the other ship.");
    await expect(roomLink(page, `#${room}`)).toHaveAttribute("aria-current", "page");
    await says(page, "Still here.");
    await sees(bo.page, "Still here.");
    await context.close();
  } finally {
    await browser.close();
  }
});
