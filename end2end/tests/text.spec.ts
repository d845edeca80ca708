// Texts in any script, from any clipboard, in any time zone.
import {
  anotherTab, asks, composer, expect, isIn, makesRoom, message, opens, roomLink, says, sees, signIn, signUp, test, unique, writesTo,
} from "../fixtures";

test("each line and each name has its own text direction", async ({ open }) => {
  const ana = await signUp(await open(), { name: "אנה" });
  const channel = unique("שיחה");
  await makesRoom(ana.page, "Group", channel);
  await composer(ana.page).fill("שלום world!");
  await expect(composer(ana.page)).toHaveCSS("direction", "rtl");
  await composer(ana.page).fill("world שלום!");
  await expect(composer(ana.page)).toHaveCSS("direction", "ltr");
  await asks(ana.page, [{ type: "send", room: ana.page.url().split("/").at(-1), nonce: crypto.randomUUID(), body: "שלום world!\nand back" }]);

  const row = ana.page.getByRole("article").filter({ hasText: "and back" });
  await expect(row.locator(".text")).toHaveCSS("direction", "rtl");
  for (const named of [row.getByText("אנה"), ana.page.getByRole("heading", { level: 1 })]) await expect(named).toHaveCSS("direction", "rtl");
  // Each line is aligned to its own side.
  const sides = await row.locator(".text").evaluate((text) => {
    const range = document.createRange();
    const node = [...text.childNodes].find((child) => child.textContent?.includes("back"))!;
    const at = node.textContent!.indexOf("\n");
    const box = text.getBoundingClientRect();
    const edge = (from: number, to: number) => {
      range.setStart(node, from);
      range.setEnd(node, to);
      const { left, right } = range.getBoundingClientRect();
      return [left - box.left, box.right - right];
    };
    return [edge(0, at), edge(at + 1, node.textContent!.length)];
  });
  expect(sides[0][1], "the Hebrew line begins at the right").toBeLessThan(2);
  expect(sides[1][0], "the English line begins at the left").toBeLessThan(2);
});

test("people with the same name are distinguished by their handles", async ({ open }) => {
  const name = unique("Ana Ruiz");
  const [ana, other] = [await signUp(await open(), { name }), await signUp(await open(), { name: name.toUpperCase() })];
  await writesTo(ana.page, other);
  await says(ana.page, "I am the one.");
  await expect(ana.page.getByRole("article").getByText(`@${ana.handle}`)).toHaveCount(0);
  await opens(other.page, name);
  await says(other.page, "And I the other.");
  for (const { page } of [ana, other]) {
    for (const { handle } of [ana, other]) await expect(page.getByRole("article").getByText(`@${handle}`, { exact: true })).toBeVisible();
  }
  await ana.page.reload();
  await isIn(ana.page);
  await expect(ana.page.getByRole("article").getByText(`@${other.handle}`, { exact: true })).toBeVisible();
});

test("a name that imitates another is refused, with the reason", async ({ open, expected }) => {
  expected(/status of 422/);
  const page = await open();
  await page.goto("/sign-up");
  for (const name of ["Ana \u202Eziur", "\u2800", "Аna"]) {
    await page.getByRole("textbox", { name: "Name" }).fill(name);
    await page.getByRole("textbox", { name: "Handle" }).fill(unique("user"));
    await page.getByLabel("Password").fill("four small wooden boats");
    await page.getByRole("button", { name: "Create account" }).click();
    await expect(page.getByRole("textbox", { name: "Name" })).toHaveAttribute("aria-invalid", "true");
  }
});

test("text pasted from a terminal is cleaned, not refused", async ({ open }) => {
  const { page } = await signUp(await open());
  await makesRoom(page, "Group", unique("paste"));
  await asks(page, [{ type: "send", room: page.url().split("/").at(-1), nonce: crypto.randomUUID(), body: "one\rtwo\u001b[0m\u0000" }]);
  await expect(page.getByRole("article").filter({ hasText: "one" }).locator(".text")).toContainText("one\ntwo[0m", { useInnerText: true });
});

