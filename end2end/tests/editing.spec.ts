// Messages are edited, deleted and reacted to with mouse, keyboard and touch, and no typed text is lost.
import {
  acts, asks, composer, editor, expect, isIn, makesRoom, message, moreOf, onNode, opens, pointsAt, presses, reaches, roomLink, says,
  saysMany, sees, seqOf, signUp, test, unique, writesTo, type Person,
} from "../fixtures";

type Page = Person["page"];
type Open = (options?: object) => Promise<Page>;

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

/** Two people in a room of their own. */
async function two(open: Open, options: object = {}): Promise<[Person, Person]> {
  const ana = await signUp(await open(options), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "王小明" });
  await writesTo(bo.page, ana);
  await ana.page.goto(bo.page.url());
  await isIn(ana.page);
  return [ana, bo];
}

const roomOf = (page: Page) => page.url().split("/").at(-1)!;
/** Sends a message, and waits until it is stored. */
async function stores(page: Page, text: string) {
  await says(page, text);
  await expect(message(page, text).getByRole("img", { name: /^(Sent|Delivered|Read)$/ })).toBeVisible();
}
/** Finds the message whatever its current text is. */
const row = (page: Page, seq: number) => page.locator(`article[data-seq="${seq}"]`);

test("with the pointer, visible to the other person on another server", async ({ open }) => {
  const [ana, bo] = await two(open);
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  for (const text of ["Lunch at nnon?", "What nobody should read", "Boats are back"]) {
    await says(ana.page, text);
    await sees(bo.page, text);
  }
  const { page } = ana;
  const seqs = await Promise.all(["Lunch at nnon?", "What nobody should read", "Boats are back"].map((text) => seqOf(page, text)));
  const [edited, deleted, liked] = seqs;

  await test.step("showing the tools moves nothing", async () => {
    const boxes = () => page.getByRole("article").evaluateAll((rows) => rows.map((row) => JSON.stringify(row.getBoundingClientRect())));
    const before = await boxes();
    await pointsAt(page, row(page, edited));
    expect(await boxes()).toEqual(before);
  });

  await test.step("an edit sets the draft aside", async () => {
    await composer(page).fill("A thought that is not finished");
    await (await pointsAt(page, row(page, edited))).getByRole("button", { name: "Edit" }).click();
    await expect(editor(page)).toBeFocused();
    await expect(editor(page)).toHaveValue("Lunch at nnon?");
    await expect(page.getByRole("button", { name: "Save", exact: true })).toBeVisible();
    await editor(page).fill("Lunch at noon?");
    await page.keyboard.press("Enter");
    await expect(composer(page)).toHaveValue("A thought that is not finished");
    for (const each of [page, bo.page]) await expect(row(each, edited)).toContainText(/Lunch at noon\?\s*edited/);
    await composer(page).fill("");
  });

  await test.step("a deletion asks for confirmation", async () => {
    await acts(await pointsAt(page, row(page, deleted)), "Delete");
    const dialog = page.getByRole("dialog", { name: "Delete message" });
    await expect(dialog).toContainText("What nobody should read");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await expect(row(bo.page, deleted)).toContainText("What nobody should read");
    await acts(await pointsAt(page, row(page, deleted)), "Delete");
    await dialog.getByRole("button", { name: "Delete" }).click();
    for (const each of [page, bo.page]) await expect(row(each, deleted)).toContainText("This message was deleted.");
    // A deleted message has no tools. The other message's tools disappear once the pointer has reached the deleted one.
    await pointsAt(page, row(page, edited));
    await row(page, deleted).hover();
    await expect(page.getByRole("toolbar")).toHaveCount(0);
  });

  await test.step("a reaction is added by both and removed", async () => {
    const tools = await pointsAt(page, row(page, liked));
    await tools.getByRole("button", { name: "React" }).click();
    await tools.getByRole("button", { name: "🎉" }).click();
    // The pointer may now be on another message, which shows its own tools.
    await expect(row(page, liked).getByRole("toolbar")).toHaveCount(0);
    const chip = (of: Page) => row(of, liked).getByRole("button", { name: /^🎉, / });
    await expect(chip(page)).toHaveAttribute("aria-pressed", "true");
    await expect(chip(bo.page)).toHaveAccessibleName("🎉, 1 person");
    await chip(bo.page).click();
    await expect(chip(page)).toHaveAccessibleName("🎉, 2 people");
    const again = await pointsAt(page, row(page, liked));
    await again.getByRole("button", { name: "React" }).click();
    await expect(again.getByRole("button", { name: "🎉" })).toHaveAttribute("aria-pressed", "true");
    await again.getByRole("button", { name: "🎉" }).click();
    await expect(chip(bo.page)).toHaveAccessibleName("🎉, 1 person");
  });

  await test.step("others' messages only allow reactions", async () => {
    const tools = await pointsAt(bo.page, row(bo.page, liked));
    await expect(tools.getByRole("button", { name: "React" })).toBeVisible();
    await expect(tools.getByRole("button", { name: "Edit" })).toHaveCount(0);
    await expect((await moreOf(tools)).getByRole("menuitem", { name: "Delete" })).toHaveCount(0);
    await bo.page.keyboard.press("Escape");
  });
});

