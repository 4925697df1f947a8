/** What `npm install` brings: everything is pinned with a checksum, and no package runs a script. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

interface LockedPackage {
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

it('packages are pinned with checksums, and none runs a script at installation', async () => {
  const lock = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '');
  expect(packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
  // npm looks for scripts only in packages that the lock file marks. Where this fails, remove the marks again, and list the
  // packages in `allowScripts` of package.json as `false`: docs/security.md says why none is needed.
  expect(packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)).toEqual([]);
});
