// What a screen reader is told: the tree of a room, of a thread and of the emoji picker, in full, so that no part of it changes unseen.
import { acts, anaAndBo, asks, composer, expect, log, message, reaches, says, sees, seqOf, signUp, test } from "../fixtures";

test("a room and a thread", async ({ open }) => {
  const [ana, bo] = await anaAndBo(open);
  await says(ana.page, "High water is at **nine**.");
  await sees(bo.page, "High water is at nine.");
  const seq = await seqOf(bo.page, "High water is at nine.");
  await acts(await reaches(bo.page, "High water is at nine."), "Reply");
  await says(bo.page, "Then I bring the long rope.");
  await sees(ana.page, "Then I bring the long rope.");
  await says(ana.page, "- fenders\n- [ ] anchor\n\n```rust\nlet boat = moor();\n```");
  const room = new URL(bo.page.url()).pathname.split("/")[2];
  await asks(bo.page, [
    { type: "react", room, seq, emoji: "👍", on: true },
    { type: "send", room, nonce: crypto.randomUUID(), body: "Who rows?", thread: seq },
  ]);
  await expect(log(ana.page).getByRole("link", { name: /^1 reply/ })).toBeVisible();
  await expect(message(ana.page, "fenders").getByRole("img", { name: "Read" })).toBeVisible();
  await composer(ana.page).focus();
  // The message below the pointer would have its tools.
  await ana.page.mouse.move(0, 0);
  await expect(ana.page.getByRole("main")).toMatchAriaSnapshot({ name: "room.aria.yml" });

  await log(ana.page).getByRole("link", { name: /^1 reply/ }).click();
  const thread = ana.page.getByRole("complementary", { name: "Thread" });
  await expect(thread.getByText("Who rows?")).toBeVisible();
  await ana.page.mouse.move(0, 0);
  await expect(thread).toMatchAriaSnapshot({ name: "thread.aria.yml" });
});

test("the emoji picker", async ({ open }) => {
  const { page } = await signUp(await open());
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  const picker = page.getByRole("dialog", { name: "Emoji" });
  await picker.getByRole("searchbox").fill("sailboat");
  await expect(picker.getByRole("gridcell").first()).toBeVisible();
  await expect(picker).toMatchAriaSnapshot({ name: "emoji.aria.yml" });
});
