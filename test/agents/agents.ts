import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The agents that tests run for real. */
export type AgentName = 'kustomize-controller' | 'argocd' | 'flagger'

/** What is built for an agent. */
export interface AgentBuild {
  name: AgentName
  /** Its Go module, and the version that build/NAME/go.mod pins. */
  module: string
  version: string
  /** The package that is its program. */
  main: string
  /** The folder of the Go module that pins it. */
  directory: string
  /** `-X` flags without which it does not work as released. */
  stamps: readonly string[]
  /** Seconds with a cold Go cache on two cores: to tell people how long it takes. */
  usualSeconds: number
}

const builds = {
  'kustomize-controller': {
    module: 'github.com/fluxcd/kustomize-controller',
    main: 'github.com/fluxcd/kustomize-controller',
    stamps: [],
    usualSeconds: 190,
  },
  argocd: {
    module: 'github.com/argoproj/argo-cd/v3',
    main: 'github.com/argoproj/argo-cd/v3/cmd',
    stamps: ['github.com/argoproj/argo-cd/v3/common.version'],
    usualSeconds: 260,
  },
  flagger: {
    module: 'github.com/fluxcd/flagger',
    main: 'github.com/fluxcd/flagger/cmd/flagger',
    stamps: [],
    usualSeconds: 80,
  },
} as const

export const agentNames = Object.keys(builds) as AgentName[]

export function agentBuild(name: AgentName): AgentBuild {
  const directory = join(import.meta.dirname, 'build', name)
  const { module, main, stamps, usualSeconds } = builds[name]
  const version = pinned(directory, module)
  return {
    name,
    module,
    main,
    directory,
    version,
    usualSeconds,
    stamps: stamps.map((path) => `${path}=${version}`),
  }
}

function pinned(directory: string, module: string): string {
  const text = readFileSync(join(directory, 'go.mod'), 'utf8')
  const line = text
    .split('\n')
    .find((one) => one.replace(/^\s*(?:require\s+)?/, '').startsWith(`${module} v`))
  const version = line === undefined ? undefined : /\sv\S+/.exec(line)?.[0].trim()
  if (version === undefined) throw new Error(`${directory}/go.mod pins no ${module}`)
  return version
}
