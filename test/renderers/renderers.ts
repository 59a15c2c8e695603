import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The programs that render sources. */
export const rendererNames = ['kustomize', 'helm'] as const
export type RendererProgram = (typeof rendererNames)[number]

/** What is built for a renderer. */
export interface RendererBuild {
  name: RendererProgram
  /** As build/NAME/go.mod pins it, e.g. `v5.8.2`. */
  version: string
  /** The package that is its program. */
  main: string
  /** The folder of the Go module that pins it. */
  directory: string
  /** `-X` flags, so that it says its version as a released one does. */
  stamps: readonly string[]
  /** Seconds with a cold Go cache on two cores: to tell people how long it takes. */
  usualSeconds: number
}

const programs = {
  kustomize: {
    module: 'sigs.k8s.io/kustomize/kustomize/v5',
    main: 'sigs.k8s.io/kustomize/kustomize/v5',
    stamp: 'sigs.k8s.io/kustomize/api/provenance.version',
    usualSeconds: 60,
  },
  helm: {
    module: 'helm.sh/helm/v4',
    main: 'helm.sh/helm/v4/cmd/helm',
    stamp: 'helm.sh/helm/v4/internal/version.version',
    usualSeconds: 170,
  },
} as const

/** How a renderer is built, as its pinned Go module says. */
export function rendererBuild(name: RendererProgram): RendererBuild {
  const directory = join(import.meta.dirname, 'build', name)
  const { module, main, stamp, usualSeconds } = programs[name]
  const goMod = readFileSync(join(directory, 'go.mod'), 'utf8')
  const line = goMod.split('\n').find((one) => one.replace(/^\s*(require\s+)?/, '').startsWith(`${module} v`))
  const version = /\sv\S+/.exec(line ?? '')?.[0].trim()
  if (version === undefined) throw new Error(`${directory}/go.mod pins no ${module}`)
  return { name, version, main, directory, stamps: [`${stamp}=${version}`], usualSeconds }
}
