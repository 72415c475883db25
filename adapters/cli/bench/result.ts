/** What a bench tells: a row a figure that the README quotes, beside its floor of the same run. */

export interface BenchResult {
  name: string;
  per_second: number;
  floor_per_second: number;
  /** Ours by the floor. */
  ratio: number;
  /** Time to the answer (intake, pipeline) or of one document (ccd). */
  p50_ms: number;
  p99_ms: number;
  /** Processor time of the measured process for one message or document. */
  cpu_ms: number;
  rss_mb: number;
  bytes_per_message: number;
  /** Local records that a person of the index is compared with, on average. */
  candidates?: number;
  /** Share of second records that stand with their person, and how many stand with somebody else. */
  found?: number;
  wrong?: number;
}

export interface BenchOptions {
  /** Takes the databases of the run; emptied by the caller. */
  folder: string;
  seconds: number;
  messages: number;
  /** Largest size of the patient index. */
  persons: number;
  /** Environment variable with the address of a PostgreSQL that the index is kept in, in place of a file. */
  postgres?: string;
  /** Takes CPU profiles of the measured processes. */
  profileDir?: string;
  /** Told as each step begins. */
  step(name: string): void;
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
