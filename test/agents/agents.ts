import { join } from 'node:path'
import { goProgram, type GoProgram } from '../control-plane/go-program.ts'

const programs = {
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

/** The agents that tests run for real. */
export type AgentName = keyof typeof programs
export const agentNames = Object.keys(programs) as AgentName[]

/** How an agent is built, as its pinned Go module says. */
export function agentProgram(name: AgentName): GoProgram {
  return goProgram({
    ...programs[name],
    name,
    family: 'agents',
    directory: join(import.meta.dirname, 'build', name),
  })
}
