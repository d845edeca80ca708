// The results: figures with their targets, as a table for people and as JSON for comparisons.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const folder = path.resolve(__dirname, "../../.data/feel");

/** One line of the table. Without a target it is only informative. */
interface Measure {
  part: string;
  what: string;
  unit: string;
  median: number;
  best: number;
  worst: number;
  /** `≤ 1500`, `≥ 95`. */
  target?: string;
  verdict: "met" | "MISSED" | "";
  values: number[];
  /** The highest load of other programs before one of these values was measured, in percent of all cores. */
  others?: number;
  detail?: unknown;
}

export interface Target {
  max?: number;
  min?: number;
  /** Each value must meet the target, not only the median. */
  always?: true;
}

export const median = (values: number[]) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

const measures: Measure[] = [];
const began = new Date();

/** The machine's CPU time since boot, and its idle time. */
function cpu() {
  const times = os.cpus().map(({ times }) => times);
  const all = times.flatMap(Object.values).reduce((sum: number, n: number) => sum + n, 0);
  return { all, idle: times.reduce((sum, { idle }) => sum + idle, 0) };
}

/** The percentage of the cores that other programs use, over a second in which we do nothing. */
export async function othersAreBusy(): Promise<number> {
  const last = cpu();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const now = cpu();
  return Math.round(100 * (1 - (now.idle - last.idle) / Math.max(1, now.all - last.all)));
}

const IDLE = 15;

/** Waits until the machine is mostly idle, up to this limit, because builds come and go. Returns its load. */
export async function quiet(patience_ms = Number(process.env.FEEL_PATIENCE_S ?? 20) * 1_000): Promise<number> {
  const end = Date.now() + patience_ms;
  for (;;) {
    const busy = await othersAreBusy();
    if (busy <= IDLE || Date.now() > end) return busy;
  }
}

/** Adds a line. The median must meet the target, unless each value must. */
export function told(part: string, what: string, unit: string, values: number[], target: Target = {}, more: { others?: number; detail?: unknown } = {}) {
  const middle = median(values);
  const asked = [target.max !== undefined && `≤ ${target.max}`, target.min !== undefined && `≥ ${target.min}`].filter(Boolean);
  const isMet = (target.always ? values : [middle]).every((value) => value <= (target.max ?? Infinity) && value >= (target.min ?? -Infinity));
  measures.push({
    part, what, unit, median: middle, best: Math.min(...values), worst: Math.max(...values), values,
    target: asked.length ? `${asked.join(", ")}${target.always ? " always" : ""}` : undefined,
    verdict: asked.length ? (isMet ? "met" : "MISSED") : "",
    ...more,
  });
}

const short = (n: number) => (Math.abs(n) >= 100 || Number.isInteger(n) ? Math.round(n).toString() : n.toFixed(Math.abs(n) < 1 ? 3 : 1));

/** Prints the table and writes the file. */
export function publish(machine: Record<string, unknown>) {
  if (measures.length === 0) return;
  const rows = measures.map((m) => [
    m.what, short(m.median), m.unit, m.values.length > 1 ? `${short(m.best)} to ${short(m.worst)}` : "", m.target ?? "", m.verdict, m.others === undefined ? "" : `${m.others} %`,
  ]);
  const head = ["", "median", "", "range", "target", "", "others"];
  const widths = head.map((title, n) => Math.max(title.length, ...rows.map((row) => row[n].length)));
  const lines: string[] = [];
  const line = (cells: string[]) => lines.push(cells.map((cell, n) => (n === 1 ? cell.padStart(widths[n]) : cell.padEnd(widths[n]))).join("  ").trimEnd());
  line(head);
  let part = "";
  measures.forEach((measure, n) => {
    if (measure.part !== part) lines.push("", (part = measure.part));
    line(rows[n]);
  });
  const missed = measures.filter(({ verdict }) => verdict === "MISSED").length;
  const met = measures.filter(({ verdict }) => verdict === "met").length;
  lines.push("", `${met} met, ${missed} missed. «others» is how busy the machine was without us; above ${IDLE} % do not believe a time.`);
  fs.mkdirSync(folder, { recursive: true });
  // scripts/feel prints it after Playwright's output.
  fs.writeFileSync(path.join(folder, "table.txt"), `${lines.join("\n")}\n`);
  fs.writeFileSync(path.join(folder, "report.json"), `${JSON.stringify({ at: began.toISOString(), machine: { cpus: os.cpus().length, model: os.cpus()[0].model, load: os.loadavg(), ...machine }, measures }, null, 2)}\n`);
}
