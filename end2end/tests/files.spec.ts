// Files: pasted, dropped and picked; described, put in order and removed; sent while they are being uploaded; seen by others on another
// server, and by nobody else.
import type { Locator, Page } from "@playwright/test";

import {
  acts, anaAndBo, composer, expect, isAccessible, isDrawn, isIn, log, message, png, reaches, says, sees, seqOf, signUp, test, writesTo,
} from "../fixtures";

const picked = (name: string, mimeType: string, buffer: Buffer) => ({ name, mimeType, buffer });
const attached = (page: Page) => page.getByRole("list", { name: "Attached files" });
const attachedFile = (page: Page, name: string) => attached(page).getByRole("listitem").filter({ hasText: name });
const picks = (page: Page, ...files: { name: string; mimeType: string; buffer: Buffer }[]) => page.getByLabel("Attach files").setInputFiles(files);

/** Pastes or drops files, as the system does. */
async function brings(at: Locator, event: "paste" | "drop" | "dragover", files: { name: string; mimeType: string; buffer: Buffer }[]) {
  await at.evaluate((element, [event, files]) => {
    const data = new DataTransfer();
    for (const { name, type, bytes } of files as { name: string; type: string; bytes: string }[])
      data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type }));
    const about = { bubbles: true, cancelable: true };
    element.dispatchEvent(event === "paste"
      ? new ClipboardEvent("paste", { ...about, clipboardData: data })
      : new DragEvent(event as string, { ...about, dataTransfer: data }));
  }, [event, files.map(({ name, mimeType, buffer }) => ({ name, type: mimeType, bytes: buffer.toString("base64") }))] as const);
}

test("a screenshot is pasted, described and sent; the other sees it, opens it and finds it after a reload; nobody else gets it", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  const bytes = await png(ana.page, 1200, 800, "teal");
  await composer(ana.page).fill("The new sail");
  await brings(composer(ana.page), "paste", [picked("image.png", "image/png", bytes)]);
  const tile = attachedFile(ana.page, "image.png");
  await expect(tile).toBeVisible();
  await tile.getByRole("button", { name: "Describe image.png" }).click();
  await ana.page.getByRole("textbox", { name: "Description" }).fill("A teal sail");
  await isAccessible(ana.page, "an attached picture");
  await ana.page.keyboard.press("Enter");
  await expect(composer(ana.page), "the text was not sent by Enter in the description").toHaveValue("The new sail");
  await expect(composer(ana.page)).toBeFocused();
  await ana.page.keyboard.press("Enter");
  await expect(attached(ana.page)).toBeHidden();
  await seqOf(ana.page, "The new sail");

  const shown = message(bo.page, "The new sail").getByRole("img", { name: "A teal sail" });
  await isDrawn(shown);
  const space = await shown.boundingBox();
  expect(Math.round(space!.width / space!.height * 100)).toBe(150);
  // Opened with the keyboard, and left with Esc: focus is back on the picture.
  const link = message(bo.page, "The new sail").getByRole("link", { name: "A teal sail" });
  await link.focus();
  await bo.page.keyboard.press("Enter");
  const viewer = bo.page.getByRole("dialog", { name: "image.png" });
  await isDrawn(viewer.getByRole("img", { name: "A teal sail" }));
  await isAccessible(bo.page, "a picture in full screen");
  await viewer.getByRole("button", { name: "Zoom in" }).click();
  await bo.page.keyboard.press("Escape");
  await expect(viewer).toBeHidden();
  await expect(link).toBeFocused();

  // The download is the original.
  const address = (await link.getAttribute("href"))!;
  const stored = await bo.page.request.get(address);
  expect(stored.status()).toBe(200);
  expect(Buffer.compare(await stored.body(), bytes)).toBe(0);
  expect(stored.headers()["x-content-type-options"]).toBe("nosniff");
  const part = await bo.page.request.get(address, { headers: { range: "bytes=1-3" } });
  expect([part.status(), (await part.body()).toString()]).toEqual([206, "PNG"]);

  for (const { page } of [ana, bo]) {
    await page.reload();
    await isIn(page);
    await isDrawn(message(page, "The new sail").getByRole("img", { name: "A teal sail" }));
  }
  // The same without script: the server has drawn it.
  const still = await open({ javaScriptEnabled: false, storageState: await bo.page.context().storageState() });
  await still.goto(bo.page.url());
  await expect(still.getByRole("img", { name: "A teal sail" })).toBeVisible();

  const stranger = await signUp(await open());
  expect((await stranger.page.request.get(address)).status()).toBe(404);
  const outside = await open();
  expect([401, 404]).toContain((await outside.request.get(address, { maxRedirects: 0 })).status());

  // Deleting the message takes the file with it.
  await acts(await reaches(ana.page, "The new sail"), "Delete");
  await ana.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(shown).toBeHidden();
  await expect.poll(async () => (await bo.page.request.get(address)).status()).toBe(404);
});

