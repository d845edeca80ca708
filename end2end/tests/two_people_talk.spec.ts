// The story of the whole program: two people, on two servers, talk.
import { expect, isIn, isOpen, message, nodeOf, numbered, onNode, opens, roomLink, rooms, says, saysMany, sees, seesInOrder, signIn, signUp, test, texts, writesTo } from "../fixtures";

test("two people on two servers talk, both ways", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await onNode(ana.page, 1);
  await onNode(bo.page, 0);
  expect(await nodeOf(ana.page)).toBe("e2e-2");
  expect(await nodeOf(bo.page)).toBe("e2e-1");

  await test.step("the room appears in the other's list, unread", async () => {
    await writesTo(ana.page, bo);
    for (const text of ["Are you there?", "The boat is in.", "Bring the long rope."]) await says(ana.page, text);
    await expect(roomLink(bo.page, ana.name).getByRole("img", { name: "3 unread" })).toBeVisible();
    await expect(bo.page).toHaveTitle(/^\(3\) /);
  });

  await test.step("delivered while the other person is in another room, read once they open it", async () => {
    const last = message(ana.page, "Bring the long rope.");
    await expect(last.getByRole("img", { name: "Delivered" })).toBeVisible();
    await opens(bo.page, ana.name);
    await sees(bo.page, "Bring the long rope.");
    await expect(last.getByRole("img", { name: "Read" })).toBeVisible();
    await last.getByRole("button").click();
    await expect(ana.page.getByRole("article").getByRole("status")).toHaveText("Read by Bo Lindqvist");
    await expect(roomLink(bo.page, ana.name).getByRole("img")).toHaveCount(0);
    await expect(bo.page).toHaveTitle(/^Ana Benítez · /);
  });

  const turns = numbered("turn", 10);
  await test.step("ten messages, taking turns, in one order for both", async () => {
    for (const [n, text] of turns.entries()) {
      const [from, to] = n % 2 ? [bo.page, ana.page] : [ana.page, bo.page];
      await says(from, text);
      await sees(to, text);
    }
    for (const page of [ana.page, bo.page]) await seesInOrder(page, "turn ", turns);
  });

  await test.step("a reload keeps everything", async () => {
    await ana.page.reload();
    await isIn(ana.page);
    await isOpen(ana.page, bo.name);
    await seesInOrder(ana.page, "turn ", turns);
    await sees(ana.page, "turn 10");
  });

  await test.step("a second device has the same messages, and the first sees what it sends", async () => {
    const second = await open();
    await signIn(second, ana);
    await opens(second, bo.name);
    await seesInOrder(second, "turn ", turns);
    await says(second, "From the other device.");
    await sees(ana.page, "From the other device.");
    await sees(bo.page, "From the other device.");
  });
  expect(await nodeOf(bo.page)).toBe("e2e-1");
});

test("both write at once, and both see one order", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  await writesTo(ana.page, bo);
  await says(ana.page, "shall we?");
  await opens(bo.page, ana.name);
  const write = async (page: typeof ana.page, who: string) => {
    for (const text of numbered(`both ${who}`, 10)) await says(page, text);
  };
  await Promise.all([write(ana.page, "ana"), write(bo.page, "bo")]);
  // Unsent messages are shown below all others. Only stored ones are in their final order.
  const stored = (page: typeof ana.page) => page.getByRole("article").and(page.locator("[data-seq]")).filter({ hasText: "both " });
  for (const page of [ana.page, bo.page]) await expect(stored(page)).toHaveCount(20);
  const order = await texts(ana.page, "both ");
  expect(await texts(bo.page, "both ")).toEqual(order);
  for (const who of ["ana", "bo"]) {
    const own = order.filter((text) => text.startsWith(`both ${who}`));
    expect(own).toEqual(numbered(`both ${who}`, 10));
  }
});

test("reading back through 120 messages keeps the place", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  const [first, ...others] = numbered("line", 120);
  await says(ana.page, first);
  await opens(bo.page, ana.name);
  await saysMany(ana.page, others);
  await sees(bo.page, "line 120");
  await expect(message(ana.page, "line 120").getByRole("img", { name: "Read" })).toBeVisible();
  // Only the newest messages are loaded now.
  await bo.page.reload();
  await isIn(bo.page);
  await sees(bo.page, "line 120");
  await expect(message(bo.page, "line 1")).toHaveCount(0);

  const log = bo.page.getByRole("log");
  const count = () => log.getByRole("article").count();
  const topOf = (text: string) => message(bo.page, text).evaluate((row) => row.getBoundingClientRect().top);
  // Up to the oldest message, one page at a time; whenever older messages load, what is on screen stays in place.
  let loads = 0;
  for (;;) {
    // In a single call, so that nothing loads in between.
    const seen = await log.evaluate((box) => {
      const rows = [...box.querySelectorAll("article")];
      const textOf = (row: Element) => /line \d+/.exec(row.textContent ?? "")![0];
      if (textOf(rows[0]) === "line 1") return null;
      box.scrollTop = 0;
      const upper = box.getBoundingClientRect().top;
      // Not the very first one: it loses its name when a message of the same author appears above it.
      const row = rows.filter((row) => row.getBoundingClientRect().top >= upper)[1];
      return { text: textOf(row), top: row.getBoundingClientRect().top, before: rows.length };
    });
    if (!seen) break;
    const { text, top, before } = seen;
    await expect.poll(count).toBeGreaterThan(before);
    await expect.poll(() => topOf(text)).toBeGreaterThan(top - 2);
    expect(Math.abs((await topOf(text)) - top)).toBeLessThanOrEqual(2);
    loads++;
  }
  expect(loads).toBeGreaterThan(0);

  // Messages that arrive meanwhile do not move the page either, and a button leads down.
  const top = await topOf("line 5");
  await says(ana.page, "line 121");
  const down = bo.page.getByRole("button", { name: "1 new message" });
  await expect(down).toBeVisible();
  expect(Math.abs((await topOf("line 5")) - top)).toBeLessThanOrEqual(2);
  await down.click();
  await sees(bo.page, "line 121");
  await expect(down).toBeHidden();
});

