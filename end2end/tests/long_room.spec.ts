// A room with 20,000 messages, threads and reactions: it opens anywhere in one round trip, and scrolls without a jump.
//
// `LONG_ROOM=all scripts/e2e long_room.spec.ts` scrolls through all of it, both ways.
import type { BrowserContext, BrowserContextOptions, Page } from "@playwright/test";

import { query } from "../cluster";
import { asks, expect, isIn, makesRoom, roomLink, signUp, test, unique } from "../fixtures";

const MESSAGES = 20_000;
/** How many messages are scrolled through, each way. */
const SCROLLED = process.env.LONG_ROOM === "all" ? MESSAGES : 1_500;
/** Rows in the document: 300 messages, and what is between them. */
const ROWS_MAX = 320;

interface Room {
  name: string;
  id: string;
  /** The number of the room's change before the first message. */
  before: number;
  reader: string;
  /** The reader is signed in there. */
  storageState: Awaited<ReturnType<BrowserContext["storageState"]>>;
}

/** A room that its reader, Bo, has read up to this message. Nobody is connected while it is filled. */
async function longRoom(open: (options?: BrowserContextOptions) => Promise<Page>): Promise<Room> {
  const ana = await signUp(await open(), { name: "Ana Benítez" });
  const bo = await signUp(await open(), { name: "Bo Lindqvist" });
  const name = unique("archive");
  await makesRoom(ana.page, "Channel", name);
  const id = new URL(ana.page.url()).pathname.split("/").at(-1)!;
  await asks(bo.page, [{ type: "join", room: id }]);
  const storageState = await bo.page.context().storageState();
  for (const { page } of [ana, bo]) await page.context().close();

  const [before, writer, reader] = query(`select l.head, a.id, b.id from lines l, users a, users b
    where l.id = '${id}' and a.handle = '${ana.handle}' and b.handle = '${bo.handle}'`).trim().split("|");
  // Of 25 messages three are replies to the fifth. The room shows them as one row.
  query(`
    begin;
    create temporary table filled as
      select n, ${before} + n as seq, case when n / 3 % 2 = 0 then '${writer}' else '${reader}' end::uuid as author,
        case when n % 25 between 11 and 13 then ${before} + n - n % 25 + 5 end as root, n % 25 - 10 as nth,
        'message ' || n || case n % 10
          when 3 then E':\\n- a list\\n- of what is on deck\\n- and below'
          when 5 then ' ' || repeat('of a captain who writes at length, ', n % 17 + 1)
          when 7 then E'\\n\`\`\`rust\\nfn moor(boat: &Boat) -> Berth {\\n    boat.berth()\\n}\\n\`\`\`'
          when 9 then E'。今天的潮水比昨天高，请大家把缆绳放长一点。'
          else case when n % 100 = 1 then E'\\n$$\\n\\\\frac{h}{2} = \\\\sum_i A_i\\n$$' else '' end end as body
      from generate_series(1, ${MESSAGES}) n;
    insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body, sent_at, reactions, thread_root, thread_nth)
      select '${id}', seq, seq, n, gen_random_uuid(), author, gen_random_uuid(), body, now() - (${MESSAGES} - n) * interval '90 seconds',
        case when n % 7 = 0 then jsonb_build_array(jsonb_build_object('emoji', '👍', 'users',
          jsonb_build_array(jsonb_build_array('${writer}', seq), jsonb_build_array('${reader}', seq)))) else '[]' end,
        root, case when root is not null then nth end
      from filled;
    insert into thread_replies (room_id, root, nth, seq, author_id) select '${id}', root, nth, seq, author from filled where root is not null;
    insert into threads (room_id, root, replies, last_seq, last_at, authors)
      select '${id}', root, max(nth), max(seq), now(), jsonb_build_array(jsonb_build_array((array_agg(author order by seq desc))[1], max(seq)))
      from filled where root is not null group by root;
    update lines set head = ${before} + ${MESSAGES}, messages = ${MESSAGES}, active_at = now() where id = '${id}';
    commit;`);
  query("analyze messages");
  return { name: `#${name}`, id, before: Number(before), reader, storageState };
}

/** What the reader has read, in messages. Not while they are connected. */
const hasRead = ({ id, before, reader }: Room, count: number) =>
  query(`update members set read_seq = ${before} + ${count}, read_ordinal = ${count}, delivered_seq = ${before} + ${MESSAGES}
    where room_id = '${id}' and user_id = '${reader}'`);

const rows = (page: Page) => page.locator("[role=log] .rows > *").count();

interface Frame {
  sent: boolean;
  type: string;
  at: number;
  /** The numbers of the messages in it. */
  messages: number[];
}

