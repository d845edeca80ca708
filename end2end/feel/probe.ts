// A slow browser, and what it reports about itself.
import type { BrowserContext, CDPSession, Page } from "@playwright/test";

/** A slower CPU, by the factor of Lighthouse and the developer tools. */
export const SLOWDOWN = 4;

export interface Network {
  name: string;
  down_kbit: number;
  up_kbit: number;
  /** The delay before the first byte of each response. */
  latency_ms: number;
}

/** «Fast 3G» as Lighthouse and WebPageTest define it, with its round trip. */
export const FAST_3G: Network = { name: "Fast 3G line, 150 ms", down_kbit: 1_600, up_kbit: 750, latency_ms: 150 };
/**
 * The developer tools' preset «Fast 3G» («Slow 4G» in newer versions): nine tenths of the rates, and 3.75 round trips per
 * request, as for a new connection.
 */
export const FAST_3G_PRESET: Network = { name: "Fast 3G preset, 562 ms", down_kbit: 1_440, up_kbit: 675, latency_ms: 562.5 };

/** What `observe` collects in the page. Times are in ms since the navigation started. */
export interface Observed {
  fcp?: number;
  lcp?: number;
  hydrated?: number;
  live?: number;
  /** Layout shifts, each with what moved. */
  shifts: { value: number; at: number; what: string[] }[];
  /** Tasks of more than 50 ms. */
  tasks: { at: number; took: number }[];
  /** Frames of more than 50 ms, with what ran in them. */
  frames: { at: number; took: number; blocking: number; scripts: string[]; styleAndLayout: number }[];
  /** For each key, the time from its own time stamp until the next frame is drawn. */
  keys: number[];
  /**
   * Event Timing of key events and clicks of more than 16 ms. Without a screen, Chromium reports presentation late, so this is
   * only for comparison.
   */
  events: { name: string; at: number; took: number; waited: number; ran: number }[];
}

declare global {
  interface Window {
    observed: Observed;
  }
}

/** Runs in the page before its own scripts. */
function observeHere() {
  const observed: Observed = (window.observed = { shifts: [], tasks: [], frames: [], keys: [], events: [] });
  const on = (type: string, take: (entry: any) => void, more = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more } as PerformanceObserverInit);
  on("paint", (entry) => entry.name === "first-contentful-paint" && (observed.fcp = entry.startTime));
  on("largest-contentful-paint", (entry) => (observed.lcp = entry.startTime));
  on("layout-shift", (entry) => {
    const what = entry.sources.map(({ node, previousRect: a, currentRect: b }: any) =>
      `${node?.nodeName} ${node?.getAttribute?.("class") ?? ""}: ${a.x},${a.y} ${a.width}×${a.height} → ${b.x},${b.y} ${b.width}×${b.height}`);
    observed.shifts.push({ value: entry.value, at: entry.startTime, what });
  });
  on("longtask", (entry) => observed.tasks.push({ at: entry.startTime, took: entry.duration }));
  on("long-animation-frame", (entry) =>
    observed.frames.push({
      at: entry.startTime, took: entry.duration, blocking: entry.blockingDuration,
      scripts: entry.scripts.map((script: any) => `${script.invoker} ${Math.round(script.duration)} ms, layout forced ${Math.round(script.forcedStyleAndLayoutDuration)} ms`),
      styleAndLayout: entry.styleAndLayoutStart ? entry.startTime + entry.duration - entry.styleAndLayoutStart : 0,
    }));
  on("event", (entry) =>
    observed.events.push({ name: entry.name, at: entry.startTime, took: entry.duration, waited: entry.processingStart - entry.startTime, ran: entry.processingEnd - entry.processingStart }),
    { durationThreshold: 16 });
  addEventListener("keydown", ({ timeStamp }) =>
    requestAnimationFrame(() => {
      // The task after this frame.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => void observed.keys.push(performance.now() - timeStamp);
      port2.postMessage(0);
    }), { capture: true });
  new MutationObserver(() => {
    const { hydrated, link } = document.documentElement?.dataset ?? {};
    if (hydrated) observed.hydrated ??= performance.now();
    if (link === "live") observed.live ??= performance.now();
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-hydrated", "data-link"] });
}

/** From now on, every page of this browser records its performance in `window.observed`. */
export const observe = (context: BrowserContext) => context.addInitScript(observeHere);

export const observed = (page: Page) => page.evaluate(() => window.observed);

/** Discards everything recorded so far, such as the page load. */
export const forget = (page: Page) =>
  page.evaluate(async () => {
    // Entries are delivered in separate tasks.
    await new Promise((resolve) => setTimeout(resolve, 300));
    Object.assign(window.observed, { shifts: [], tasks: [], frames: [], keys: [], events: [] });
  });

export async function devtools(page: Page): Promise<CDPSession> {
  return page.context().newCDPSession(page);
}

export const slow = (session: CDPSession, rate = SLOWDOWN) => session.send("Emulation.setCPUThrottlingRate", { rate });

export async function through(session: CDPSession, { down_kbit, up_kbit, latency_ms }: Network) {
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false, latency: latency_ms, downloadThroughput: (down_kbit * 1_000) / 8, uploadThroughput: (up_kbit * 1_000) / 8,
  });
}

/** Counts the bytes transferred to the page, only HTTP. */
export async function countsBytes(session: CDPSession): Promise<() => number> {
  let bytes = 0;
  await session.send("Network.enable");
  session.on("Network.loadingFinished", ({ encodedDataLength }) => void (bytes += encodedDataLength));
  return () => bytes;
}

/** The main thread's CPU time so far, in ms. Unlike wall-clock time it hardly depends on other load. */
export async function countsWork(session: CDPSession): Promise<() => Promise<Record<"TaskDuration" | "ScriptDuration" | "LayoutDuration" | "RecalcStyleDuration", number>>> {
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value * 1_000])) as never;
  };
}
