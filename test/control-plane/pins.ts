import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The folder of the Go module that pins what is built. */
export const buildDirectory: string = join(import.meta.dirname, 'build')

const goMod = readFileSync(join(buildDirectory, 'go.mod'), 'utf8')

/** The Kubernetes version that build/go.mod pins, e.g. `v1.36.3`. */
export const kubernetesVersion: string = pinned(/^\s*k8s\.io\/kubernetes (v\S+)/m)

/** The Go version that Kubernetes needs at least, e.g. `1.26.0`. */
export const goVersion: string = pinned(/^go (\S+)/m)

/** The Go toolchain that an older Go fetches to build it, e.g. `go1.26.8`. */
export const goToolchain: string = pinned(/^toolchain (\S+)/m)

function pinned(pattern: RegExp): string {
  const found = pattern.exec(goMod)?.[1]
  if (found === undefined) throw new Error(`build/go.mod pins nothing that matches ${pattern.source}`)
  return found
}
