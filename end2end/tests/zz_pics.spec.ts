// temporary: pictures to look at
import { test, expect, signUp, writesTo, composer, says, seqOf, reaches, isIn, roomLink, isOpen, presses, message, asks } from "../fixtures";
const out = process.env.PICS ?? "/tmp/emojipics";
const sizes = { wide: { viewport: { width: 1440, height: 900 } }, tablet: { viewport: { width: 820, height: 1180 }, hasTouch: true, isMobile: true }, phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } } as const;
for (const [size, options] of Object.entries(sizes)) for (const look of ["light", "dark"] as const) for (const locale of size === "wide" && look === "light" || size === "phone" && look === "dark" ? ["en-GB", "zh-CN"] : ["en-GB"]) {
  test(`pics ${size} ${look} ${locale}`, async ({ open }) => {
    const page = await open({ ...options, locale, colorScheme: look });
    const ana = await signUp(page, { name: "Ana Benítez" });
    const bo = await signUp(await open(), { name: "Bo Lindqvist" });
    const zh = locale === "zh-CN";
    const snap = (name: string) => page.screenshot({ path: `${out}/${size}-${look}-${zh ? "zh-" : ""}${name}.png` });
    await writesTo(bo.page, ana);
    await page.goto("/"); await isIn(page);
    await roomLink(page, bo.name).click(); await isOpen(page, bo.name);
    await says(bo.page, "The tide turns at four. Who brings the rope?");
    await says(bo.page, "🎉🚢");
    const seq = await seqOf(bo.page, "The tide turns at four. Who brings the rope?");
    const room = new URL(bo.page.url()).pathname.split("/").at(-1)!;
    await asks(bo.page, [{ type: "react", room, seq, emoji: "🎉", on: true }, { type: "react", room, seq, emoji: "👀", on: true }]);
    await asks(page, [{ type: "react", room, seq, emoji: "🎉", on: true }]);
    const field = composer(page);
    await page.getByRole("button", { name: zh ? "格式" : "Formatting" }).click();
    await field.pressSequentially("We leave at **four** ");
    await page.waitForTimeout(400);
    await snap("tools");
    await field.pressSequentially(zh ? ":笑" : ":sm");
    await expect(page.getByRole("option").first()).toBeVisible();
    await page.waitForTimeout(300);
    await snap("complete");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: zh ? "表情" : "Emoji", exact: true }).click();
    await expect(page.getByRole("gridcell").first()).toBeVisible();
    await page.waitForTimeout(700);
    if (size === "wide") await page.keyboard.press("ArrowDown");
    await snap("picker");
    await page.getByRole("searchbox").fill(zh ? "船" : "boat");
    await page.waitForTimeout(300);
    await snap("search");
    await page.keyboard.press("Escape");
    if (size === "phone") {
      await presses(page, message(page, "The tide turns at four. Who brings the rope?"));
      await page.waitForTimeout(400);
      await snap("sheet");
      await page.keyboard.press("Escape");
    } else {
      const tools = await reaches(page, "The tide turns at four. Who brings the rope?");
      await tools.getByRole("button", { name: zh ? "表情回应" : "React" }).click();
      await page.waitForTimeout(300);
      await snap("quick");
      await page.getByRole("button", { name: zh ? "更多表情" : "More emoji" }).click();
      await page.waitForTimeout(700);
      await snap("reactpicker");
      await page.keyboard.press("Escape");
      await page.locator(".reaction").first().hover();
      await page.waitForTimeout(500);
      await snap("who");
    }
    await field.evaluate((f, text) => { (f as HTMLElement).focus(); const d = new DataTransfer(); d.setData("text/plain", text); f.dispatchEvent(new ClipboardEvent("paste", { clipboardData: d, bubbles: true, cancelable: true })); }, Array.from({ length: 25 }, (_, n) => `log line ${n}`).join("\n"));
    await page.waitForTimeout(300);
    await snap("lines");
    await field.fill("+:nope_nope:"); await page.keyboard.press("Control+Enter");
    await page.waitForTimeout(300);
    await snap("unknown");
  });
}
