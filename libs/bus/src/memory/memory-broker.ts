import { MemoryBus } from './memory-bus.js';
import { MemoryCluster } from './memory-cluster.js';

/** A broker within the process. Its clients form real consumer groups: partitions are divided over the members. */
export class MemoryBroker extends MemoryCluster {
  /** Another client of this broker. */
  connect(): MemoryBus {
    return new MemoryBus(this);
  }
}
