/**
 * `npm run storm -- 17` reruns one seed and prints its story. `npm run storm -- 1-200` runs many and prints what broke;
 * with `--share 2/3` every third of them from the second on, with `--seconds 60` none is begun later than that.
 */
import { parseArgs } from 'node:util';
import { storm } from './storm.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { share: { type: 'string', default: '1/1' }, seconds: { type: 'string', default: 'Infinity' } },
});
const [first = 1, last = first] = (positionals[0] ?? '1').split('-').map(Number);
const [share = 1, shares = 1] = values.share.split('/').map(Number);
const startedAt = performance.now();
const cpu = process.cpuUsage();
let [ran, failed, passes, requests] = [0, 0, 0, 0];

for (let seed = first + share - 1; seed <= last; seed += shares) {
  if (performance.now() - startedAt > Number(values.seconds) * 1000) break;
  const ended = await storm(seed);
  ran += 1;
  passes += ended.passes;
  requests += ended.requests.length;
  if (first === last) console.log(ended.story.join('\n'));
  if (ended.findings.length === 0) continue;
  failed += 1;
  console.log(`seed ${seed}; its story: npm run storm -- ${seed}\n  ${ended.findings.join('\n  ')}`);
}
const { user, system } = process.cpuUsage(cpu);
const each = ((user + system) / 1e6 / Math.max(1, ran)).toFixed(2);
console.log(`${ran} storms, ${failed} broke something; ${passes} passes, ${requests} requests, ${each} CPU s a storm`);
process.exitCode = failed === 0 ? 0 : 1;
