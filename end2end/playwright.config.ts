import { defineConfig } from "@playwright/test";

import { baseUrl } from "./cluster";

// The suite, in the order in which it runs: a project begins when the one before has passed. Within `talk` tests run side
// by side, for each makes people and rooms of its own. Beside what takes servers away nothing may run.
const alone = ["first", "cluster", "reconnect"];
const order = [
  { name: "first", testMatch: "first.spec.ts", workers: 1 },
  { name: "talk", testIgnore: alone.map((name) => `**/${name}.spec.ts`), fullyParallel: true },
  { name: "cluster", testMatch: "cluster.spec.ts", workers: 1 },
  { name: "reconnect", testMatch: "reconnect.spec.ts", workers: 1 },
];
// Who names files gets those, after the first accounts: one after the other when there are several, for they may be of
// several projects.
const named = Number(process.env.E2E_NAMED ?? 0);

// Debian's Chromium, because that is what a fresh machine can install. firefox.spec.ts opens Debian's Firefox, too; Safari stays untested.
export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  globalSetup: "./global-setup",
  projects: order.map((project, n) => ({ ...project, dependencies: n ? [order[named ? 0 : n - 1].name] : [] })),
  // A fresh machine has two cores, and the servers want some of them.
  workers: named > 1 ? 1 : Number(process.env.E2E_WORKERS ?? 2),
  // A flaky test is a bug.
  retries: 0,
  forbidOnly: !!process.env.CI,
  // Only against hanging: a build that runs beside the tests makes them slow, not wrong. Each thing that a test waits for has its
  // own deadline, on the next line.
  timeout: 180_000,
  expect: { timeout: 10_000 },
  reporter: [["list"], ["json", { outputFile: "test-results/report.json" }]],
  use: {
    baseURL: baseUrl,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    // Recording takes a quarter of the time of every test, and the picture and the tree of a failed page mostly say enough.
    trace: process.env.E2E_TRACE ? "retain-on-failure" : "off",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
        // Chromium's sandbox refuses to work for root.
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ],
    },
  },
});
