// Failures while people talk: one server, all servers, the network, Redis. Nothing is lost or duplicated.
import { createHash, randomBytes } from "node:crypto";

import { Upload } from "tus-js-client";

import { baseUrl, killNode, startNode, startRedis, stopNode, stopRedis } from "../cluster";
import {
  anotherTab, asks, connectsOnlyWhenAsked, everythingBack, expect, isIn, message, nodeOf, onNode, opens, says, sees, seesInOrder, signUp, test, writesTo,
  type Person,
} from "../fixtures";

/** Chromium's console messages when a socket breaks, or when a page writes to it before it is told. */
const SOCKET_BROKE = /WebSocket connection to .* failed|WebSocket is already in CLOSING or CLOSED state/;
/** The page requests nothing else while it is offline; otherwise these appear. */
const NOBODY_LISTENS = /ERR_CONNECTION_REFUSED|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|status of 50[234]|answer: 50[234]/;

test.afterEach(everythingBack);

type Open = () => Promise<Person["page"]>;

/** Two people in one room, on two servers. */
async function twoTalking(open: Open): Promise<[Person, Person]> {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  await onNode(ana.page, 0);
  await onNode(bo.page, 1);
  await writesTo(ana.page, bo);
  await says(ana.page, "hello");
  await opens(bo.page, ana.name);
  await sees(bo.page, "hello");
  return [ana, bo];
}

test("a server is killed while both talk", async ({ open, expected }) => {
  expected(SOCKET_BROKE);
  const [ana, bo] = await twoTalking(open);

  const [byAna, byBo]: string[][] = [[], []];
  const write = async (who: Person, word: string, said: string[], until: () => boolean) => {
    while (!until()) {
      said.push(`kill ${word} ${said.length}`);
      await says(who.page, said.at(-1)!);
    }
  };
  const bothWrite = (until: (said: string[]) => boolean) =>
    Promise.all([write(ana, "ana", byAna, () => until(byAna)), write(bo, "bo", byBo, () => until(byBo))]);
  await bothWrite((said) => said.length === 4);
  await sees(bo.page, "kill ana 3");
  let killed = false;
  const talk = bothWrite((said) => killed && said.length >= 15);
  await killNode(0);
  killed = true;
  await talk;

  await expect(ana.page.locator("html")).toHaveAttribute("data-node", "e2e-2");
  await isIn(ana.page);
  for (const page of [ana.page, bo.page]) {
    await seesInOrder(page, "kill ana", byAna);
    await seesInOrder(page, "kill bo", byBo);
  }
  await expect(ana.page.getByRole("img", { name: /^(Waiting to send|Sending|Not sent)$/ })).toHaveCount(0);

  await startNode(0);
  await says(ana.page, "and on we go");
  await sees(bo.page, "and on we go");
});

test("a server shuts down as in a deployment, and hardly anybody notices", async ({ open, expected }) => {
  expected(/WebSocket is already in CLOSING or CLOSED state/);
  const [ana, bo] = await twoTalking(open);
  const leaving = stopNode(0);
  for (let n = 0; n < 10; n++) {
    await says(ana.page, `deploy ${n}`);
    await sees(bo.page, `deploy ${n}`);
  }
  await leaving;
  await expect(ana.page.locator("html")).toHaveAttribute("data-node", "e2e-2");
  await startNode(0);
  await seesInOrder(bo.page, "deploy ", Array.from({ length: 10 }, (_, n) => `deploy ${n}`));
});

test("all servers are down: messages wait, and arrive once, in order", async ({ open, expected }) => {
  expected(SOCKET_BROKE, NOBODY_LISTENS);
  const [ana, bo] = await twoTalking(open);
  await killNode(0);
  await killNode(1);

  const words = ["dark 0", "dark 1", "dark 2"];
  for (const text of words) await says(ana.page, text);
  for (const text of words) await expect(message(ana.page, text).getByRole("img", { name: "Waiting to send" })).toBeVisible();
  const bar = ana.page.getByRole("status").filter({ hasText: "No connection." });
  await expect(bar).toBeVisible();
  await expect(bar).toContainText("3 messages will be sent when you’re back online.");
  await expect(bar.getByRole("button", { name: "Try now" })).toBeVisible();

  // Otherwise the page could reconnect automatically, and the bar with the button would disappear.
  await connectsOnlyWhenAsked(ana.page);
  await startNode(0);
  await startNode(1);
  // nginx retries a failed server only after a moment.
  await expect.poll(async () => (await ana.page.request.get("/health/ready")).status()).toBe(200);
  await bar.getByRole("button", { name: "Try now" }).click();
  await isIn(ana.page);
  await expect(bar).toBeHidden();
  // Automatically.
  await expect(bo.page.locator("html")).toHaveAttribute("data-link", "live", { timeout: 45_000 });
  for (const page of [ana.page, bo.page]) await seesInOrder(page, "dark ", words);
  await expect(message(ana.page, "dark 2").getByRole("img", { name: /^(Delivered|Read)$/ })).toBeVisible();
});

