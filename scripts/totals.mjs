/** What one run of Jest adds to the totals. `report` is its JSON report, undefined when it wrote none. */
export function totalsOf(report, exitCode) {
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const passed = report.numPassedTests;
  const skipped = report.numPendingTests + report.numTodoTests;
  // A suite that does not start has no tests to fail, and would go unnoticed.
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  // A failed teardown, or a run in which nothing ran, is a failure too.
  const unnoticed = failed === 0 && (exitCode !== 0 || passed === 0);
  return { passed, failed: unnoticed ? 1 : failed, skipped };
}

export function sum(totals) {
  const add = (a, b) => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  });
  return totals.reduce(add, { passed: 0, failed: 0, skipped: 0 });
}

export function line({ passed, failed, skipped }) {
  return `tests: ${passed} passed, ${failed} failed, ${skipped} skipped`;
}
