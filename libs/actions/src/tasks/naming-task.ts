import { reasonOf } from '@counterstep/steps';

/** Does the work for a task; what it throws says which task it was. */
export async function namingTask<T>(task: number, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw new Error(`task ${task}: ${reasonOf(thrown)}`, { cause: thrown });
  }
}
