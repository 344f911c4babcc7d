import { MemoryBroker } from '@counterstep/bus';
import { busConformance } from '../../libs/testing/src/bus-conformance.js';

busConformance('the memory bus', () => {
  const broker = new MemoryBroker();
  return Promise.resolve({
    bus: () => broker.connect(),
    outage: () => {
      broker.available = false;
      return Promise.resolve(() => {
        broker.available = true;
        return Promise.resolve();
      });
    },
    close: () => Promise.resolve(),
  });
});
