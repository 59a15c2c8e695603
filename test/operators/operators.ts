import { join } from 'node:path'
import { goProgram, type GoProgram } from '../control-plane/go-program.ts'

const programs = {
  'cert-manager': {
    module: 'github.com/cert-manager/cert-manager',
    main: '.',
    usualSeconds: 130,
  },
  'prometheus-operator': {
    module: 'github.com/prometheus-operator/prometheus-operator',
    main: 'github.com/prometheus-operator/prometheus-operator/cmd/operator',
    usualSeconds: 450,
  },
  'argo-rollouts': {
    module: 'github.com/argoproj/argo-rollouts',
    main: 'github.com/argoproj/argo-rollouts/cmd/rollouts-controller',
    usualSeconds: 370,
  },
} as const

/** The operators that tests run for real. */
export type OperatorName = keyof typeof programs
export const operatorNames = Object.keys(programs) as OperatorName[]

/** How an operator is built, as its pinned Go module says. */
export function operatorProgram(name: OperatorName): GoProgram {
  return goProgram({
    ...programs[name],
    name,
    family: 'operators',
    stamps: [],
    directory: join(import.meta.dirname, 'build', name),
  })
}