test("without a pointer: Up in an empty composer, Esc, and moving through messages", async ({ open }) => {
  const [ana, bo] = await two(open);
  const { page } = ana;
  await says(page, "The first");
  await stores(page, "The secnd");
  await says(bo.page, "An answer");
  await sees(page, "An answer");
  const second = await seqOf(page, "The secnd");
  const answer = await seqOf(page, "An answer");

  await test.step("Up edits the newest own message, only in an empty composer", async () => {
    await composer(page).fill("x");
    await page.keyboard.press("ArrowUp");
    await expect(editor(page)).toHaveCount(0);
    await composer(page).fill("");
    await page.keyboard.press("ArrowUp");
    await expect(editor(page)).toHaveValue("The secnd");
    await expect(editor(page)).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(composer(page)).toHaveValue("");
    await expect(composer(page)).toBeFocused();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Control+a");
    await page.keyboard.type("The second");
    await page.keyboard.press("Enter");
    await expect(composer(page)).toBeFocused();
    await expect(row(bo.page, second)).toContainText(/The second\s*edited/);
  });

  await test.step("back to the messages: a reaction", async () => {
    for (let n = 0; n < 6 && !(await page.evaluate(() => document.activeElement?.closest("[role=log]"))); n++) await page.keyboard.press("Shift+Tab");
    // From the log, or from an element of a row, Up and Down move from row to row.
    await page.keyboard.press("ArrowUp");
    for (let n = 0; n < 4 && !(await row(page, answer).evaluate((row) => row === document.activeElement)); n++) await page.keyboard.press("ArrowDown");
    await expect(row(page, answer)).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(row(page, answer).getByRole("button", { name: "React" })).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("button", { name: "👍" })).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(row(page, answer).getByRole("button", { name: "React" })).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("button", { name: "👍" })).toBeFocused();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(row(bo.page, answer).getByRole("button", { name: "👏, 1 person" })).toBeVisible();
    // The row has been replaced, and still has the focus.
    await expect(row(page, answer)).toBeFocused();
    await bo.page.getByRole("button", { name: "👏, 1 person" }).click();
    await expect(row(page, answer).getByRole("button", { name: "👏, 2 people" })).toBeVisible();
    await expect(row(page, answer)).toBeFocused();
  });

  await test.step("a deletion", async () => {
    await page.keyboard.press("ArrowUp");
    await expect(row(page, second)).toBeFocused();
    await page.keyboard.press("Enter");
    // «More» is the last one, and the arrow key stops there. «Delete» is the last one in its menu.
    const more = row(page, second).getByRole("button", { name: "More", exact: true });
    for (let n = 0; n < 9; n++) await page.keyboard.press("ArrowRight");
    await expect(more).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(row(page, second).getByRole("menuitem").first()).toBeFocused();
    await page.keyboard.press("ArrowUp");
    await expect(row(page, second).getByRole("menuitem", { name: "Delete" })).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(more).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(row(page, second).getByRole("menuitem").first()).toBeFocused();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog").getByRole("button", { name: "Cancel" })).toBeFocused();
    await page.keyboard.press("Escape");
    await expect(row(page, second)).toBeFocused();
    await page.keyboard.press("Enter");
    for (let n = 0; n < 9; n++) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await expect(row(page, second).getByRole("menuitem").first()).toBeFocused();
    await page.keyboard.press("End");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("dialog").getByRole("button", { name: "Cancel" })).toBeFocused();
    await page.keyboard.press("Tab");
    await expect(page.getByRole("dialog").getByRole("button", { name: "Delete" })).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(row(bo.page, second)).toContainText("This message was deleted.");
    await expect(row(page, second)).toBeFocused();
    await expect(page.getByRole("toolbar")).toHaveCount(0);
    await page.keyboard.press("Escape");
    await expect(composer(page)).toBeFocused();
    // Now the previous message is edited.
    await page.keyboard.press("ArrowUp");
    await expect(editor(page)).toHaveValue("The first");
  });
});

