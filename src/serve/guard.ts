/**
 * Checks where requests come from. Pages of other sites must not use a server on this machine, neither by
 * cross-origin requests (detected by the Origin header) nor by DNS rebinding, where their own host name resolves to
 * this machine (detected by the Host header). A server that other machines can reach asks for a token.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { HttpError } from './http-error.js';

/** Whether only this machine can reach a server that listens on `host`. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host);
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

export interface GuardOptions {
  /** The address listened on. */
  readonly host: string;
  /** Host names by which clients may address the server, besides its own. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** The token that requests must have; undefined for none. */
  readonly token?: string | undefined;
}

/** A new token, 32 hexadecimal digits. */
export const newToken = (): string => randomBytes(16).toString('hex');

/** Addresses that mean all of this machine's addresses. */
const EVERYWHERE = new Set(['0.0.0.0', '::']);

/** Where a browser keeps the token after the first page. */
const COOKIE = 'pixelwise-token';

export class Guard {
  private readonly hosts: ReadonlySet<string>;

  constructor(private readonly options: GuardOptions) {
    const host = bareHost(options.host);
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    const own = EVERYWHERE.has(host) ? addresses.map(({ address }) => address) : [host];
    const names = isLoopback(host) ? [] : [hostname()];
    this.hosts = new Set([...own, ...names, ...(options.allowedHosts ?? [])].map(bareHost));
  }

  /** Throws HttpError 403 for requests by names that are not this server's, and from pages of other sites. */
  checkSender(headers: Headers): void {
    const named = headers.get('host') ?? '';
    const name = hostnameOf(named);
    if (!isLoopback(name) && !this.hosts.has(bareHost(name))) {
      const help = isLoopback(this.options.host)
        ? 'this server only serves this machine. Use localhost, or start the server with --host to serve others.'
        : 'this is not one of the names of this server. Start it with --allow-hosts to add the name.';
      throw new HttpError(403, 'host', `The request is for the host "${named}", but ${help}`);
    }
    const origin = headers.get('origin');
    const across = origin !== null && origin !== `http://${named}` && origin !== `https://${named}`;
    if (across || headers.get('sec-fetch-site') === 'cross-site') {
      throw new HttpError(403, 'origin', 'Pages of other sites may not use this server.');
    }
  }

  /**
   * Throws HttpError 401 for requests without the token: in `Authorization: Bearer`, in the query as `token`, or in
   * the cookie. @returns the cookie to set if the token came in the query.
   */
  checkToken(headers: Headers, query: string | undefined): string | undefined {
    const { token } = this.options;
    if (token === undefined) return undefined;
    const bearer = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1];
    const cookie = new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(headers.get('cookie') ?? '')?.[1];
    const given = [query, bearer, cookie].filter((text) => text !== undefined);
    if (!given.some((text) => sameText(text, token))) {
      throw new HttpError(
        401,
        'token',
        'The token is missing or wrong. Open the address that the server printed, or send it as Authorization: Bearer TOKEN.',
      );
    }
    return query === undefined ? undefined : `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict`;
  }
}

/** Compares in a time that does not tell how much is equal. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** A Host header without its port. */
function hostnameOf(header: string): string {
  return header.replace(/:\d*$/, '');
}

function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}
