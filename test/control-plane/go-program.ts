import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { platform } from './platform.ts'

/** A program that tests build from the Go module that pins it. */
export interface GoProgram {
  name: string
  /** Its folder in the cache, and who speaks of progress: `agents`, `operators`, `renderers`. */
  family: string
  /** Its Go module, and the version that `directory`/go.mod pins, e.g. `v1.36.1`. */
  module: string
  version: string
  /** The package that is its program: of its module, or `.` where the folder itself has it. */
  main: string
  /** The folder of the Go module that pins it. */
  directory: string
  /** `-X` flags without which it does not work, or does not say its version, as released. */
  stamps: readonly string[]
  /** Seconds with a cold Go cache on two cores: to tell people how long it takes. */
  usualSeconds: number
}

/** A program with its version as `directory`/go.mod pins it; `stamps` name variables that hold that version. */
export function goProgram(facts: Omit<GoProgram, 'version'>): GoProgram {
  const version = pinned(facts.directory, facts.module)
  return { ...facts, version, stamps: facts.stamps.map((variable) => `${variable}=${version}`) }
}

/** Where the executable of one version is kept between runs; `src/git/renderer-program.ts` looks there too. */
export function programFile(
  { family, name, version }: Pick<GoProgram, 'family' | 'name' | 'version'>,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const cache = env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const file = process.platform === 'win32' ? `${name}.exe` : name
  return join(cache, 'gitops-guard', family, `${name}-${version}-${platform()}`, file)
}

function pinned(directory: string, module: string): string {
  const line = readFileSync(join(directory, 'go.mod'), 'utf8')
    .split('\n')
    .find((one) => one.replace(/^\s*(?:require\s+)?/, '').startsWith(`${module} v`))
  const version = line === undefined ? undefined : /\sv\S+/.exec(line)?.[0].trim()
  if (version === undefined) throw new Error(`${directory}/go.mod pins no ${module}`)
  return version
}
