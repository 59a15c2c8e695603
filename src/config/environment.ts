import { homedir, hostname } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** Everything that the guard reads from the environment. */
export interface Environment {
  /** The KUBECONFIG variable as it is (it may name several files); absent: the default places. */
  kubeconfig?: string
  /** Names this replica: the Pod, else the host. */
  replica: string
  /** The namespace that the guard runs in, inside a cluster. */
  namespace?: string
  logLevel: LogLevel
  /** False where NO_COLOR is set to anything, or the terminal is dumb. */
  color: boolean
  /** Folders of this user, by the XDG base directory specification; absolute. */
  cacheHome: string
  stateHome: string
  /** What child processes and `{ env: NAME }` secrets see. */
  variables: Readonly<Record<string, string | undefined>>
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LEVELS)[number]

/**
 * What an environment says.
 *
 * @throws Error for a LOG_LEVEL that is none.
 */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const home = env['HOME'] || homedir()
  const level = (env['LOG_LEVEL'] || 'info').toLowerCase() as LogLevel
  if (!LEVELS.includes(level)) {
    throw new Error(
      `LOG_LEVEL must be one of ${LEVELS.join(', ')}: current value is ${JSON.stringify(level)}`,
    )
  }
  return {
    ...(env['KUBECONFIG'] ? { kubeconfig: env['KUBECONFIG'] } : {}),
    replica: env['POD_NAME'] || hostname(),
    ...(env['POD_NAMESPACE'] ? { namespace: env['POD_NAMESPACE'] } : {}),
    logLevel: level,
    color: !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    cacheHome: absolute(env['XDG_CACHE_HOME']) ?? join(home, '.cache'),
    stateHome: absolute(env['XDG_STATE_HOME']) ?? join(home, '.local', 'state'),
    variables: env,
  }
}

/** The environment of this process. */
export function processEnvironment(): Environment {
  return fromEnvironment(process.env)
}

/** Relative paths are to be ignored, says the specification. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined
}