test("files are dropped, put in order, removed, and sent without a text; pictures are a grid, and others cards", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  const files = [
    picked("one.png", "image/png", await png(ana.page, 300, 300, "tomato")),
    picked("two.png", "image/png", await png(ana.page, 600, 200, "gold")),
    picked("会议记录.txt", "text/plain", Buffer.from("第一行\n")),
    picked("gone.bin", "application/octet-stream", Buffer.alloc(5_000, 7)),
  ];
  await brings(log(ana.page), "dragover", files);
  await expect(ana.page.locator("[data-dropping]")).toHaveAttribute("data-dropping", "Drop files to attach them");
  await brings(log(ana.page), "drop", files);
  await expect(ana.page.locator("[data-dropping]")).toHaveCount(0);
  await expect(attached(ana.page).getByRole("listitem")).toHaveCount(4);
  await expect(attachedFile(ana.page, "gone.bin")).toContainText("5 kB");
  await ana.page.getByRole("button", { name: "Remove gone.bin" }).click();
  await expect(attached(ana.page).getByRole("listitem")).toHaveCount(3);
  // The second picture goes first.
  await ana.page.getByRole("button", { name: "Remove two.png" }).focus();
  await ana.page.keyboard.press("Alt+ArrowLeft");
  await expect(attached(ana.page).getByRole("listitem").first()).toContainText("two.png");
  await expect(ana.page.getByRole("button", { name: "Remove two.png" })).toBeFocused();
  await composer(ana.page).press("Enter");

  const row = bo.page.getByRole("article").filter({ has: bo.page.getByRole("img", { name: "two.png" }) });
  await expect(row.getByRole("img")).toHaveCount(2);
  for (const name of ["two.png", "one.png"]) await isDrawn(row.getByRole("img", { name }));
  await expect(row.getByRole("img").first()).toHaveAttribute("alt", "two.png");
  const [download] = await Promise.all([bo.page.waitForEvent("download"), row.getByRole("link", { name: "Download 会议记录.txt" }).click()]);
  expect(download.suggestedFilename()).toBe("会议记录.txt");

  // From picture to picture.
  await row.getByRole("link", { name: "two.png" }).click();
  await expect(bo.page.getByRole("dialog").getByText("1 of 2")).toBeVisible();
  await bo.page.keyboard.press("ArrowRight");
  await isDrawn(bo.page.getByRole("dialog").getByRole("img", { name: "one.png" }));
  await expect(bo.page.getByRole("dialog").getByText("2 of 2")).toBeVisible();
  await bo.page.getByRole("button", { name: "Show message" }).click();
  await expect(bo.page.getByRole("dialog")).toBeHidden();
});

test("a text shows its first lines, as code and never as a page, and leads to all of it", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  const lines = Array.from({ length: 30 }, (_, n) => `let depth_${n} = "${n} fathoms";`);
  const files = [
    picked("tides.rs", "text/plain", Buffer.from(lines.join("\n"))),
    picked("page.html", "text/html", Buffer.from("<script>document.title = 'Taken over'</script>\n<h1>Hello</h1>\n")),
  ];
  await brings(log(ana.page), "drop", files);
  await expect(attached(ana.page).getByRole("listitem")).toHaveCount(2);
  await composer(ana.page).press("Enter");

  for (const page of [ana.page, bo.page]) {
    const row = page.getByRole("article").filter({ has: page.getByRole("link", { name: "Download tides.rs" }) });
    await expect(row.locator("pre")).toHaveText([lines.slice(0, 6).join("\n"), "<script>document.title = 'Taken over'</script>\n<h1>Hello</h1>"]);
    await expect(row.getByRole("link", { name: "Show all" })).toHaveCount(1);
    await expect(page).not.toHaveTitle(/Taken over/);
  }
  await expect.poll(() => bo.page.evaluate(() => [...CSS.highlights.values()].reduce((sum, ranges) => sum + ranges.size, 0))).toBeGreaterThan(5);
  await isAccessible(bo.page, "the first lines of texts");
  const all = bo.page.getByRole("link", { name: "Show all" });
  await expect(all).toHaveAttribute("target", "_blank");
  const whole = await bo.page.request.get((await all.getAttribute("href")) ?? "");
  expect([whole.headers()["content-type"], whole.headers()["content-disposition"]?.split(";")[0], await whole.text()])
    .toEqual(["text/plain; charset=utf-8", "inline", lines.join("\n")]);
  // The server draws the same.
  const drawn = await (await bo.page.request.get(bo.page.url())).text();
  expect(drawn).toContain('let depth_5 = "5 fathoms";');
  await bo.page.reload();
  await expect(bo.page.locator("pre")).toHaveCount(2);
});

