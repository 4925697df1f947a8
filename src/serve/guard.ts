/**
 * Who may ask. A page of another site must not use a server on this machine: neither by asking across (its
 * origin gives it away), nor by giving a name of its own this machine's address (DNS rebinding; then the Host
 * header gives it away).
 */
import { isIP } from 'node:net';
import { Refusal } from './refusal.js';

/** Whether a server that listens there is heard by this machine alone. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host);
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** Throws Refusal 403 for a request that no page or program of this server's own sends. @param host listened on. */
export function checkSender(headers: Headers, host: string): void {
  const named = headers.get('host') ?? '';
  if (isLoopback(host) && !isLoopback(hostnameOf(named))) {
    throw new Refusal(
      403,
      'host',
      `The request is for the host "${named}", and this server answers this machine alone. ` +
        'Ask for localhost, or start it with --host to serve others.',
    );
  }
  const origin = headers.get('origin');
  const across = origin !== null && origin !== `http://${named}` && origin !== `https://${named}`;
  if (across || headers.get('sec-fetch-site') === 'cross-site') {
    throw new Refusal(403, 'origin', 'Pages of other sites cannot use this server.');
  }
}

/** A Host header without its port. */
function hostnameOf(header: string): string {
  return header.replace(/:\d*$/, '');
}

function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}
