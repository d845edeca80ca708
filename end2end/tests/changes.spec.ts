// Messages that change: others' edits, deletions and reactions appear at once, and reacting takes one click.
import { asks, expect, isIn, message, says, sees, seqOf, signUp, test, writesTo } from "../fixtures";

test("edits, deletions and reactions appear, and a click adds the same reaction", async ({ open }) => {
  const person = await signUp(await open(), { name: "Ana Benítez" });
  const [ana, bea] = [person.page, (await signUp(await open(), { name: "王小明" })).page];
  await writesTo(bea, person);
  await ana.goto(bea.url());
  await isIn(ana);
  const room = bea.url().split("/").at(-1)!;
  for (const text of ["Lunch at nnon?", "What nobody should read", "Boats are back"]) {
    await says(bea, text);
    await sees(ana, text);
  }
  const [edited, deleted, liked] = await Promise.all(
    ["Lunch at nnon?", "What nobody should read", "Boats are back"].map((text) => seqOf(ana, text)),
  );
  await asks(bea, [
    { type: "edit", room, seq: edited, edits: 0, body: "Lunch at noon?" },
    { type: "delete", room, seq: deleted },
    { type: "react", room, seq: liked, emoji: "🎉", on: true },
  ]);

  const row = (seq: number) => ana.locator(`article[data-seq="${seq}"]`);
  await expect(row(edited)).toContainText("Lunch at noon?");
  await expect(row(edited)).toContainText("edited");
  await expect(row(deleted)).toContainText("This message was deleted.");
  await expect(ana.getByText("What nobody should read")).toHaveCount(0);

  const chip = row(liked).getByRole("button", { name: /^🎉/ });
  await expect(chip).toHaveAccessibleName("🎉, 1 person");
  await expect(chip).toHaveAttribute("aria-pressed", "false");
  await chip.click();
  await expect(chip).toHaveAccessibleName("🎉, 2 people");
  await expect(chip).toHaveAttribute("aria-pressed", "true");
  await expect(bea.locator(`article[data-seq="${liked}"]`).getByRole("button", { name: /^🎉/ })).toHaveAccessibleName(
    "🎉, 2 people",
  );
  await chip.click();
  await expect(chip).toHaveAccessibleName("🎉, 1 person");

  // The server does not render deleted text either.
  await ana.reload();
  await expect(row(edited)).toContainText("Lunch at noon?");
  expect(await ana.content()).not.toContain("What nobody should read");
});
