/**
 * Checks the links of the site that `npm run docs` writes: files, and places in them.
 *
 *   node scripts/check-site.mjs [FOLDER]        default site
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const root = resolve(process.argv[2] ?? 'site');
const pages = new Map();
for (const name of await readdir(root, { recursive: true })) {
  if (!name.endsWith('.html')) continue;
  const text = await readFile(join(root, name), 'utf8');
  const all = (pattern) => [...text.matchAll(pattern)].map(([, found]) => found.replaceAll('&amp;', '&'));
  pages.set(join(root, name), {
    links: all(/(?:href|src)="([^"]+)"/g).filter((link) => !/^(?:[a-z]+:|\/\/)/i.test(link)),
    places: new Set(all(/\bid="([^"]+)"/g)),
  });
}
const broken = new Set();
let count = 0;
for (const [page, { links }] of pages) {
  for (const link of links) {
    count++;
    const [path, place] = link.split('#').map(decodeURIComponent);
    const target = path === '' ? page : join(dirname(page), path);
    const known = pages.get(target);
    if (!existsSync(target) || (place && known && !known.places.has(place))) {
      broken.add(`${page.slice(root.length + 1)}: ${link}`);
    }
  }
}
console.log(`${pages.size} pages, ${count} links, ${broken.size} broken`);
for (const line of broken) console.log(line);
process.exitCode = broken.size > 0 ? 1 : 0;
