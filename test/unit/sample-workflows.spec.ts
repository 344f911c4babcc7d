import { expect, test } from '@jest/globals';
import { demoWorkflows } from '@counterstep/orchestrator';
import { simulateAll } from '@counterstep/testing';

test.each(demoWorkflows.map((workflow) => [workflow.name, workflow] as const))(
  'the sample workflow %s leaves nothing standing, whatever goes wrong',
  (_, workflow) => {
    const report = simulateAll(workflow);
    report.assertClean();
    expect(report.runs.length).toBeGreaterThan(200);
  },
);
