export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

export interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numRuntimeErrorTestSuites: number;
}

export function totalsOf(report: JestReport | undefined, exitCode: number | null): Totals;
export function sum(totals: readonly Totals[]): Totals;
export function line(totals: Totals): string;