test("the Enter of an input method saves nothing", async ({ open }) => {
  const [ana] = await two(open);
  const { page } = ana;
  await stores(page, "船到");
  await page.keyboard.press("ArrowUp");
  await expect(editor(page)).toHaveValue("船到");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Input.imeSetComposition", { text: "了", selectionStart: 1, selectionEnd: 1 });
  await editor(page).evaluate((field) => {
    for (const init of [{ isComposing: true }, { keyCode: 229 }]) {
      for (const key of ["Enter", "Escape"]) field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }));
    }
  });
  await devtools.send("Input.insertText", { text: "了" });
  await expect(editor(page)).toHaveValue("船到了");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("article").filter({ hasText: "船到了" })).toContainText("edited");
});

test("another device edits or deletes the message meanwhile", async ({ open }) => {
  const [ana, bo] = await two(open);
  const { page } = ana;
  await stores(page, "Lunch at nnon?");
  await sees(bo.page, "Lunch at nnon?");
  const seq = await seqOf(page, "Lunch at nnon?");
  const room = roomOf(page);

  await page.keyboard.press("ArrowUp");
  await editor(page).fill("Lunch at noon?");
  await asks(page, [{ type: "edit", room, seq, edits: 0, body: "Lunch at one?" }]);
  const told = page.getByRole("status").filter({ hasText: "Edited elsewhere. It now says:" });
  await expect(told).toBeVisible();
  await expect(editor(page)).toHaveValue("Lunch at noon?");
  await page.keyboard.press("Enter");
  await expect(editor(page)).toHaveAccessibleDescription(/^This message was edited elsewhere\./);
  await expect(editor(page)).toHaveValue("Lunch at noon?");
  await expect(row(bo.page, seq)).toContainText("Lunch at one?");
  await page.keyboard.press("Enter");
  await expect(composer(page)).toHaveValue("");
  await expect(row(bo.page, seq)).toContainText("Lunch at noon?");

  await page.keyboard.press("ArrowUp");
  await editor(page).fill("Lunch at noon, by the crane");
  await asks(page, [{ type: "delete", room, seq }]);
  await expect(page.getByRole("status").filter({ hasText: "Deleted while you were editing. Your text is still here." })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(editor(page)).toHaveAccessibleDescription("This message has been deleted.");
  await page.getByRole("button", { name: "Send as new" }).click();
  await expect(composer(page)).toHaveValue("Lunch at noon, by the crane");
  await expect(composer(page)).toBeFocused();
  await page.keyboard.press("Enter");
  await sees(bo.page, "Lunch at noon, by the crane");
});

test("the composer's limits apply, a blank text offers deletion, and no other edit replaces it", async ({ open }) => {
  const [ana] = await two(open);
  const { page } = ana;
  await says(page, "One");
  await stores(page, "Two");
  await page.keyboard.press("ArrowUp");
  await editor(page).fill("b".repeat(4_001));
  await expect(editor(page)).toHaveAccessibleDescription(/1 character too many/);
  await page.keyboard.press("Enter");
  await expect(editor(page)).toHaveAccessibleDescription(/at most 4000 characters/);
  await expect(editor(page)).toHaveValue("b".repeat(4_001));
  await editor(page).fill("Two and more");
  await (await reaches(page, "One")).getByRole("button", { name: "Edit" }).click();
  await expect(editor(page)).toHaveValue("Two and more");
  await expect(editor(page)).toHaveAccessibleDescription("Save this text first, or cancel editing.");
  await editor(page).fill("");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Delete message" });
  await expect(dialog).toContainText("Two");
  await page.keyboard.press("Escape");
  await expect(editor(page)).toBeFocused();
  await (await reaches(page, "One")).getByRole("button", { name: "Edit" }).click();
  await expect(editor(page)).toHaveValue("One");
  await page.getByRole("button", { name: "Cancel editing" }).click();
  await expect(composer(page)).toHaveValue("");
  await expect(composer(page)).toBeFocused();
});

test("the connection is lost during an edit: the text stays until it is stored", async ({ open, expected }) => {
  expected(/WebSocket connection to .* failed|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|WebSocket is already in CLOSING or CLOSED state/);
  const [ana, bo] = await two(open);
  const { page } = ana;
  await stores(page, "From the ferri");
  await says(bo.page, "Have a good trip");
  await sees(page, "Have a good trip");
  const [own, others] = [await seqOf(page, "From the ferri"), await seqOf(page, "Have a good trip")];
  await page.keyboard.press("ArrowUp");
  await editor(page).fill("From the ferry");
  await page.context().setOffline(true);
  await expect(page.locator("html")).toHaveAttribute("data-link", "away", { timeout: 20_000 });
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: "No connection. Your edit is kept here" })).toBeVisible();
  await expect(editor(page)).toHaveValue("From the ferry");
  // The first undo returns to the text, not out of the editor.
  await page.keyboard.press("Escape");
  await expect(editor(page)).toBeEditable();
  await editor(page).fill("From the ferry.");
  await page.keyboard.press("Enter");
  const tools = await reaches(page, row(page, others));
  await tools.getByRole("button", { name: "React" }).click();
  await tools.getByRole("button", { name: "👍" }).click();
  await expect(row(page, others).getByRole("button", { name: "👍, 1 person" })).toHaveAttribute("aria-pressed", "true");
  await page.context().setOffline(false);
  await isIn(page);
  await expect(composer(page)).toHaveValue("");
  await expect(row(bo.page, own)).toContainText(/From the ferry\.\s*edited/);
  await expect(row(bo.page, others).getByRole("button", { name: "👍, 1 person" })).toBeVisible();
});

