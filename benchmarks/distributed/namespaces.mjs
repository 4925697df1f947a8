/**
 * Simulates two hosts on one machine: network namespaces with their own host names, connected by a veth pair whose
 * bandwidth is limited by `tc`. Open MPI starts a daemon in each and connects them by TCP. Linux only, as root.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const HOSTS = ['pixelwise0', 'pixelwise1'];
const address = (i) => `10.99.0.${i + 1}`;
const interfaceOf = (i) => `pixelwise-v${i}`;
const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });

/** Creates the two hosts. `command(words)` is the command for running mpirun on the first; `remove()` deletes them. */
export function makeHosts(megabits) {
  const folder = mkdtempSync(join(tmpdir(), 'pixelwise-hosts-'));
  const remove = () => {
    for (const host of HOSTS) {
      try {
        ip('netns', 'del', host);
      } catch {
        // It was not created, or is already deleted.
      }
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const host of HOSTS) {
      ip('netns', 'add', host);
      ip('-n', host, 'link', 'set', 'lo', 'up');
    }
    const [first, second] = HOSTS;
    const pair = [interfaceOf(0), 'netns', first, 'type', 'veth', 'peer', 'name', interfaceOf(1)];
    ip('link', 'add', ...pair, 'netns', second);
    HOSTS.forEach((host, i) => {
      ip('-n', host, 'addr', 'add', `${address(i)}/24`, 'dev', interfaceOf(i));
      ip('-n', host, 'link', 'set', interfaceOf(i), 'up');
      const limit = ['rate', `${megabits}mbit`, 'burst', '256kb', 'latency', '50ms'];
      execFileSync('tc', ['-n', host, 'qdisc', 'add', 'dev', interfaceOf(i), 'root', 'tbf', ...limit]);
    });
    // mpirun calls this instead of ssh, with the host and then a shell command.
    const agent = join(folder, 'agent.sh');
    writeFileSync(
      agent,
      `#!/bin/sh\nshift\nexec ip netns exec ${second} unshare --uts sh -c "hostname ${second}; $*"\n`,
    );
    chmodSync(agent, 0o755);
    const open = [
      ...['--host', HOSTS.map((_, i) => `${address(i)}:1`).join(','), '--mca', 'plm_rsh_agent', agent],
      ...['--mca', 'oob_tcp_if_include', '10.99.0.0/24', '--mca', 'btl_tcp_if_include', '10.99.0.0/24'],
      ...['--mca', 'btl', 'tcp,self', '--bind-to', 'none'],
    ];
    const command = (words) => {
      const script = `hostname ${first}; exec "$@"`;
      const call = ['mpirun', '--allow-run-as-root', ...open, ...words];
      return ['ip', 'netns', 'exec', first, 'unshare', '--uts', 'sh', '-c', script, 'sh', ...call];
    };
    return { command, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
