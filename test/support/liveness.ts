/** Promise 6 after every test. Throws when there are any. */
export function refuseHanging(sagaIds: readonly string[]): void {
  if (sagaIds.length > 0)
    throw new Error(`sagas hang: nothing will move them, and nobody was asked: ${sagaIds.join(', ')}`);
}