test("an edit survives switching rooms and a reload", async ({ open }) => {
  const [ana, bo] = await two(open);
  const { page } = ana;
  await stores(page, "Long rope, twnty metres");
  await composer(page).fill("Something else");
  await (await reaches(page, "Long rope, twnty metres")).getByRole("button", { name: "Edit" }).click();
  await editor(page).fill("Long rope, twenty metres");
  await roomLink(page, "#general").click();
  await expect(composer(page)).toHaveValue("");
  await opens(page, bo.name);
  await expect(editor(page)).toHaveValue("Long rope, twenty metres");
  await page.reload();
  await isIn(page);
  await expect(editor(page)).toHaveValue("Long rope, twenty metres");
  await editor(page).press("Escape");
  await expect(composer(page)).toHaveValue("Something else");
  await page.reload();
  await isIn(page);
  await expect(composer(page)).toHaveValue("Something else");
});

test("owners delete others' messages, and a refusal is shown at its message", async ({ open }) => {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const name = unique("yard");
  await makesRoom(ana.page, "Channel", name);
  const room = roomOf(ana.page);
  await asks(bo.page, [{ type: "join", room }]);
  await bo.page.goto(ana.page.url());
  await isIn(bo.page);
  await says(ana.page, "By the owner");
  await saysMany(bo.page, ["By a member"]);
  await sees(ana.page, "By a member");
  await sees(bo.page, "By the owner");

  await expect((await moreOf(await reaches(bo.page, "By the owner"))).getByRole("menuitem", { name: "Delete" })).toHaveCount(0);
  await bo.page.keyboard.press("Escape");
  const tools = await reaches(ana.page, "By a member");
  await expect(tools.getByRole("button", { name: "Edit" })).toHaveCount(0);
  await acts(tools, "Delete");
  await ana.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(bo.page.getByText("This message was deleted.").first()).toBeVisible();

  const seq = await seqOf(bo.page, "By the owner");
  const many = [..."🍎🍐🍊🍋🍌🍉🍇🍓🫐🍈🍒🍑🥭🍍🥥🥝🍅🍆🥑🥦"];
  await asks(ana.page, many.map((emoji) => ({ type: "react", room, seq, emoji, on: true })));
  await expect(row(bo.page, seq).getByRole("button", { name: /, 1 person$/ })).toHaveCount(many.length);
  const full = await reaches(bo.page, row(bo.page, seq));
  await full.getByRole("button", { name: "React" }).click();
  await full.getByRole("button", { name: "🔥" }).click();
  await expect(row(bo.page, seq).getByRole("alert")).toHaveText("This message has reached its reaction limit.");
  await expect(row(bo.page, seq).getByRole("button", { name: /^🔥/ })).toHaveCount(0);
  await row(bo.page, seq).getByRole("button", { name: "Close" }).click();
  await expect(row(bo.page, seq).getByRole("alert")).toHaveCount(0);
});

