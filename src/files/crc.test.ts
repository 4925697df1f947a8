import { expect, it } from 'vitest';
import { crc32, crc32c } from './crc.js';

it.each([
  // RFC 3720, B.4, and the check value of the catalogue of CRCs.
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(255), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
])('%s', (_, bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
});

it('continues a checksum over parts', () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * i) >> 2);
  for (const crc of [crc32, crc32c]) {
    expect(crc(bytes.subarray(300), crc(bytes.subarray(0, 300)))).toBe(crc(bytes));
  }
  // The check value of the catalogue of CRCs.
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
});