declare global {
  interface Window {
    /** What the page has sent and received on its connection. */
    wire: Frame[];
    /** Resolves when the message has been painted: since when it is on the screen, and when it was painted. */
    isShown(message: number): Promise<{ shown: number; painted: number }>;
  }
}

/** For each page of this browser: `wire` and `isShown`. */
const records = (context: BrowserContext) =>
  context.addInitScript(() => {
    window.wire = [];
    const record = (sent: boolean, text: string) =>
      void window.wire.push({ sent, type: /"(?:command|reply)":\{"type":"(\w+)"/.exec(text.slice(0, 100))?.[1] ?? "", at: performance.now(),
        messages: [...text.matchAll(/"body":"message (\d+)/g)].map(([, number]) => Number(number)) });
    window.WebSocket = class extends WebSocket {
      constructor(address: string | URL) {
        super(address);
        this.addEventListener("message", ({ data }) => record(false, String(data)));
      }
      send(data: string) {
        record(true, data);
        super.send(data);
      }
    };
    window.isShown = (message) =>
      new Promise((resolve) => {
        const text = new RegExp(`^message ${message}\\b`);
        const look = () => {
          const row = [...document.querySelectorAll("[role=log] article .text")].find((row) => text.test(row.textContent!));
          const box = row?.getBoundingClientRect();
          // The next frame begins when this one has been painted.
          const shown = performance.now();
          if (box && box.top > 0 && box.bottom < innerHeight) requestAnimationFrame(() => setTimeout(() => resolve({ shown, painted: performance.now() })));
          else requestAnimationFrame(look);
        };
        look();
      });
  });

/** How many answers the page waited for, one after the other, until it had the message. Several questions at once count once. */
function roundTrips(frames: Frame[], message: number): number {
  const fetches = frames.filter(({ type }) => ["open", "history", "around", "view", "page"].includes(type));
  // What came later was not needed. If no answer has the message, the page has come with it.
  const needed = fetches.slice(0, fetches.findIndex(({ sent, messages }) => !sent && messages.includes(message)) + 1);
  return needed.filter(({ sent }, n) => sent && (n === 0 || !needed[n - 1].sent)).length;
}

test("a long room opens at its end, at the first unread message, and at a link, each in one round trip", async ({ open }, info) => {
  const room = await longRoom(open);
  const report: string[] = [];
  const took = (what: string, ms: number, trips: number) => report.push(`${what}: ${Math.round(ms)} ms, ${trips} round trips`);
  const link = 5_002;
  for (const [where, read, shown] of [["end", MESSAGES, MESSAGES], ["first unread", 10_001, 10_002], ["link", MESSAGES, link]] as const) {
    hasRead(room, read);
    const page = await open({ storageState: room.storageState });
    await records(page.context());

    // The page itself has the messages.
    await page.goto(`/r/${room.id}${where === "link" ? `/m/${room.before + link}` : ""}`, { waitUntil: "commit" });
    const loaded = await page.evaluate(async (shown) => {
      const at = await window.isShown(shown);
      return { ...at, ms: at.painted - performance.getEntriesByType("navigation")[0].toJSON().responseStart, frames: window.wire };
    }, shown);
    took(`${where}, page`, loaded.ms, roundTrips(loaded.frames, shown));
    await isIn(page);
    expect(roundTrips(loaded.frames, shown), where).toBe(0);
    expect(await rows(page)).toBeLessThanOrEqual(ROWS_MAX);
    await page.context().close();
    if (where === "link") continue;

    // In the app. The link is not pointed at, because that would prefetch the room.
    hasRead(room, read);
    const inside = await open({ storageState: room.storageState });
    await records(inside.context());
    await inside.goto("/settings");
    await inside.goto("/");
    await isIn(inside);
    const opened = await roomLink(inside, room.name).evaluate(async (link, shown) => {
      const [first, begun] = [window.wire.length, performance.now()];
      (link as HTMLElement).click();
      const at = await window.isShown(shown);
      return { ...at, ms: at.painted - begun, frames: window.wire.slice(first) };
    }, shown);
    took(`${where}, in the app`, opened.ms, roundTrips(opened.frames, shown));
    expect(roundTrips(opened.frames, shown), `${where}: ${JSON.stringify(opened)}`).toBeLessThanOrEqual(1);
    expect(await rows(inside)).toBeLessThanOrEqual(ROWS_MAX);
    await inside.context().close();
  }
  console.log(report.join("\n"));
  await info.attach("times", { body: report.join("\n") });
});

test("a long room scrolls without a jump, and keeps few rows", async ({ open }, info) => {
  test.setTimeout(SCROLLED > 5_000 ? 1_200_000 : 180_000);
  const room = await longRoom(open);
  hasRead(room, MESSAGES);
  const page = await open({ storageState: room.storageState });
  await page.goto(`/r/${room.id}`);
  await isIn(page);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("HeapProfiler.enable");
  await devtools.send("Performance.enable");
  /** What the page needs, in bytes and nodes, after a garbage collection. */
  const needs = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = (await devtools.send("Runtime.getHeapUsage")) as any;
    const { metrics } = await devtools.send("Performance.getMetrics");
    return { bytes: usedSize + embedderHeapUsedSize + backingStorageSize, nodes: metrics.find(({ name }) => name === "Nodes")!.value };
  };

  /** Scrolls until this message is on the screen. Says by how much a visible row has moved on its own, and what was in the document. */
  const scrolls = (by: number, until: number) =>
    page.evaluate(async ([by, until]) => {
      const log = document.querySelector("[role=log]")!;
      const rows = log.querySelector(".rows")!;
      const upper = log.getBoundingClientRect().top;
      const middle = upper + log.clientHeight / 2;
      const number = (row: Element) => Number(/^message (\d+)/.exec(row.querySelector(".text")?.textContent ?? "")?.[1]);
      const find = () => {
        const row = document.elementsFromPoint(log.getBoundingClientRect().left + 200, middle).find((element) => element.closest("article"))?.closest("article");
        return row && { key: row.getAttribute("data-key")!, number: number(row) };
      };
      const place = (key: string) => rows.querySelector(`:scope > [data-key="${key}"] .text`)?.getBoundingClientRect().top;
      const found = { frames: 0, waits: 0, jump: 0, what: "", rows: 0, last: 0 };
      let held: { key: string; at: number } | undefined;
      let applied = 0;
      const spot = document.body.appendChild(document.createElement("div"));
      Object.assign(spot.style, { position: "fixed", height: "0" });
      await new Promise<void>((done) => {
        const frame = () => {
          const top = log.scrollTop;
          log.scrollTop = top + by;
          applied = log.scrollTop - top;
          if (applied === 0) found.waits += 1;
          spot.style.width = spot.style.width === "1px" ? "2px" : "1px";
        };
        // Observers run in the order of their creation, so the timeline has already adjusted its scroll position.
        const observer = new ResizeObserver(() => {
          found.frames += 1;
          found.rows = Math.max(found.rows, rows.children.length);
          const at = held && place(held.key);
          if (held && at !== undefined) {
            const jump = Math.abs(at - (held.at - applied));
            if (jump > found.jump) Object.assign(found, { jump, what: `${held.key} in frame ${found.frames}, by ${at - (held.at - applied)} px, at ${log.scrollTop} of ${log.scrollHeight}, ${rows.children.length} rows` });
          }
          const next = find();
          found.last = next?.number || found.last;
          held = next && place(next.key) !== undefined ? { key: next.key, at: place(next.key)! } : undefined;
          const isDone = found.last > 0 && (by < 0 ? found.last <= until : found.last >= until);
          if (isDone || found.waits > 2_000) {
            observer.disconnect();
            spot.remove();
            done();
          } else requestAnimationFrame(frame);
        });
        observer.observe(spot);
        requestAnimationFrame(frame);
      });
      return found;
    }, [by, until] as const);

  const report: string[] = [];
  // The first pages warm everything up.
  await scrolls(-400, MESSAGES - 600);
  const before = await needs();
  for (const [by, until] of [[-400, Math.max(10, MESSAGES - SCROLLED)], [400, MESSAGES - 10]] as const) {
    const begun = Date.now();
    const { frames, waits, jump, what, rows, last } = await scrolls(by, until);
    const { bytes, nodes } = await needs();
    report.push(`to message ${last}: ${frames} frames in ${Date.now() - begun} ms, ${waits} of them waiting; largest jump ${jump} px (${what}); at most ${rows} rows; ${Math.round(bytes / 1_000)} kB, ${nodes} nodes; before ${Math.round(before.bytes / 1_000)} kB, ${before.nodes} nodes`);
    console.log(report.at(-1));
    expect.soft(jump, report.at(-1)).toBeLessThanOrEqual(1);
    expect.soft(rows).toBeLessThanOrEqual(ROWS_MAX);
    expect.soft(bytes).toBeLessThan(1.25 * before.bytes + 2_000_000);
    expect.soft(by < 0 ? until : last).toBeGreaterThanOrEqual(by < 0 ? last : until);
  }
  await info.attach("scrolling", { body: report.join("\n") });
});
