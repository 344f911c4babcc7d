import { proxyActivities } from '@temporalio/workflow';

const steps = proxyActivities({ startToCloseTimeout: '60 s' });

export async function saga(payload) {
  await steps.one(payload);
  await steps.two(payload);
  await steps.three(payload);
}
