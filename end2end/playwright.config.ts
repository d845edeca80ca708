import { defineConfig } from "@playwright/test";

import { baseUrl } from "./cluster";

// The projects in order: each starts when the previous one has passed. Tests of `talk` run in parallel, because each creates its
// own people and rooms. Tests that stop servers run alone.
const alone = ["first", "cluster", "reconnect"];
const order = [
  { name: "first", testMatch: "first.spec.ts", workers: 1 },
  { name: "talk", testIgnore: alone.map((name) => `**/${name}.spec.ts`), fullyParallel: true },
  { name: "cluster", testMatch: "cluster.spec.ts", workers: 1 },
  { name: "reconnect", testMatch: "reconnect.spec.ts", workers: 1 },
];
// Named files run after the first accounts are created, one at a time if there are several, because they may belong to different
// projects.
const named = Number(process.env.E2E_NAMED ?? 0);

// Debian's Chromium, because a fresh machine can install it. firefox.spec.ts also opens Debian's Firefox; Safari is untested.
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  globalSetup: "./global-setup",
  projects: order.map((project, n) => ({ ...project, dependencies: n ? [order[named ? 0 : n - 1].name] : [] })),
  // A fresh machine has two cores, and the servers need part of them.
  workers: named > 1 ? 1 : Number(process.env.E2E_WORKERS ?? 2),
  // A flaky test is a bug.
  retries: 0,
  forbidOnly: !!process.env.CI,
  // Only against hanging: a concurrent build makes tests slow, not wrong. The next line is the deadline of each expectation.
  timeout: 180_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: "test-results/report.json" }]],
  use: {
    baseURL: baseUrl,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    // Tracing takes a quarter of each test's time, and a failed test's screenshot and tree are usually enough.
    trace: process.env.E2E_TRACE ? "retain-on-failure" : "off",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
        // Chromium's sandbox does not work for root.
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ],
    },
  },
});
