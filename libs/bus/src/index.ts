export { BusClosedError } from './bus.js';
export type {
  Bus,
  BusHealth,
  BusLogger,
  Delivery,
  ListenOptions,
  Listener,
  OutgoingMessage,
  Received,
  RefusedMessage,
  SubscribeOptions,
  Subscription,
  TopicSpec,
  WaitingQuestion,
} from './bus.js';
export { MAX_MESSAGE_BYTES } from '@counterstep/protocol';
export { sizeOf } from './message-size.js';
export { partitionFor } from './partitioner.js';
export { UnknownTopicError } from './unknown-topic.js';
export { MemoryBroker } from './memory/memory-broker.js';
export type { MemoryBrokerOptions } from './memory/memory-cluster.js';
export { MemoryBus } from './memory/memory-bus.js';
export type { Later, MemoryFaults } from './memory/faults.js';
export { KafkaBus } from './kafka/kafka-bus.js';
export type { KafkaBusOptions } from './kafka/kafka-bus.js';
