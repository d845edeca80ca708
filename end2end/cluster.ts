// Two servers behind nginx, with their own Postgres and Redis: what the browser tests run against.
//
// The global setup starts it. A test may kill a server, restart it, or stop Redis:
//
//     import { killNode, startNode } from "../cluster";
//     await killNode(0);     // kill -9: no goodbye
//     await startNode(0);    // back on the same port, ready when this returns
//
// Such a test must restore everything before it ends. Logs: .data/e2e/node-*.log.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const root = path.resolve(__dirname, "..");
const folder = path.join(root, ".data", "e2e");
const server = path.join(root, "target", process.env.E2E_PROFILE === "dev" ? "debug" : "release", "server");

export const NODES = 2;

// Chosen once, by the first process that reads this; Playwright's workers inherit its environment.
process.env.E2E_PORTS ??= freePorts(2 + NODES).join(",");
const [balancerPort, web, ...nodePorts] = process.env.E2E_PORTS.split(",");

/** Where a test may serve pages for previews of links. */
export const webPort = web;

/** The address for browsers: nginx, which sends each request to the next server. */
export const baseUrl = (process.env.E2E_BASE_URL ??= `http://localhost:${balancerPort}`);

/** The address of one server, for a page that must be on this one. */
export const nodeUrl = (node: number) => `http://localhost:${nodePorts[node]}`;

/** The bytes of uploaded files, for all servers. */
const files = path.join(folder, "files");

/** The settings of each server: the single place to add one. `scripts/services` adds DATABASE_URL and REDIS_URL. */
const settings = (node: number): Record<string, string> => ({
  ROOST_ADDR: `127.0.0.1:${nodePorts[node]}`,
  ROOST_NODE_NAME: `e2e-${node + 1}`,
  ROOST_PUBLIC_URL: baseUrl,
  // A page may open one server directly, to be sure which one it uses.
  ROOST_EXTRA_ORIGINS: [baseUrl, ...nodePorts.map((port) => `http://localhost:${port}`)].slice(1).join(","),
  ROOST_TRUSTED_PROXIES: "1",
  ROOST_SIGN_UP: "open",
  ROOST_FILES: files,
  ROOST_OUTGOING_ALLOW: `127.0.0.1:${web}`,
  // All tests come from one address, and type faster than people do.
  ROOST_SENDS_PER_S: "1000",
  ROOST_SENDS_BURST: "10000",
  ROOST_BUDGET_FACTOR: "1000",
  ROOST_SIGN_INS_PER_MIN: "10000",
  ROOST_SIGN_INS_PER_ACCOUNT_PER_MIN: "10000",
  ROOST_SIGN_UPS_PER_MIN: "10000",
  ROOST_CONNECTIONS_PER_USER: "1000",
  ROOST_CONNECTIONS_PER_ADDRESS: "10000",
  ROOST_SOCKETS_PER_MIN: "10000",
  ROOST_DRAIN_S: "3",
  ROOST_LOG: process.env.ROOST_LOG ?? "info",
});

/** Starts server `node`, and returns when it is ready. */
export async function startNode(node: number) {
  if (nodePid(node)) throw new Error(`server ${node} runs already`);
  const log = fs.openSync(path.join(folder, `node-${node}.log`), "a");
  const child = spawn(server, [], {
    cwd: root,
    env: { ...process.env, ...services(), ...settings(node) },
    stdio: ["ignore", log, log],
    // A test's worker may end before the server that it started.
    detached: true,
  });
  fs.closeSync(log);
  child.unref();
  fs.writeFileSync(pidFile(node), String(child.pid));
  await until(`server ${node} is ready (its log: .data/e2e/node-${node}.log)`, 60_000, async () => {
    if (!nodePid(node)) throw new Error(`server ${node} ended while starting; its log: .data/e2e/node-${node}.log`);
    return (await fetch(`${nodeUrl(node)}/health/ready`).catch(() => null))?.status === 200;
  });
}

/** Kills server `node`, and returns when it is gone. */
export const killNode = (node: number) => endNode(node, "SIGKILL");

/** Shuts server `node` down, as in a deployment, and returns when it is gone. */
export const stopNode = (node: number) => endNode(node, "SIGTERM");

/** Stops Redis. */
export const stopRedis = () => void services("redis-stop");

/** Restarts Redis on the same port. */
export const startRedis = () => void services("redis-start");

/** Queries the database directly, for what no user can do, such as moving a time into the past. */
export const query = (sql: string) =>
  execFileSync("psql", [services().DATABASE_URL, "-XAt", "-v", "ON_ERROR_STOP=1", "-c", sql], { encoding: "utf8" });

/** The pid of server `node` while it runs. Pids are reused, so its command line must be the server's. */
export function nodePid(node: number): number | undefined {
  try {
    const pid = Number(fs.readFileSync(pidFile(node), "utf8"));
    // A zombie process has an empty command line.
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(server) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Only for the global setup: starts the whole cluster with an empty database. */
export async function startCluster() {
  await stopCluster();
  services("fresh");
  fs.rmSync(files, { recursive: true, force: true });
  for (let node = 0; node < NODES; node++) {
    fs.rmSync(path.join(folder, `node-${node}.log`), { force: true });
    await startNode(node);
  }
  balancer("start", path.join(folder, "balancer"), `127.0.0.1:${balancerPort}`, ...nodePorts);
  process.env.E2E_NODE_PIDS = Array.from({ length: NODES }, (_, node) => nodePid(node)).join(",");
}

/** Only for the global setup: stops what `startCluster` started, and leftovers of an earlier run. */
export async function stopCluster() {
  fs.mkdirSync(folder, { recursive: true });
  balancer("stop", path.join(folder, "balancer"));
  for (let node = 0; node < NODES; node++) await killNode(node);
  services("stop");
}

async function endNode(node: number, signal: NodeJS.Signals) {
  const pid = nodePid(node);
  if (pid) process.kill(pid, signal);
  await until(`server ${node} is gone`, 40_000, async () => !nodePid(node));
}

const pidFile = (node: number) => path.join(folder, `node-${node}.pid`);

async function until(what: string, patience_ms: number, isSo: () => Promise<boolean>) {
  const end = Date.now() + patience_ms;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Runs `scripts/services --e2e …`; without an action, returns the addresses of Postgres and Redis. */
function services(action = "env"): Record<string, string> {
  const lines = script("services", "--e2e", action);
  return Object.fromEntries([...lines.matchAll(/([A-Z_]+_URL)=(\S+)/g)].map(([, name, value]) => [name, value]));
}

const balancer = (...args: string[]) => script("balancer", ...args);

function freePorts(count: number): string[] {
  const command = `. ${path.join(root, "scripts/lib.sh")} && free_port ${count}`;
  return execFileSync("bash", ["-c", command], { encoding: "utf8" }).trim().split("\n");
}

function script(name: string, ...args: string[]): string {
  return execFileSync(path.join(root, "scripts", name), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
