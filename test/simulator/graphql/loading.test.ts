import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Prints whether the library has been loaded: with the simulator, after REST and web requests, after GraphQL. */
const script = `
import { registerHooks } from 'node:module';
let loaded = false;
registerHooks({ load(url, context, next) { loaded ||= url.includes('/node_modules/graphql/'); return next(url, context); } });
const { startSimulator } = await import(process.argv[1]);
const clock = { now: () => 0, timer: () => () => {}, park: async () => {} };
const { url, token, close } = await startSimulator({ clock });
const headers = { authorization: 'Bearer ' + token };
const seen = [loaded];
await fetch(url + '/v1/apps?org_slug=personal', { headers });
await fetch(url + '/api/v1/organizations', { headers });
seen.push(loaded);
const asked = await fetch(url + '/graphql', { method: 'POST', headers, body: JSON.stringify({ query: '{ viewer { email } }' }) });
seen.push(loaded, (await asked.json()).data.viewer.email);
await close();
console.log(JSON.stringify(seen));
`;

test('the GraphQL library is loaded by the first request that asks for it', async () => {
  const simulator = pathToFileURL('simulator/simulator.ts').href;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, simulator]);
  expect(JSON.parse(stdout)).toEqual([false, false, true, 'simulator@tokens.fly.io']);
});
