/**
 * A process of its own: PORT CONNECTIONS SECONDS. It keeps so many connections to a webhook busy with what nobody may send, each
 * from one of 200 addresses of the loopback interface, and prints how many requests it began, and how they were answered.
 */
import { connect } from 'node:net';

const [port = 0, connections = 0, seconds = 0] = process.argv.slice(2).map(Number);
const until = performance.now() + seconds * 1000;
const piece = 'x'.repeat(90_000);
const answers: Record<string, number> = {};
let begun = 0;

const head = (headers: string): string => `POST /webhook HTTP/1.1\r\nhost: flycd\r\n${headers}\r\n\r\n`;
const forged = `x-hub-signature-256: sha256=${'0'.repeat(64)}`;

/** What is sent at once, and what is sent again and again until the connection ends. */
const kinds: readonly (readonly [first: string, again: string])[] = [
  [head('content-length: 990000'), piece],
  [head(`${forged}\r\ncontent-length: 990000`), piece],
  [head(`${forged}\r\ncontent-length: 990000`) + piece, ''],
  [head(`${forged}\r\ntransfer-encoding: chunked`), `15f90\r\n${piece}\r\n`],
  ['', ''],
  ['', 'GET /healthz HTTP/1.1\r\nhost: flycd\r\n\r\n'.repeat(2_000)],
  ['POST /webh', ''],
  [head('content-length: 10').replace('/webhook', '/elsewhere'), piece],
];

function attack(number: number): void {
  if (performance.now() > until) return;
  begun += 1;
  const [first, again] = kinds[number % kinds.length] ?? ['', ''];
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.1.${(number % 200) + 1}` });
  let told = '';
  const more = (): void => {
    if (again === '') return;
    while (!socket.destroyed && socket.write(again));
  };
  socket.on('connect', () => {
    socket.write(first);
    more();
  });
  socket.on('drain', more);
  socket.on('data', (data: Buffer) => (told ||= data.toString().slice(9, 12)));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    const answer = told === '' ? 'none' : told;
    answers[answer] = (answers[answer] ?? 0) + 1;
    setTimeout(() => attack(number), 20);
  });
}

for (let number = 0; number < connections; number += 1) attack(number);
setTimeout(
  () => {
    process.stdout.write(`${JSON.stringify({ begun, answers })}\n`);
    process.exit(0);
  },
  seconds * 1000 + 500,
);
