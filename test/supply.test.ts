/** What `npm install` brings: everything is pinned with a checksum, and no package runs a script without our knowing. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

interface LockedPackage {
  readonly dev?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
}

it('packages are pinned with checksums, and those that run a script at installation are known', async () => {
  const lock = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
  expect(packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
  const scripted = packages.filter(([, { hasInstallScript, dev }]) => hasInstallScript && !dev);
  // docs/security.md says what they do.
  expect(scripted.map(([path]) => path)).toEqual(['node_modules/koffi', 'node_modules/onnxruntime-node']);
});
