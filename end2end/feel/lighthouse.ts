// Lighthouse with its own signed-in Chromium; `scripts/feel` installs it.
import { execFile } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import { chromium, type LaunchOptions, type Page } from "@playwright/test";

const program = path.resolve(__dirname, "node_modules/lighthouse/cli/index.js");
const folder = path.resolve(__dirname, "../../.data/feel");

export const CATEGORIES = ["performance", "accessibility", "best-practices", "seo"] as const;
export type Category = (typeof CATEGORIES)[number];

export interface Verdict {
  scores: Record<Category, number>;
  /** What costs points, for each category except performance. */
  faults: string[];
  figures: Record<string, string>;
}

export interface Browser {
  page: Page;
  /** Runs Lighthouse on an address, with its own settings for `how`. */
  judge(name: string, address: string, how: "desktop" | "mobile"): Promise<Verdict>;
  close(): Promise<void>;
}

/** A Chromium that keeps its cookies, and which Lighthouse can control. */
export async function open(options: LaunchOptions, baseURL: string): Promise<Browser> {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "roost-lighthouse-"));
  const port = await freePort();
  const context = await chromium.launchPersistentContext(profile, {
    ...options, baseURL, locale: "en-GB", args: [...(options.args ?? []), `--remote-debugging-port=${port}`],
  });
  return {
    page: context.pages()[0] ?? (await context.newPage()),
    judge: (name, address, how) => judge(name, address, how, port),
    async close() {
      await context.close();
      fs.rmSync(profile, { recursive: true, force: true });
    },
  };
}

async function judge(name: string, address: string, how: "desktop" | "mobile", port: number): Promise<Verdict> {
  fs.mkdirSync(folder, { recursive: true });
  const output = path.join(folder, `lighthouse-${name}-${how}`);
  await promisify(execFile)(process.execPath, [
    program, address, `--port=${port}`, "--quiet", "--output=json", "--output=html", `--output-path=${output}`,
    `--only-categories=${CATEGORIES.join(",")}`, "--disable-storage-reset", "--no-enable-error-reporting", ...(how === "desktop" ? ["--preset=desktop"] : []),
  ], { timeout: 180_000, maxBuffer: 1 << 26 });
  const report = JSON.parse(fs.readFileSync(`${output}.report.json`, "utf8"));
  if (report.runtimeError) throw new Error(`${report.runtimeError.code}: ${report.runtimeError.message}`);
  const faults: string[] = [];
  for (const category of CATEGORIES.slice(1)) {
    for (const { id, weight } of report.categories[category].auditRefs) {
      const audit = report.audits[id];
      if (!weight || audit.score === null || audit.score === 1) continue;
      const items = (audit.details?.items ?? []).slice(0, 4).map((item: any) => item.node?.snippet ?? item.description ?? item.url ?? item.source ?? "");
      faults.push(`${category}: ${id} (${audit.title})${items.length ? `: ${items.join("; ")}` : ""}`);
    }
  }
  const figures = ["first-contentful-paint", "largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift", "speed-index"];
  return {
    scores: Object.fromEntries(CATEGORIES.map((category) => [category, Math.round(100 * report.categories[category].score)])) as Verdict["scores"],
    faults,
    figures: Object.fromEntries(figures.map((id) => [id, report.audits[id].displayValue])),
  };
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