test("waiting messages survive closing the page", async ({ open, expected }) => {
  expected(SOCKET_BROKE, NOBODY_LISTENS);
  const [ana, bo] = await twoTalking(open);
  await killNode(0);
  await killNode(1);
  await says(ana.page, "kept 0");
  await says(ana.page, "kept 1");
  await expect(message(ana.page, "kept 1").getByRole("img", { name: "Waiting to send" })).toBeVisible();
  const address = ana.page.url();
  const again = await anotherTab(ana.page);
  await ana.page.close();
  await startNode(0);
  await startNode(1);

  // nginx retries a failed server only after a moment.
  await expect.poll(async () => (await again.request.get("/health/ready")).status()).toBe(200);
  await again.goto(address);
  await isIn(again);
  await seesInOrder(again, "kept ", ["kept 0", "kept 1"]);
  await expect(bo.page.locator("html")).toHaveAttribute("data-link", "live", { timeout: 45_000 });
  await seesInOrder(bo.page, "kept ", ["kept 0", "kept 1"]);
});

test("the network is lost and comes back", async ({ open, expected }) => {
  expected(SOCKET_BROKE, NOBODY_LISTENS);
  const [ana, bo] = await twoTalking(open);
  await ana.page.context().setOffline(true);
  const bar = ana.page.getByRole("status").filter({ hasText: "No connection." });
  await says(ana.page, "from the tunnel 0");
  await says(ana.page, "from the tunnel 1");
  // The browser reports the lost network at once; the page then pings, and gives the connection up without an answer.
  await expect(bar).toBeVisible({ timeout: 15_000 });
  await expect(message(ana.page, "from the tunnel 1").getByRole("img", { name: "Waiting to send" })).toBeVisible();
  await says(bo.page, "where are you?");

  await ana.page.context().setOffline(false);
  await isIn(ana.page);
  await expect(bar).toBeHidden();
  for (const page of [ana.page, bo.page]) {
    await seesInOrder(page, "from the tunnel", ["from the tunnel 0", "from the tunnel 1"]);
    await sees(page, "where are you?");
  }
});

test("Redis stops and comes back: messages still arrive", async ({ open }) => {
  const [ana, bo] = await twoTalking(open);
  expect(await nodeOf(ana.page)).not.toBe(await nodeOf(bo.page));
  stopRedis();
  for (let n = 0; n < 3; n++) {
    await says(ana.page, `without ana ${n}`);
    await says(bo.page, `without bo ${n}`);
  }
  for (const page of [ana.page, bo.page]) {
    await seesInOrder(page, "without ana", [0, 1, 2].map((n) => `without ana ${n}`));
    await seesInOrder(page, "without bo", [0, 1, 2].map((n) => `without bo ${n}`));
  }
  startRedis();
  for (let n = 0; n < 3; n++) {
    await says(ana.page, `with again ${n}`);
    await sees(bo.page, `with again ${n}`);
  }
  expect(await nodeOf(ana.page)).toBe("e2e-1");
  expect(await nodeOf(bo.page)).toBe("e2e-2");
});

test("an upload by a foreign client goes on when each server is killed in turn, and nothing of it is lost", async ({ open, expected }) => {
  expected(SOCKET_BROKE, NOBODY_LISTENS);
  const [ana, bo] = await twoTalking(open);
  const bytes = randomBytes(24_000_000);
  const cookies = (await ana.page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const kills = [async () => { await killNode(0); await startNode(0); }, async () => { await killNode(1); await startNode(1); }];
  const killing: Promise<void>[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    const upload = new Upload(bytes, {
      endpoint: `${baseUrl}/uploads`,
      headers: { Cookie: cookies, Origin: baseUrl },
      metadata: { filename: "tides.bin" },
      chunkSize: 3_000_000,
      retryDelays: [100, 500, 1_000, 2_000, 3_000, 5_000, 5_000],
      // As a proxy or a phone network might, but slower: one server after the other is gone in the middle of the upload.
      onChunkComplete: (_, sent) => {
        if (sent > (2 - kills.length) * 9_000_000 + 3_000_000 && kills.length > 0) killing.push(kills.shift()!());
      },
      onError: reject,
      onSuccess: () => resolve(upload.url!),
    });
    upload.start();
  });
  await Promise.all(killing);
  expect(kills.length, "both servers were killed").toBe(0);
  await isIn(ana.page);
  const file = url.split("/").at(-1);
  await asks(ana.page, [{
    type: "send", room: new URL(ana.page.url()).pathname.split("/").at(-1), nonce: crypto.randomUUID(), body: "the tides", files: [{ id: file }],
  }]);
  await expect(message(bo.page, "the tides").getByRole("link", { name: "Download tides.bin" })).toContainText("24 MB");
  const stored = await (await bo.page.request.get(`/files/${file}`)).body();
  const sum = (of: Buffer) => createHash("sha256").update(of).digest("hex");
  expect(sum(stored)).toBe(sum(bytes));
});
