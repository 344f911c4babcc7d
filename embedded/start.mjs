// `npm start`: builds what has changed, then runs everything in this process.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: 20.19 or later is needed.`);
  process.exit(1);
}
if (!existsSync(new URL('dist/main.js', import.meta.url))) console.log('Building, this takes a moment …');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [tsc, '-b', fileURLToPath(new URL('.', import.meta.url))], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
await import('./dist/main.js');
