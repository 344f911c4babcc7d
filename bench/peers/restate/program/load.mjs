import http from 'node:http';
import { PAYLOAD, serveLoads, until } from './closed-loop.mjs';

const { INGRESS_PORT, ADMIN_PORT, SERVICE_PORT } = process.env;
const agent = new http.Agent({ keepAlive: true });
const body = JSON.stringify(PAYLOAD);
let keys = 0;

const deployment = JSON.stringify({ uri: `http://127.0.0.1:${SERVICE_PORT}` });
await until(() => post(ADMIN_PORT, '/deployments', deployment));
await until(saga);
serveLoads(saga);

/** The key makes a start that is sent twice one saga, as every start of ours is. */
function saga() {
  keys += 1;
  return post(INGRESS_PORT, '/Saga/run', body, { 'idempotency-key': `${process.pid}-${keys}` });
}

function post(port, path, content, headers = {}) {
  return new Promise((resolve, reject) => {
    const all = { 'content-type': 'application/json', ...headers };
    const request = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers: all });
    request.once('error', reject);
    request.once('response', (response) => {
      response.resume();
      response.once('end', () => {
        if (response.statusCode < 300) resolve();
        else reject(new Error(`${path} answered ${response.statusCode}`));
      });
    });
    request.end(content);
  });
}
