import { startCluster, stopCluster } from "./cluster";

/** What this returns is run after the last test. */
export default async function globalSetup() {
  await startCluster();
  return stopCluster;
}
