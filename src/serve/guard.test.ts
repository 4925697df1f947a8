import { expect, test } from 'vitest';
import { checkSender, isLoopback } from './guard.js';

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
  (headers: Record<string, string>, host = '127.0.0.1') =>
  () =>
    checkSender(new Headers(headers), host);

test('names that others gave this machine are refused on loopback alone', () => {
  expect(check({ host: 'localhost:8787' })).not.toThrow();
  expect(check({ host: '[::1]:8787' })).not.toThrow();
  expect(check({ host: 'elsewhere.test:8787' })).toThrow(/only serves this machine/);
  expect(check({})).toThrow();
  expect(check({ host: 'elsewhere.test:8787' }, '0.0.0.0')).not.toThrow();
});

test('pages of other sites are refused everywhere', () => {
  expect(check({ host: 'localhost:1', origin: 'http://localhost:1' })).not.toThrow();
  expect(check({ host: 'localhost:1', origin: 'http://localhost:2' })).toThrow(/other sites/);
  expect(check({ host: 'localhost:1', origin: 'null' })).toThrow();
  expect(check({ host: 'a.test', 'sec-fetch-site': 'cross-site' }, '0.0.0.0')).toThrow();
});
