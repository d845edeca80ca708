// The scroll position of a timeline, checked in every frame just before painting. `two_people_talk.spec.ts` tests that it starts
// in the right place and returns to it.
import type { Page } from "@playwright/test";

import { composer, expect, isIn, message, numbered, opens, says, saysMany, sees, signUp, test, writesTo, type Person } from "../fixtures";

/** Records a position in every frame. */
async function watches(page: Page, what: { row: string } | "end") {
  await page.evaluate((what) => {
    const log = document.querySelector("[role=log]")!;
    // A row that changes is replaced, and may lose its name above the text.
    const row = () => document.querySelector(`[data-seq="${what === "end" ? "" : what.row}"] .text`)!.getBoundingClientRect().top;
    const end = () => [...log.querySelectorAll("article")].at(-1)!.getBoundingClientRect().bottom - log.getBoundingClientRect().bottom;
    const seen: number[] = [];
    const spot = document.body.appendChild(document.createElement("div"));
    Object.assign(spot.style, { position: "fixed", height: "0" });
    // Observers run in the order of their creation, so the timeline has already adjusted its scroll position.
    const observer = new ResizeObserver(() => seen.push(what === "end" ? end() : row()));
    observer.observe(spot);
    const frame = () => {
      if (!spot.isConnected) return observer.disconnect();
      spot.style.width = spot.style.width === "1px" ? "2px" : "1px";
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    Object.assign(window, { seen, stopWatching: () => spot.remove() });
  }, what);
  // Returns the largest distance from the initial position.
  return async () => {
    await page.waitForTimeout(300);
    const seen = await page.evaluate(() => {
      const { seen, stopWatching } = window as unknown as { seen: number[]; stopWatching(): void };
      stopWatching();
      return seen;
    });
    expect(seen.length, "frames").toBeGreaterThan(10);
    return Math.max(...seen.map((place) => Math.abs(place - seen[0])));
  };
}

const scrollsTo = (page: Page, to: number) => page.getByRole("log").evaluate((log, to) => void (log.scrollTop = log.scrollHeight * to), to);
const distance = (page: Page) => page.getByRole("log").evaluate((log) => Math.round(log.scrollHeight - log.clientHeight - log.scrollTop));

/** The number of the second message that begins on screen. */
const topRow = (page: Page) =>
  page.getByRole("log").evaluate((log) => {
    const upper = log.getBoundingClientRect().top;
    return [...log.querySelectorAll("article")].filter((row) => row.getBoundingClientRect().top >= upper)[1].getAttribute("data-seq")!;
  });

/** Two people, and a room of 160 messages that Bo has read. */
async function longRoom(open: () => Promise<Page>): Promise<[Person, Person]> {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  // Some are taller than others.
  const [first, ...others] = numbered("line", 160).map((text, n) => (n % 7 !== 3 ? text : `${text} ${"and more of it ".repeat(n % 20)}`));
  await says(ana.page, first);
  await opens(bo.page, ana.name);
  await saysMany(ana.page, others);
  await sees(bo.page, others.at(-1)!);
  await expect(message(ana.page, others.at(-1)!).getByRole("img", { name: "Read" })).toBeVisible();
  // Only the newest messages are loaded now.
  await bo.page.reload();
  await isIn(bo.page);
  await sees(bo.page, others.at(-1)!);
  return [ana, bo];
}

test("visible messages stay in place while others arrive below", async ({ open }) => {
  const [ana, bo] = await longRoom(open);
  await scrollsTo(bo.page, 0.5);
  await bo.page.waitForTimeout(300);
  const moved = await watches(bo.page, { row: await topRow(bo.page) });
  await saysMany(ana.page, numbered("below", 20));
  await expect(message(bo.page, "below 20")).toHaveCount(1);
  expect(await moved()).toBeLessThanOrEqual(1);
});

test("visible messages stay in place while older ones load above", async ({ open }) => {
  const [, bo] = await longRoom(open);
  const rows = bo.page.getByRole("log").getByRole("article");
  expect(await rows.count()).toBeLessThan(120);
  for (let loads = 0; loads < 2; loads++) {
    const before = await rows.count();
    await scrollsTo(bo.page, 0);
    const moved = await watches(bo.page, { row: await topRow(bo.page) });
    await expect.poll(() => rows.count()).toBeGreaterThan(before);
    expect(await moved()).toBeLessThanOrEqual(1);
  }
});

test("a timeline at its end follows new messages", async ({ open }) => {
  const [ana, bo] = await longRoom(open);
  await scrollsTo(bo.page, 1);
  await expect.poll(() => distance(bo.page)).toBeLessThanOrEqual(1);
  const moved = await watches(bo.page, "end");
  await saysMany(ana.page, numbered("newer", 20));
  await sees(bo.page, "newer 20");
  // The composer grows by more than the tolerance for being at the end, then shrinks again.
  await composer(bo.page).fill(numbered("a line of mine", 6).join("\n"));
  await bo.page.waitForTimeout(200);
  await saysMany(ana.page, ["meanwhile"]);
  await sees(bo.page, "meanwhile");
  await composer(bo.page).fill("");
  await bo.page.waitForTimeout(200);
  await says(bo.page, "mine");
  await bo.page.setViewportSize({ width: 900, height: 420 });
  await bo.page.waitForTimeout(200);
  await bo.page.setViewportSize({ width: 1280, height: 720 });
  expect(await moved()).toBeLessThanOrEqual(1);
});

test("few messages are aligned to the bottom, and new ones are followed", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  await says(ana.page, "the first");
  await opens(bo.page, ana.name);
  await sees(bo.page, "the first");
  const moved = await watches(bo.page, "end");
  await saysMany(ana.page, numbered("another", 30));
  await sees(bo.page, "another 30");
  expect(await moved()).toBeLessThanOrEqual(1);
  const [row, log] = await Promise.all([message(bo.page, "another 30").boundingBox(), bo.page.getByRole("log").boundingBox()]);
  expect(log!.y + log!.height - row!.y - row!.height).toBeLessThanOrEqual(30);
});
