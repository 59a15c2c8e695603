import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of the Go module that pins what is built. */
export const buildDirectory: string = join(import.meta.dirname, 'build')

const goMod = goModIn(buildDirectory)
const KUBERNETES = /^\s*k8s\.io\/kubernetes (v\S+)/m

/** The Kubernetes version that build/go.mod pins, e.g. `v1.36.3`. */
export const kubernetesVersion: string = pinned(KUBERNETES)

/** The folder that pins an older Kubernetes (`1.32`), and its version; undefined where there is none. */
export function olderPins(minor: string): { directory: string; version: string } | undefined {
  const directory = `${buildDirectory}-${minor}`
  return existsSync(directory) ? { directory, version: pinned(KUBERNETES, goModIn(directory)) } : undefined
}

function goModIn(directory: string): string {
  return readFileSync(join(directory, 'go.mod'), 'utf8')
}

/** The Go version that Kubernetes needs at least, e.g. `1.26.0`. */
export const goVersion: string = pinned(/^go (\S+)/m)

/** The Go toolchain that an older Go fetches to build it, e.g. `go1.26.8`. */
export const goToolchain: string = pinned(/^toolchain (\S+)/m)

function pinned(pattern: RegExp, text = goMod): string {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`go.mod pins nothing that matches ${pattern.source}`)
  return found
}
