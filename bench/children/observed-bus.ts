import type { Bus, Delivery, SubscribeOptions } from '@counterstep/bus';

/** The same bus; `onDelivered` sees what of `topic` comes in, before the subscriber does. */
export function observed(bus: Bus, topic: string, onDelivered: (delivery: Delivery) => void): Bus {
  return {
    publish: (messages) => bus.publish(messages),
    listen: (options) => bus.listen(options),
    isWaiting: (question) => bus.isWaiting(question),
    ensureTopics: (topics) => bus.ensureTopics(topics),
    partitionOf: (name, key) => bus.partitionOf(name, key),
    health: () => bus.health(),
    close: (options) => bus.close(options),
    subscribe: (options) => bus.subscribe(options.topics.includes(topic) ? seen(options) : options),
  };

  function seen(options: SubscribeOptions): Parameters<Bus['subscribe']>[0] {
    return {
      ...options,
      onDeliveries: (deliveries) => {
        for (const delivery of deliveries) onDelivered(delivery);
        options.onDeliveries(deliveries);
      },
    };
  }
}