test("message times are in the local time zone, in winter and in summer", async ({ open }) => {
  const person = await signUp(await open({ timezoneId: "America/New_York" }));
  const { page } = person;
  await makesRoom(page, "Group", unique("zone"));
  await says(page, "When was that?");
  const time = message(page, "When was that?").locator("time");
  const at = new Date((await time.getAttribute("datetime"))!);
  expect(Math.abs(at.getTime() - Date.now())).toBeLessThan(120_000);
  const shown = (timeZone: string) => at.toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
  await expect(time).toHaveText(shown("America/New_York"));
  await expect(time).toHaveAttribute("title", new RegExp(shown("America/New_York")));
  await page.reload();
  await isIn(page);
  // As rendered by the server, which by now knows the time zone.
  const html = await (await page.request.get(page.url())).text();
  expect(html).toMatch(new RegExp(`>${shown("America/New_York")}(<!>)?</time>`));

  const tokyo = await open({ timezoneId: "Asia/Tokyo" });
  await signIn(tokyo, person);
  await tokyo.goto(page.url());
  await isIn(tokyo);
  await expect(message(tokyo, "When was that?").locator("time")).toHaveText(shown("Asia/Tokyo"));
});

test("a draft is the same in two tabs, and gone from both once it is sent", async ({ open }) => {
  const { page } = await signUp(await open());
  const room = unique("tabs");
  await makesRoom(page, "Group", room);
  const tab = await anotherTab(page);
  await tab.goto(page.url());
  await isIn(tab);
  await composer(page).fill("half a sen");
  await expect(composer(tab)).toHaveValue("half a sen");
  await composer(tab).fill("half a sentence");
  await expect(composer(page)).toHaveValue("half a sentence");
  await composer(page).press("Enter");
  await expect(composer(page)).toHaveValue("");
  await expect(composer(tab)).toHaveValue("");
  await sees(tab, "half a sentence");
  await tab.reload();
  await isIn(tab);
  await expect(composer(tab)).toHaveValue("");
  await expect(message(tab, "half a sentence")).toHaveCount(1);
});

test("repeated messages are announced twice, and three at once are all announced", async ({ open }) => {
  const [ana, bo] = [await signUp(await open(), { name: "Ana" }), await signUp(await open(), { name: "Bo" })];
  await writesTo(ana.page, bo);
  await says(ana.page, "A beginning.");
  await opens(bo.page, "Ana");
  const heard = bo.page.locator('[aria-live="polite"][aria-atomic="false"] > p');
  await says(ana.page, "ok");
  await says(ana.page, "ok");
  await expect(heard.filter({ hasText: /: ok$/ })).toHaveCount(2);
  const send = (body: string) => ({ type: "send", room: ana.page.url().split("/").at(-1), nonce: crypto.randomUUID(), body });
  await asks(ana.page, ["one", "two", "three"].map(send), 16);
  for (const text of ["one", "two", "three"]) await expect(heard.filter({ hasText: `: ${text}` })).toHaveCount(1);
});

test("reactions that look alike are counted together", async ({ open }) => {
  const [ana, bo] = [await signUp(await open()), await signUp(await open())];
  await writesTo(ana.page, bo);
  await says(ana.page, "Shall we?");
  await opens(bo.page, ana.name);
  const room = ana.page.url().split("/").at(-1);
  const seq = Number(await message(bo.page, "Shall we?").getAttribute("data-seq"));
  await asks(ana.page, [{ type: "react", room, seq, emoji: "👍", on: true }]);
  await asks(bo.page, [{ type: "react", room, seq, emoji: "👍\uFE0F", on: true }]);
  await expect(ana.page.getByRole("button", { name: "👍, 2 people" })).toBeVisible();
});

test("a translator that wraps our text nodes does not freeze the page", async ({ open }) => {
  const [ana, bo] = [await signUp(await open(), { name: unique("Ana") }), await signUp(await open(), { name: unique("Bo") })];
  await writesTo(ana.page, bo);
  await says(ana.page, "Good evening.");
  await opens(bo.page, ana.name);
  // Like browser translators: they wrap text nodes in their own elements, unless it is forbidden.
  await bo.page.evaluate(() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const nodes: Text[] = [];
    while (texts.nextNode()) nodes.push(texts.currentNode as Text);
    for (const node of nodes) {
      const parent = node.parentElement!;
      if (!node.data.trim() || parent.closest("[translate]")?.getAttribute("translate") === "no") continue;
      const font = document.createElement("font");
      font.textContent = `«${node.data}»`;
      parent.replaceChild(font, node);
    }
  });
  await expect(bo.page.getByText("«Good evening.»")).toBeVisible();
  await says(ana.page, "And good night.");
  await sees(bo.page, "And good night.");
  await expect(roomLink(bo.page, ana.name)).toContainText("And good night.");
});
