// Measures page performance (`make feel`):   scripts/e2e --config feel.config.ts
import config from "./playwright.config";

export default {
  ...config,
  testDir: "feel",
  projects: undefined,
  workers: 1,
  timeout: 900_000,
  reporter: [["list"]] as const,
  // Traces and screenshots would affect the measurements.
  use: { ...config.use, trace: "off", screenshot: "off" },
};
