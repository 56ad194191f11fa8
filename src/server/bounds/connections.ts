/** How many connections there are: who comes last is let in, and who has been there longest without an answer due goes. */
import type { Server, ServerResponse, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

export function boundConnections(server: Server, max: number): void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (open.size <= max) return;
    for (const oldest of open) {
      if (answering.has(oldest)) continue;
      oldest.destroy();
      open.delete(oldest);
      return;
    }
  });
}

const answering = new WeakSet<Socket>();

/** What was sent on this connection is proved somebody's who may: it stays until it is answered. */
export function keepUntilAnswered({ socket }: IncomingMessage, response: ServerResponse): void {
  answering.add(socket);
  response.once('close', () => answering.delete(socket));
}
