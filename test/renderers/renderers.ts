import { join } from 'node:path'
import { goProgram, type GoProgram } from '../control-plane/go-program.ts'

const programs = {
  kustomize: {
    module: 'sigs.k8s.io/kustomize/kustomize/v5',
    main: 'sigs.k8s.io/kustomize/kustomize/v5',
    stamps: ['sigs.k8s.io/kustomize/api/provenance.version'],
    usualSeconds: 60,
  },
  helm: {
    module: 'helm.sh/helm/v4',
    main: 'helm.sh/helm/v4/cmd/helm',
    stamps: ['helm.sh/helm/v4/internal/version.version'],
    usualSeconds: 170,
  },
} as const

/** The programs that render sources. */
export type RendererProgram = keyof typeof programs
export const rendererNames = Object.keys(programs) as RendererProgram[]

/** How a renderer is built, as its pinned Go module says. */
export function rendererProgram(name: RendererProgram): GoProgram {
  return goProgram({
    ...programs[name],
    name,
    family: 'renderers',
    directory: join(import.meta.dirname, 'build', name),
  })
}
