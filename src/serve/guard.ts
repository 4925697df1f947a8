/**
 * Checks where requests come from. Pages of other sites must not use a server on this machine, neither by
 * cross-origin requests (detected by the Origin header) nor by DNS rebinding, where their own host name resolves to
 * this machine (detected by the Host header).
 */
import { isIP } from 'node:net';
import { HttpError } from './http-error.js';

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host);
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** Throws HttpError 403 for requests from pages of other sites. @param host the address listened on. */
export function checkSender(headers: Headers, host: string): void {
  const named = headers.get('host') ?? '';
  if (isLoopback(host) && !isLoopback(hostnameOf(named))) {
    throw new HttpError(
      403,
      'host',
      `The request is for the host "${named}", but this server only serves this machine. ` +
        'Use localhost, or start the server with --host to serve others.',
    );
  }
  const origin = headers.get('origin');
  const across = origin !== null && origin !== `http://${named}` && origin !== `https://${named}`;
  if (across || headers.get('sec-fetch-site') === 'cross-site') {
    throw new HttpError(403, 'origin', 'Pages of other sites may not use this server.');
  }
}

/** A Host header without its port. */
function hostnameOf(header: string): string {
  return header.replace(/:\d*$/, '');
}

function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}
