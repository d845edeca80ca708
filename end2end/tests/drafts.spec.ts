// Drafts on the person's line: begun on one device, gone on with on another.
import {
  anaAndBo, composer, draftsAreStored, expect, isIn, Line, makesRoom, onNode, opens, reaches, roomLink, says, sees, signIn, signUp, test,
  unique, type Person,
} from "../fixtures";

type Page = Person["page"];

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
const replyBox = (page: Page) => page.getByRole("textbox", { name: "Reply in this thread" });

/** The person on another device, which is connected to the other server, in the same room. */
async function device(page: Page, ana: Person): Promise<Page> {
  await signIn(page, ana);
  await page.goto(ana.page.url());
  await isIn(page);
  return page;
}

async function signsOut(page: Page) {
  await page.goto("/settings/account");
  await page.getByRole("navigation").getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL("/sign-in");
}

test("what one writes on the laptop is on the phone, and gone from both once it is sent", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const [room, elsewhere] = [unique("quay"), unique("yard")];
  await makesRoom(ana.page, "Group", elsewhere);
  await makesRoom(ana.page, "Group", room);
  await onNode(ana.page, 0);
  const other = await device(await open(phone), ana);
  await onNode(other, 1);

  const text = "明天 at nine, by the long\n\n- rope 🪢";
  await composer(ana.page).fill(text);
  await expect(composer(other)).toHaveValue(text);
  await composer(other).fill(`${text}\n- anchor`);
  await expect(composer(ana.page)).toHaveValue(`${text}\n- anchor`);
  // A new device has it, too, and its list says so.
  const third = await device(await open(), ana);
  await expect(composer(third)).toHaveValue(`${text}\n- anchor`);
  await opens(third, elsewhere);
  await expect(roomLink(third, room)).toContainText("Draft:");

  await other.getByRole("button", { name: "Send", exact: true }).click();
  await sees(ana.page, "anchor");
  await expect(composer(other)).toHaveValue("");
  await expect(composer(ana.page)).toHaveValue("");
  await expect(roomLink(third, room)).not.toContainText("Draft:");
  for (const page of [ana.page, other]) {
    await page.reload();
    await isIn(page);
    await expect(composer(page)).toHaveValue("");
  }
});

test("where both devices have written, both texts stay", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  await makesRoom(ana.page, "Group", unique("quay"));
  await composer(ana.page).fill("Shall we");
  const there = await open();
  const line = await Line.of(there);
  const other = await device(there, ana);
  await expect(composer(other)).toHaveValue("Shall we");

  line.cut();
  await expect(other.locator("html")).not.toHaveAttribute("data-link", "live");
  await composer(other).fill("Shall we go by boat?");
  await composer(ana.page).fill("Shall we take the train?");
  // It has reached the server once a new device has it.
  const third = await device(await open(), ana);
  await expect(composer(third)).toHaveValue("Shall we take the train?");
  line.restore();
  const both = "Shall we take the train?\nShall we go by boat?";
  for (const page of [other, ana.page, third]) await expect(composer(page)).toHaveValue(both);
});

test("a thread has a draft of its own, and what a device has sent stays where another one writes on", async ({ open }) => {
  const [ana] = await anaAndBo(open);
  await says(ana.page, "The root");
  const there = await open();
  const line = await Line.of(there);
  const other = await device(there, ana);
  for (const page of [ana.page, other]) {
    await (await reaches(page, "The root")).getByRole("button", { name: "Reply in thread" }).click();
    await expect(replyBox(page)).toBeVisible();
  }
  await replyBox(ana.page).fill("In the thread");
  await expect(replyBox(other)).toHaveValue("In the thread");
  await expect(composer(other)).toHaveValue("");

  line.cut();
  await expect(other.locator("html")).not.toHaveAttribute("data-link", "live");
  await replyBox(other).fill("In the thread, and more");
  await replyBox(ana.page).press("Enter");
  await expect(replyBox(ana.page)).toHaveValue("");
  line.restore();
  await expect(other.locator("html")).toHaveAttribute("data-link", "live");
  await expect(replyBox(ana.page)).toHaveValue("In the thread, and more");
  await expect(replyBox(other)).toHaveValue("In the thread, and more");
});

test("a draft comes back after signing out and in, and nobody else has it", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await composer(ana.page).fill("For later");
  const room = ana.page.url();
  await draftsAreStored(ana.page);
  await signsOut(ana.page);
  await signIn(ana.page, bo);
  await ana.page.goto(room);
  await isIn(ana.page);
  await expect(composer(ana.page)).toHaveValue("");
  await signsOut(ana.page);
  await signIn(ana.page, ana);
  await ana.page.goto(room);
  await isIn(ana.page);
  await expect(composer(ana.page)).toHaveValue("For later");
});

test("while an input method composes, its text stays as it is", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  await makesRoom(ana.page, "Group", unique("quay"));
  const other = await device(await open(), ana);
  const cdp = await ana.page.context().newCDPSession(ana.page);
  await composer(ana.page).focus();
  await cdp.send("Input.imeSetComposition", { text: "ming", selectionStart: 4, selectionEnd: 4 });
  await composer(other).fill("from the phone");
  const third = await device(await open(), ana);
  await expect(composer(third)).toHaveValue("from the phone");
  await cdp.send("Input.imeSetComposition", { text: "mingtian", selectionStart: 8, selectionEnd: 8 });
  await expect(composer(ana.page)).toHaveValue("mingtian");
  await cdp.send("Input.insertText", { text: "明天" });
  for (const page of [ana.page, other, third]) await expect(composer(page)).toHaveValue("from the phone\n明天");
});

test("what no server has yet stays in the browser for its author, also after signing out", async ({ open }) => {
  const page = await open();
  const line = await Line.of(page);
  const ana = await signUp(page, { name: "Ana Benítez" });
  await makesRoom(page, "Group", unique("quay"));
  const room = page.url();
  line.cut();
  await expect(page.locator("html")).not.toHaveAttribute("data-link", "live");
  await composer(page).fill("Written 离线");
  await signsOut(page);
  line.restore();
  await signIn(page, ana);
  await page.goto(room);
  await isIn(page);
  await expect(composer(page)).toHaveValue("Written 离线");
  await draftsAreStored(page);
  const other = await device(await open(), ana);
  await expect(composer(other)).toHaveValue("Written 离线");
});