// The button asks for the newest messages, and scrolling to the end asks for those that follow: either answer may come first.
for (const late of ["view", "page"]) {
  test(`the button leads to the newest message, also when the ${late} comes late`, async ({ open }) => {
    const ana = await signUp(await open());
    const bo = await signUp(await open());
    await bo.page.routeWebSocket(/\/socket$/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((text) => {
        const isLate = JSON.parse(String(text)).reply?.type === late;
        setTimeout(() => socket.send(text), isLate ? 400 : 0);
      });
    });
    await bo.page.reload();
    await isIn(bo.page);
    await writesTo(ana.page, bo);
    await saysMany(ana.page, numbered("while away", 120));
    await expect(roomLink(bo.page, ana.name).getByRole("img", { name: "99+ unread" })).toBeVisible();
    await opens(bo.page, ana.name);
    await sees(bo.page, "while away 1");
    await bo.page.getByRole("button", { name: /^99\+ new messages$/ }).click();
    await sees(bo.page, "while away 120");
    await expect(roomLink(bo.page, ana.name).getByRole("img")).toHaveCount(0);
    // It stays there when the late one has come.
    await bo.page.waitForTimeout(600);
    await sees(bo.page, "while away 120");
  });
}

test("a long absence: the room opens at the first new message, and buttons lead down and back", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  await saysMany(ana.page, numbered("while away", 120));
  await expect(roomLink(bo.page, ana.name).getByRole("img", { name: "99+ unread" })).toBeVisible();
  await expect(bo.page).toHaveTitle(/^\(99\+\) /);

  const line = bo.page.getByRole("separator").filter({ hasText: "New" });
  const [down, up] = [/^99\+ new messages$/, "Jump to first unread"].map((name) => bo.page.getByRole("button", { name }));
  await opens(bo.page, ana.name);
  await sees(bo.page, "while away 1");
  await expect(line).toBeInViewport();
  await expect(up).toBeHidden();

  await down.click();
  await sees(bo.page, "while away 120");
  await expect(down).toBeHidden();
  await expect(roomLink(bo.page, ana.name).getByRole("img")).toHaveCount(0);
  await expect(message(ana.page, "while away 120").getByRole("img", { name: "Read" })).toBeVisible();

  await up.click();
  await sees(bo.page, "while away 1");
  await expect(line).toBeInViewport();
  await expect(up).toBeHidden();
  // From there on, everything is there without gaps.
  for (let seen = ""; seen !== "while away 120"; ) {
    seen = (await texts(bo.page, "while away")).at(-1)!;
    await message(bo.page, seen).scrollIntoViewIfNeeded();
  }
  await seesInOrder(bo.page, "while away", numbered("while away", 120));

  // The same for a page load.
  await says(bo.page, "read on");
  await opens(bo.page, "#general");
  await saysMany(ana.page, numbered("again", 80));
  const address = ana.page.url();
  // The server renders it there already, so nothing moves on hydration.
  await bo.page.addInitScript(() => {
    const top = () => document.querySelector("[data-key=unread]")?.getBoundingClientRect().top;
    document.addEventListener("DOMContentLoaded", () => Object.assign(window, { drawnAt: top(), unreadTop: top }));
  });
  await bo.page.goto(address);
  await isIn(bo.page);
  await sees(bo.page, "again 1");
  await expect(line).toBeInViewport();
  const [drawn, now] = await bo.page.evaluate(() => {
    const { drawnAt, unreadTop } = window as unknown as { drawnAt?: number; unreadTop(): number };
    return [drawnAt, unreadTop()];
  });
  expect(drawn, "the line of unread messages was not in the HTML").toBeDefined();
  expect(Math.abs(now! - drawn!), `drawn at ${drawn}, now at ${now}`).toBeLessThanOrEqual(1);
});

test("switching to a room also loads older messages above the first unread one", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await writesTo(ana.page, bo);
  await writesTo(bo.page, ana);
  await saysMany(ana.page, numbered("read", 80));
  await sees(bo.page, "read 80");
  await expect(roomLink(bo.page, ana.name).getByRole("img", { name: /unread/ })).toHaveCount(0);
  await opens(bo.page, "#general");
  await saysMany(ana.page, numbered("unread", 120));
  await expect(roomLink(bo.page, ana.name).getByRole("img", { name: "99+ unread" })).toBeVisible();
  await opens(bo.page, ana.name);
  await sees(bo.page, "unread 1");
  // They load without scrolling.
  await expect(message(bo.page, "read 80")).toHaveCount(1);
});

test("a separator marks where unread messages begin", async ({ open }) => {
  const ana = await signUp(await open());
  const bo = await signUp(await open());
  await writesTo(ana.page, bo);
  await says(ana.page, "seen before");
  await opens(bo.page, ana.name);
  await sees(bo.page, "seen before");
  await expect(message(ana.page, "seen before").getByRole("img", { name: "Read" })).toBeVisible();
  await opens(bo.page, "#general");
  await says(ana.page, "not seen yet");
  await expect(roomLink(bo.page, ana.name).getByRole("img", { name: "1 unread" })).toBeVisible();
  // The most recently active room comes first.
  await expect(rooms(bo.page).getByRole("listitem").first()).toContainText(ana.name);
  await opens(bo.page, ana.name);
  await expect(bo.page.getByRole("separator").filter({ hasText: "New" })).toBeVisible();
  await sees(bo.page, "not seen yet");
});
