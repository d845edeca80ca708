// Previews of links: a card comes below the message, with a picture of our own, moves nothing that is read, and can be removed and hidden.
import http from "node:http";

import type { Page } from "@playwright/test";

import { webPort } from "../cluster";
import { acts, anaAndBo, asks, expect, isAccessible, isIn, log, message, numbered, reaches, says, saysMany, seqOf, test } from "../fixtures";

const site = `http://127.0.0.1:${webPort}`;
// A red square of 64 × 64 pixels.
const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAAT0lEQVR42u3PQQkAAAgEsEty/aMYywi+hcEKLNO+FgEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQGBywLKp0DxvxLbjwAAAABJRU5ErkJggg==",
  "base64",
);
let web: http.Server;

// They share the port.
test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  web = http.createServer((request, response) => {
    const path = request.url ?? "/";
    if (path === "/sail.png") {
      response.writeHead(200, { "content-type": "image/png" }).end(picture);
      return;
    }
    const name = decodeURIComponent(path.slice(1));
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(
      `<title>${name}</title><meta property="og:site_name" content="Harbour">
       <meta property="og:description" content="High water at nine."><meta property="og:image" content="/sail.png">`,
    );
  });
  await new Promise<void>((resolve) => web.listen(Number(webPort), "127.0.0.1", resolve));
});
test.afterAll(() => new Promise<void>((resolve) => web.close(() => resolve())));

const card = (page: Page, title: string) => page.locator(".preview").filter({ hasText: title });
const saying = (page: Page, text: string) => log(page).getByRole("article").filter({ hasText: text });

test("a link gets a card with a picture of our own, which its author removes", async ({ open }) => {
  const [{ page: ana }, { page: bo }] = await anaAndBo(open);
  const asked: string[] = [];
  for (const page of [ana, bo]) page.on("request", (request) => asked.push(request.url()));
  await says(ana, `See ${site}/Tides today`);
  for (const page of [ana, bo]) {
    const shown = card(page, "Tides");
    await expect(shown.getByRole("link", { name: "Tides" })).toHaveAttribute("href", `${site}/Tides`);
    await expect(shown).toContainText("Harbour");
    await expect(shown).toContainText("High water at nine.");
    const image = shown.locator("img");
    await expect.poll(() => image.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(64);
    expect(await image.getAttribute("src")).toMatch(/^\/previews\//);
  }
  await expect(saying(bo, "See ").getByRole("button", { name: "edited" })).toHaveCount(0);
  expect(asked.filter((url) => url.startsWith(site))).toEqual([]);
  await isAccessible(ana, "a preview of a link");

  await expect(card(bo, "Tides").getByRole("button")).toHaveCount(0);
  const remove = card(ana, "Tides").getByRole("button", { name: "Remove the preview of “Tides”" });
  await remove.focus();
  await ana.keyboard.press("Enter");
  for (const page of [ana, bo]) await expect(page.locator(".preview")).toHaveCount(0);
  await expect(saying(ana, "See ")).toBeFocused();
  await ana.reload();
  await isIn(ana);
  await expect(saying(ana, "See ")).toBeVisible();
  await expect(ana.locator(".preview")).toHaveCount(0);
});

test("a preview above what is read moves nothing, and the menu removes it", async ({ open }) => {
  const [{ page: ana }, { page: bo }] = await anaAndBo(open);
  await says(ana, "first");
  const seq = await seqOf(ana, "first");
  await saysMany(ana, numbered("line", 40));
  await expect(message(bo, "line 40")).toBeVisible();
  const read = message(bo, "line 3");
  await read.evaluate((row) => row.scrollIntoView({ block: "start" }));
  const top = () => read.evaluate((row) => Math.round(row.getBoundingClientRect().top));
  // The scroll position is kept from the next frame on.
  await bo.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const before = await top();
  const room = new URL(ana.url()).pathname.split("/").at(-1);
  await asks(ana, [{ type: "edit", room, seq, edits: 0, body: `first ${site}/Early` }]);
  await expect(card(bo, "Early")).toHaveCount(1);
  await expect.poll(top).toBe(before);

  await saying(ana, "Early").evaluate((row) => row.scrollIntoView({ block: "center" }));
  await acts(await reaches(ana, saying(ana, "Early")), "Remove link previews");
  await expect(card(bo, "Early")).toHaveCount(0);
  await expect.poll(top).toBe(before);
});

test("a person hides all previews; without script they are there, too", async ({ open }) => {
  const [{ page: ana }] = await anaAndBo(open);
  await says(ana, `${site}/Seen`);
  await expect(card(ana, "Seen")).toBeVisible();
  const room = new URL(ana.url()).pathname;
  await ana.goto("/settings/appearance");
  const choice = ana.getByRole("group", { name: "Link previews" });
  await choice.getByRole("button", { name: "Hidden" }).click();
  await expect(choice.getByRole("button", { name: "Hidden" })).toHaveAttribute("aria-pressed", "true");
  await ana.goto(room);
  await isIn(ana);
  await expect(saying(ana, "Seen")).toBeVisible();
  await expect(card(ana, "Seen")).toBeHidden();
  await ana.goto("/settings/appearance");
  await choice.getByRole("button", { name: "Shown" }).click();
  await expect(choice.getByRole("button", { name: "Shown" })).toHaveAttribute("aria-pressed", "true");

  const bare = await open({ javaScriptEnabled: false, storageState: await ana.context().storageState() });
  await bare.goto(room);
  await expect(card(bare, "Seen").getByRole("link", { name: "Seen" })).toBeVisible();
});
