import { MemoryDatabase, MemoryStore } from '@counterstep/engine';
import { storeConformance } from '@counterstep/testing';

storeConformance('MemoryStore', async () => {
  const database = new MemoryDatabase();
  return {
    store: async () => new MemoryStore({ database }),
    crash: async (store) => (store as MemoryStore).crash(),
    usurp: async (laneId) => {
      const lane = database.lanes.get(laneId);
      if (lane) Object.assign(lane, { epoch: lane.epoch + 1, holder: undefined });
    },
    close: async () => undefined,
  };
});