test("on a touch screen, a long press opens the sheet, and the button saves an edit", async ({ open }) => {
  const [ana, bo] = await two(open, phone);
  const { page } = ana;
  await says(page, "From a phoen");
  await stores(page, "A second one");
  await says(bo.page, "Seen");
  await sees(page, "Seen");
  const seq = await seqOf(page, "From a phoen");

  await test.step("a tap does nothing", async () => {
    // Beside the name, which opens a profile.
    await message(page, "From a phoen").locator(".text").tap();
    await message(page, "A second one").locator(".text").tap();
    await expect(page.getByRole("toolbar")).toHaveCount(0);
    await expect(page.getByRole("dialog")).toHaveCount(0);
  });

  await test.step("a reaction; touch targets are large enough", async () => {
    const sheet = await presses(page, "A second one");
    const emoji = sheet.getByRole("group", { name: "React" });
    for (const button of await sheet.getByRole("button").all()) {
      const box = (await button.boundingBox())!;
      expect(Math.round(Math.min(box.width, box.height)), await button.innerText()).toBeGreaterThanOrEqual(44);
    }
    await emoji.getByRole("button", { name: "❤️" }).tap();
    await expect(bo.page.getByRole("button", { name: "❤️, 1 person" })).toBeVisible();
    await expect(sheet).toBeHidden();
    await presses(page, "A second one");
    await expect(emoji.getByRole("button", { name: "❤️" })).toHaveAttribute("aria-pressed", "true");
    await emoji.getByRole("button", { name: "❤️" }).tap();
    await expect(bo.page.getByRole("button", { name: "❤️, 1 person" })).toHaveCount(0);
  });

  await test.step("the button saves an edit; Enter breaks the line", async () => {
    await (await presses(page, row(page, seq))).getByRole("button", { name: "Edit" }).tap();
    await expect(page.getByRole("dialog")).toBeHidden();
    await expect(editor(page)).toBeFocused();
    await editor(page).fill("From a phone,");
    await editor(page).press("Enter");
    await editor(page).pressSequentially("two lines");
    await expect(editor(page)).toHaveValue("From a phone,\ntwo lines");
    const [wide, screen] = await page.evaluate(() => [document.scrollingElement!.scrollWidth, window.innerWidth]);
    expect(wide).toBeLessThanOrEqual(screen);
    await page.getByRole("button", { name: "Save" }).tap();
    await expect(bo.page.getByRole("article").filter({ hasText: "From a phone," })).toContainText("two lines");
    await expect(composer(page)).toHaveValue("");
  });
});
