/** How many connections there are: who comes last is let in, and of those of the busiest address the oldest goes. */
import type { Server, ServerResponse, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** `onClosed`: one had to go. */
export function boundConnections(server: Server, max: number, onClosed: () => void): void {
  const byAddress = new Map<string, Set<Socket>>();
  let open = 0;
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const own = byAddress.get(address) ?? new Set();
    byAddress.set(address, own.add(socket));
    open += 1;
    socket.once('close', () => {
      open -= 1;
      own.delete(socket);
      if (own.size === 0 && byAddress.get(address) === own) byAddress.delete(address);
    });
    if (open <= max) return;
    const oldest = oldestOf(byAddress.values());
    if (oldest === undefined) return;
    oldest.destroy();
    onClosed();
  });
  // More than a connection may send is not answered one by one.
  server.on('dropRequest', (_request, socket) => socket.destroy());
}

/** Of the address that has most. One that is answered stays. */
function oldestOf(all: Iterable<ReadonlySet<Socket>>): Socket | undefined {
  let most: readonly Socket[] = [];
  for (const sockets of all) {
    const closable = [...sockets].filter((socket) => !answering.has(socket) && !socket.destroyed);
    if (closable.length > most.length) most = closable;
  }
  return most[0];
}

const answering = new WeakSet<Socket>();

/** What was sent on this connection is proved somebody's who may: it stays until it is answered. */
export function keepUntilAnswered({ socket }: IncomingMessage, response: ServerResponse): void {
  answering.add(socket);
  response.once('close', () => answering.delete(socket));
}
