// Jest does not apply its module mapping to global hooks, so this file is plain JavaScript and loads the TypeScript itself.
import './typescript.mjs';

export default async function globalSetup(globalConfig) {
  const { startServers } = await import('./servers.ts');
  await startServers(globalConfig.testPathPatterns.patterns);
}
