// Extreme texts: too long, very wide, and in every script.
import { composer, expect, makesRoom, message, says, sees, signUp, test, unique } from "../fixtures";

test("4,000 characters are accepted; one more is refused with an explanation", async ({ open }) => {
  const { page } = await signUp(await open());
  await makesRoom(page, "Group", unique("long"));
  const note = page.getByRole("status").filter({ hasText: /characters? too many|left|at most/ });

  // Neither bytes nor UTF-16 units: a ship is one character.
  const most = "🚢".repeat(4_000);
  await composer(page).fill(`${most}🚢`);
  await expect(composer(page)).toHaveAccessibleDescription("1 character too many. Shorten it, or send it in parts.");
  await composer(page).press("Enter");
  await expect(note).toBeVisible();
  await expect(composer(page)).toHaveValue(`${most}🚢`);
  await expect(page.getByRole("log").getByRole("article")).toHaveCount(0);

  await composer(page).fill(most);
  await expect(composer(page)).toHaveAccessibleDescription("0 left");
  await composer(page).press("Enter");
  await expect(composer(page)).toHaveValue("");
  await expect(page.getByRole("log").getByRole("article")).toHaveCount(1);
  await expect(page.getByRole("log").getByRole("img", { name: "Sent" })).toBeVisible();
});

test("a message of only spaces is not sent", async ({ open }) => {
  const { page } = await signUp(await open());
  await makesRoom(page, "Group", unique("empty"));
  await composer(page).fill("  \n ");
  await composer(page).press("Enter");
  await says(page, "something");
  await expect(page.getByRole("log").getByRole("article")).toHaveCount(1);
});

test("wide content stays in the column, and HTML is shown as text", async ({ open }) => {
  const { page } = await signUp(await open());
  await makesRoom(page, "Group", unique("wide"));
  const wide = [
    `https://org.example/${"a-long-way/".repeat(60)}?q=${"x".repeat(200)}`,
    `fn main() { ${"let_a_very_long_name_be_".repeat(40)}(); }`,
    "x".repeat(2_000),
    "船到了把长绳带来".repeat(100),
    "🚢🌊🏳️‍🌈👩‍👩‍👧‍👦".repeat(40),
    "مرحبا بالعالم ".repeat(40).trim(),
    "<script>document.title = 'broken'</script><img src=x onerror=alert(1)><b>bold</b>",
  ];
  for (const text of wide) await says(page, text);
  const log = page.getByRole("log");
  await expect(log.getByRole("article")).toHaveCount(wide.length);
  await expect(page).not.toHaveTitle("broken");
  await sees(page, wide.at(-1)!);
  await expect(log.getByRole("link")).toHaveCount(1);
  await expect(log.getByRole("link")).toHaveAttribute("href", wide[0]);

  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate(() => document.scrollingElement!.scrollWidth)).toBeLessThanOrEqual(width);
    expect(await log.evaluate((box) => box.scrollWidth <= box.clientWidth)).toBe(true);
  }
});

test("line breaks are preserved", async ({ open }) => {
  const { page } = await signUp(await open());
  await makesRoom(page, "Group", unique("lines"));
  await composer(page).fill("first\n\n  indented\nlast");
  await composer(page).press("Enter");
  const text = page.getByRole("article").filter({ hasText: "indented" }).locator(".text");
  await expect.poll(() => text.innerText()).toContain("first\n\n  indented\nlast");
  await expect(message(page, "first indented last")).toHaveCount(1);
});
