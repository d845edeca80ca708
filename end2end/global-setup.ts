import { startCluster, stopCluster } from "./cluster";

/** The returned function runs after the last test. */
export default async function globalSetup() {
  await startCluster();
  return stopCluster;
}
