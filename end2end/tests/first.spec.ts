// From an empty workspace to its first messages. These run before every other test, because nobody else may be first.
import { query } from "../cluster";
import {
  PASSWORD, expect, fillSignUp, isAccessible, isIn, makesRoom, message, opens, place, says, sees, signIn, signUp, test, unique,
} from "../fixtures";

test.describe.configure({ mode: "serial" });

let invitation: string;

test("the first person sets up the workspace and writes the first message", async ({ open }) => {
  const page = await open();
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Set up your Roost" })).toBeVisible();
  await expect(page).toHaveURL("/sign-up");
  await isAccessible(page, "the first account");
  await fillSignUp(page, place.admin);
  await expect(page).toHaveURL("/set-up");
  await isAccessible(page, "set-up");
  await page.getByRole("textbox", { name: "Workspace name" }).fill(place.name);
  await page.getByRole("textbox", { name: "First channel" }).fill(place.channel);
  await page.getByRole("button", { name: "Continue" }).click();
  invitation = await page.getByRole("textbox", { name: "Invitations" }).inputValue();
  await isAccessible(page, "set-up, done");
  await page.getByRole("link", { name: `Open ${place.name}` }).click();
  await isIn(page);
  await opens(page, `#${place.channel}`);

  // The server has rendered the first screen with its next steps.
  const steps = page.getByRole("region", { name: "First steps" });
  const html = await (await page.reload())!.text();
  expect(html).toContain("First steps");
  await isIn(page);
  await expect(steps.getByRole("listitem")).toHaveCount(3);
  await expect(steps.getByRole("img", { name: "Done" })).toHaveCount(0);
  await isAccessible(page, "the first steps");
  await steps.getByRole("link", { name: "Invite people" }).click();
  await expect(page).toHaveURL("/admin/invitations");
  await expect(page.getByRole("heading", { name: "Invitations" })).toBeVisible();
  await page.goBack();
  await isIn(page);
  await steps.getByRole("button", { name: "Add a topic" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Topic" }).fill("Everything about the harbour");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(steps.getByRole("img", { name: "Done" })).toHaveCount(1);
  await expect(steps.getByRole("button", { name: "Add a topic" })).toHaveCount(0);
  await steps.getByRole("link", { name: "Say hello" }).click();
  await expect(page.getByRole("textbox", { name: `Message #${place.channel}` })).toBeFocused();
  await says(page, "Welcome to the harbour.");
  await expect(steps.getByRole("img", { name: "Done" })).toHaveCount(2);
  await sees(page, "Welcome to the harbour.");
  await expect(message(page, "Welcome to the harbour.").getByRole("img", { name: "Sent" })).toBeVisible();
});

test("an invited person signs up with the link and writes", async ({ open }) => {
  const page = await open();
  await page.goto(invitation);
  await expect(page.getByRole("heading", { name: "You’ve been invited" })).toBeVisible();
  await fillSignUp(page, { name: "Bo Lindqvist", handle: unique("bo"), password: PASSWORD });
  await isIn(page);
  await expect(page.getByRole("heading", { level: 1, name: `#${place.channel}` })).toBeVisible();
  await expect(page).toHaveTitle(new RegExp(`#${place.channel} · ${place.name}$`));
  await says(page, "Good morning from the invited one.");
  await sees(page, "Good morning from the invited one.");
  await expect(page.getByRole("region", { name: "First steps" })).toHaveCount(0);
});

test("the steps disappear when all are done or hidden, and nobody else sees them", async ({ open }) => {
  const page = await open();
  await signIn(page, place.admin);
  await opens(page, `#${place.channel}`);
  await expect(page.getByText("This is the beginning of")).toBeVisible();
  const steps = page.getByRole("region", { name: "First steps" });
  // Somebody has joined, there is a topic, and the first message is sent.
  await expect(steps).toHaveCount(0);
  query("update rooms set topic = '' where title = 'general'");
  await page.reload();
  await isIn(page);
  await expect(steps.getByRole("img", { name: "Done" })).toHaveCount(2);
  await steps.getByRole("button", { name: "Hide first steps" }).click();
  await expect(steps).toHaveCount(0);
  await expect(page.getByRole("textbox", { name: /^Message/ })).toBeFocused();
  const html = await (await page.reload())!.text();
  expect(html).not.toContain('class="steps"');
  await isIn(page);
  await expect(steps).toHaveCount(0);
});

test("an empty room says what to do next", async ({ open }) => {
  const page = await open();
  await signUp(page);
  await makesRoom(page, "Group", unique("empty"));
  const log = page.getByRole("log");
  await expect(log.getByRole("button", { name: "Add people" })).toBeVisible();
  const html = await (await page.reload())!.text();
  expect(html).toContain("Add a topic");
  await isIn(page);
  await log.getByRole("button", { name: "Add a topic" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Topic" }).fill("Ropes");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await expect(log.getByRole("button", { name: "Add a topic" })).toHaveCount(0);
  await expect(log.getByText("Ropes")).toBeVisible();
  await log.getByRole("button", { name: "Add people" }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  await page.keyboard.press("Escape");
  await says(page, "First!");
  await expect(log.getByRole("button", { name: "Add people" })).toHaveCount(0);
});
