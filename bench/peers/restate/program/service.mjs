import { createServer } from 'node:http2';
import * as restate from '@restatedev/restate-sdk';

// A journal is dropped as soon as its invocation is done: nothing here reads it later.
const options = { journalRetention: 0 };
const step = (name) =>
  restate.service({ name, handlers: { run: async (_context, payload) => payload.text.length }, options });
const steps = ['One', 'Two', 'Three'].map(step);
const saga = restate.service({
  name: 'Saga',
  handlers: {
    run: async (context, payload) => {
      for (const each of steps) await context.serviceClient(each).run(payload);
    },
  },
  options,
});
createServer(restate.createEndpointHandler({ services: [...steps, saga] })).listen(
  Number(process.env.SERVICE_PORT),
  '127.0.0.1',
  () => console.log('ready'),
);
