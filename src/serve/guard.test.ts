import { expect, test } from 'vitest';
import { Guard, isLoopback } from './guard.js';

test.each(['localhost', '127.0.0.1', '127.8.0.1', '::1', '[::1]', 'LOCALHOST'])(
  '%s is this machine',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each([
  '0.0.0.0',
  '10.0.0.1',
  'example.test',
  '127.0.0.1.example.test',
  'localhost.example.test',
  '::',
  '',
])('%s is not this machine alone', (host) => expect(isLoopback(host)).toBe(false));

const check =
  (headers: Record<string, string>, host = '127.0.0.1', allowedHosts: string[] = []) =>
  () =>
    new Guard({ host, allowedHosts }).checkSender(new Headers(headers));

test('only the names of the server are accepted', () => {
  expect(check({ host: 'localhost:8787' })).not.toThrow();
  expect(check({ host: '[::1]:8787' })).not.toThrow();
  expect(check({ host: 'elsewhere.test:8787' })).toThrow(/only serves this machine/);
  expect(check({})).toThrow();
  expect(check({ host: 'elsewhere.test:8787' }, '0.0.0.0')).toThrow(/--allow-hosts/);
  expect(check({ host: 'Elsewhere.test:8787' }, '0.0.0.0', ['elsewhere.test'])).not.toThrow();
  expect(check({ host: '10.0.0.7:8787' }, '10.0.0.7')).not.toThrow();
  expect(check({ host: '127.0.0.1:8787' }, '0.0.0.0')).not.toThrow();
});

test('pages of other sites are refused everywhere', () => {
  expect(check({ host: 'localhost:1', origin: 'http://localhost:1' })).not.toThrow();
  expect(check({ host: 'localhost:1', origin: 'http://localhost:2' })).toThrow(/other sites/);
  expect(check({ host: 'localhost:1', origin: 'null' })).toThrow();
  expect(check({ host: 'localhost', 'sec-fetch-site': 'cross-site' }, '0.0.0.0')).toThrow();
});

test('a token is asked for, in a header, the query or a cookie', () => {
  const guard = new Guard({ host: '0.0.0.0', token: 'secret' });
  const withToken = (headers: Record<string, string>, query?: string) => () =>
    guard.checkToken(new Headers(headers), query);
  expect(withToken({})).toThrow(/token is missing or wrong/);
  expect(withToken({ authorization: 'Bearer wrong' }, 'secre')).toThrow();
  expect(withToken({ authorization: 'Bearer secret' })()).toBeUndefined();
  expect(withToken({ cookie: 'a=b; pixelwise-token=secret' })()).toBeUndefined();
  expect(withToken({}, 'secret')()).toMatch(/^pixelwise-token=secret; .*HttpOnly; SameSite=Strict/);
});
