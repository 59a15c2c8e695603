/** How a program is kept to its folder: the command line and environment for each degree of isolation. */
import { join } from 'node:path'

/**
 * `full`: namespaces of its own (user, mounts, network, processes) and the folder as its root; `network`: no network; `none`: an empty
 * environment, a dead proxy, limits and a process group. The last two where the machine allows no more.
 */
export type Isolation = 'full' | 'network' | 'none'

export interface Isolated {
  command: string[]
  environment: Record<string, string>
  /** Where the program finds a file of the folder. */
  path: (file: string) => string
}

/** KiB of address space, of which Go reserves half without using it. Where memory is short all the same, the kernel takes this process first. */
const MEMORY = 2 * 1024 * 1024
/** Blocks of 512 bytes, for each file that it writes. */
const FILE = 128 * 1024

// Not every shell knows every limit; those that it knows hold.
const LIMITS = `ulimit -c 0; ulimit -v ${MEMORY}; ulimit -f ${FILE}; echo 1000 > /proc/self/oom_score_adj`
const CONFINED = `{ ${LIMITS}; } 2>/dev/null; mount --bind "$1" "$2/program" && cd "$2" && root="$2" && shift 2 && exec chroot "$root" /program "$@"`
const LIMITED = `{ ${LIMITS}; } 2>/dev/null; program="$1"; shift; PATH=/nonexistent; export PATH; exec "$program" "$@"`
/** Nobody listens there: for a program that has a network and keeps to the proxy settings. */
const NOWHERE = 'http://127.0.0.1:1'

/** What to run so that `program` runs isolated: arguments for it follow the command. */
export function isolated({
  program,
  folder,
  isolation,
}: {
  program: string
  folder: string
  isolation: Isolation
}): Isolated {
  const path = (file: string) => (isolation === 'full' ? `/${file}` : join(folder, file))
  const environment = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: path('tmp'),
    TMPDIR: path('tmp'),
    LC_ALL: 'C',
    GOMEMLIMIT: '600MiB',
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
    ...homesOf(path('tmp')),
  }
  const shell = (script: string, ...first: string[]) => ['/bin/sh', '-c', script, 'sh', ...first]
  const namespaces = ['unshare', '--user', '--map-root-user', '--net']
  const command = {
    full: [
      ...namespaces,
      ...['--mount', '--pid', '--fork', '--kill-child', '--'],
      ...shell(CONFINED, program, folder),
    ],
    network: [...namespaces, '--', ...shell(LIMITED, program)],
    none: shell(LIMITED, program),
  }[isolation]
  return { command, environment, path }
}

/** Helm's own folders: nothing of the user's repositories, plugins or registries. */
function homesOf(tmp: string): Record<string, string> {
  const names = ['HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME']
  return Object.fromEntries(names.map((name) => [name, `${tmp}/helm`]))
}
