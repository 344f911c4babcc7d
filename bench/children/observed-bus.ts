import type { Bus, Delivery, OutgoingMessage, SubscribeOptions } from '@counterstep/bus';

/** Who watches a bus. */
interface Observer {
  /** Sees what of the topic comes in, before its subscriber does. */
  readonly incoming: { readonly topic: string; readonly see: (delivery: Delivery) => void };
  /** Sees what goes out to the topic, before the broker has it. */
  readonly outgoing: { readonly topic: string; readonly see: (message: OutgoingMessage) => void };
}

/** The same bus, watched. */
export function observed(bus: Bus, { incoming, outgoing }: Observer): Bus {
  return {
    publish: (messages) => {
      for (const message of messages) if (message.topic === outgoing.topic) outgoing.see(message);
      return bus.publish(messages);
    },
    listen: (options) => bus.listen(options),
    isWaiting: (question) => bus.isWaiting(question),
    ensureTopics: (topics) => bus.ensureTopics(topics),
    partitionOf: (name, key) => bus.partitionOf(name, key),
    health: () => bus.health(),
    close: (options) => bus.close(options),
    subscribe: (options) => bus.subscribe(options.topics.includes(incoming.topic) ? seen(options) : options),
  };

  function seen(options: SubscribeOptions): Parameters<Bus['subscribe']>[0] {
    return {
      ...options,
      onDeliveries: (deliveries) => {
        for (const delivery of deliveries) incoming.see(delivery);
        options.onDeliveries(deliveries);
      },
    };
  }
}
