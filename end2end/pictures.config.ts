// Takes the screenshots of README.md:   scripts/e2e --config pictures.config.ts
import path from "node:path";

import config from "./playwright.config";

const launchOptions = {
  ...config.use!.launchOptions,
  env: { ...process.env, FONTCONFIG_FILE: path.resolve(__dirname, "pictures/fonts.conf") } as Record<string, string>,
};

export default { ...config, testDir: "pictures", projects: undefined, workers: 1, use: { ...config.use, launchOptions } };
