/** Downloads from Kaggle: finds the user's API token and exchanges it for a signed address. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PixelwiseError } from '../../errors/index.js';
import type { Checksum } from '../../files/index.js';

export interface KaggleToken {
  readonly username: string;
  readonly key: string;
}

/**
 * The user's token: `KAGGLE_USERNAME` and `KAGGLE_KEY`, or `kaggle.json` in `KAGGLE_CONFIG_DIR` or `~/.kaggle`,
 * as in Kaggle's own client.
 * @throws PixelwiseError `kaggle-token`, which explains how to get a token.
 */
export async function kaggleToken(environment: NodeJS.ProcessEnv, page: string): Promise<KaggleToken> {
  const { KAGGLE_USERNAME: username, KAGGLE_KEY: key, KAGGLE_CONFIG_DIR: folder } = environment;
  if (username && key) return { username, key };
  const path = join(folder ?? join(homedir(), '.kaggle'), 'kaggle.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text !== undefined) {
    try {
      const { username: name, key: secret } = JSON.parse(text) as Partial<KaggleToken>;
      if (typeof name === 'string' && typeof secret === 'string') return { username: name, key: secret };
    } catch {
      // Not JSON: the message below shows the expected content.
    }
  }
  throw new PixelwiseError(
    'kaggle-token',
    `This data set needs a Kaggle account. ${text === undefined ? 'No token was found' : `${path} holds no token`}: ` +
      `on kaggle.com, under Settings, create an API token and save it as ${path} ({"username": …, "key": …}), or set ` +
      `KAGGLE_USERNAME and KAGGLE_KEY. Accept the rules once at ${page}.`,
  );
}

/**
 * Exchanges an API address for the signed address that it redirects to, which needs no token.
 * @throws PixelwiseError `download` if the token is wrong (401), the rules are not accepted (403), or there is no
 *   redirect.
 */
export async function signedAddress(
  url: string,
  token: KaggleToken,
  page: string,
  signal: AbortSignal,
): Promise<string> {
  const credentials = Buffer.from(`${token.username}:${token.key}`).toString('base64');
  const response = await fetch(url, {
    headers: { authorization: `Basic ${credentials}` },
    redirect: 'manual',
    signal,
  });
  await response.body?.cancel();
  const location = response.headers.get('location');
  if (response.status >= 300 && response.status < 400 && location !== null)
    return new URL(location, url).href;
  const why =
    response.status === 401
      ? 'Kaggle rejected the token. Create a new one under Settings on kaggle.com'
      : response.status === 403
        ? `the rules have not been accepted. Do so once at ${page}`
        : `Kaggle answered ${response.status}. See ${page}`;
  throw new PixelwiseError('download', `${url}: ${why}.`);
}

/**
 * The MD5 in the response headers of a signed address, used to resume and check the download. Undefined if there
 * is none.
 */
export async function checksumFromHeaders(url: string, signal: AbortSignal): Promise<Checksum | undefined> {
  const response = await fetch(url, { headers: { range: 'bytes=0-0' }, signal });
  await response.body?.cancel();
  const md5 = /md5=([A-Za-z0-9+/=]+)/.exec(response.headers.get('x-goog-hash') ?? '')?.[1];
  return md5 === undefined
    ? undefined
    : { algorithm: 'md5', digest: Buffer.from(md5, 'base64').toString('hex') };
}
