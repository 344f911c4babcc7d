// Lets plain node run the TypeScript sources, without a build: `node --import ./test/support/typescript.mjs file.ts`.
// Types are not checked here, and libraries are taken from their sources, as in Jest.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