test("a message waits for its file, later ones do not wait for it, and it survives a reload", async ({ open, expected }) => {
  expected(/ERR_FAILED|status of 404/);
  const [ana, bo] = await anaAndBo(open);
  await ana.page.route("**/uploads/**", (route) => route.abort());
  await picks(ana.page, picked("film.bin", "application/octet-stream", Buffer.alloc(6_000_000, 1)));
  await expect(attachedFile(ana.page, "film.bin")).toContainText("Waiting for the connection");
  await composer(ana.page).fill("the film");
  await composer(ana.page).press("Enter");
  await expect(message(ana.page, "the film").getByRole("img", { name: "Waiting to send" })).toBeVisible();
  await says(ana.page, "a word meanwhile");
  await sees(bo.page, "a word meanwhile");
  await expect(message(bo.page, "the film")).toBeHidden();

  // It can be taken back, with its file.
  await message(ana.page, "the film").getByRole("button", { name: "Cancel" }).click();
  await expect(composer(ana.page)).toHaveValue("the film");
  await expect(attachedFile(ana.page, "film.bin")).toBeVisible();
  await composer(ana.page).press("Enter");

  await ana.page.reload();
  await isIn(ana.page);
  await expect(message(ana.page, "the film").getByRole("img", { name: "Waiting to send" })).toBeVisible();
  await ana.page.unroute("**/uploads/**");
  await expect(message(bo.page, "the film").getByRole("link", { name: "Download film.bin" })).toBeVisible({ timeout: 45_000 });
  const address = (await message(bo.page, "the film").getByRole("link", { name: "Download film.bin" }).getAttribute("href"))!;
  expect((await (await bo.page.request.get(address)).body()).length).toBe(6_000_000);
  await expect(message(ana.page, "the film")).toHaveCount(1);
});

test("what was attached survives a reload; a refused file says why, and can be removed", async ({ open, expected }) => {
  // The reload may come before the creation has arrived.
  expected(/status of (413|404)/);
  const page = (await signUp(await open())).page;
  const other = await signUp(await open());
  await writesTo(page, other);
  await picks(page, picked("kept.bin", "application/octet-stream", Buffer.alloc(2_000, 1)));
  await expect(attachedFile(page, "kept.bin")).toHaveClass(/done/);
  await page.reload();
  await isIn(page);
  await expect(attachedFile(page, "kept.bin")).toBeVisible();

  await page.route("**/uploads", (route) => route.fulfill({
    status: 413, contentType: "application/json", body: JSON.stringify({ refusal: { code: 2041, detail: "", max: 5 } }),
  }));
  await picks(page, picked("huge.bin", "application/octet-stream", Buffer.alloc(2_000, 2)));
  await expect(page.getByRole("alert").filter({ hasText: "huge.bin wasn’t uploaded. This file is too large. Files can have up to 5 MB here." })).toBeVisible();
  await composer(page).fill("with a file");
  await composer(page).press("Enter");
  await expect(composer(page), "nothing was sent without the file").toHaveValue("with a file");
  await page.unroute("**/uploads");
  await page.getByRole("button", { name: "Remove huge.bin" }).click();
  await composer(page).press("Enter");
  const about = message(page, "with a file");
  await expect(about.getByRole("link", { name: "Download kept.bin" })).toBeVisible();
});
