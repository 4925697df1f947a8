/** Opening the port of a local server. */
import type { Server } from 'node:http';
import { PixelwiseError } from '../errors/index.js';

/** Opens a port. @throws PixelwiseError `listen` that says why it cannot be opened. */
export function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((done, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE'
          ? 'another program uses this port. Choose another --port; 0 chooses a free one'
          : cause.code === 'EACCES'
            ? 'permission denied. Choose a --port of 1024 or higher'
            : cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND'
              ? 'this machine has no such address. Choose another --host'
              : cause.message;
      reject(new PixelwiseError('listen', `Cannot listen on ${host}, port ${port}: ${why}.`, { cause }));
    });
    server.listen(port, host, done);
  });
}
