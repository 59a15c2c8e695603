/**
 * What Flux does to a chart before Helm renders it, and to the objects that come out (fluxcd/source-controller v1.10.1: internal/helm/chart,
 * internal/controller/helmchart_controller.go; fluxcd/helm-controller v1.6.3: internal/postrender, internal/release/name.go).
 */
import { createHash } from 'node:crypto'
import { parseDocument } from 'yaml'
import type { Json, JsonObject } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'
import type { FluxHelmSpec, HelmSpec } from './source-spec.ts'

/** Of a release's name, and of what stands for the rest of a longer one. */
const RELEASE_LENGTH = 53
const HASH_LENGTH = 12
/** Of a commit's hash in a version. */
const COMMIT_LENGTH = 12

const ORIGIN = 'helm.toolkit.fluxcd.io'
/** Flux does not look for drift of an object that is marked so: Git says that it may drift. */
const LEFT_ALONE = `${ORIGIN}/driftDetection`

/** A name that is too long for Helm is cut, with a hash of the whole. */
export function fluxReleaseName(name: string): string {
  if (name.length <= RELEASE_LENGTH) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)
  return `${name.slice(0, RELEASE_LENGTH - HASH_LENGTH - 1)}-${hash}`
}

/** Chart.yaml with the version that Flux gives the chart; as it is where that is its own, or no version. */
export function withFluxVersion(chart: string, { flux, values }: HelmSpec, revision: string): string {
  const metadata = [
    ...(flux?.follows === 'commit' ? [revision.slice(0, COMMIT_LENGTH)] : []),
    ...(flux?.generation !== undefined && values.length > 0 ? [String(flux.generation)] : []),
  ].join('.')
  if (metadata === '') return chart
  const document = parseDocument(chart)
  const own = document.get('version')
  const parts = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(-[0-9A-Za-z.-]+)?(?:\+.*)?$/.exec(String(own))
  if (parts === null) return chart
  const [, major, minor = '0', patch = '0', prerelease = ''] = parts
  document.set('version', `${major}.${minor}.${patch}${prerelease}+${metadata}`)
  return document.toString()
}

/**
 * An object as helm-controller applies it, those of a List too: with its labels and those of the HelmRelease, and with Helm's own marks;
 * undefined for one that Flux leaves as it is. CRDs of `crds/` have Flux's labels only.
 */
export function finishedByFlux(
  value: Json,
  flux: FluxHelmSpec,
  about: { release: string; namespace: string; isCrd: boolean },
): Json | undefined {
  if (!isObject(value)) return value
  const items = fieldOf(value, 'items')
  if (Array.isArray(items) && String(fieldOf(value, 'kind')).endsWith('List'))
    return { ...value, items: items.flatMap((item) => finishedByFlux(item, flux, about) ?? []) }
  const metadata = fieldOf(value, 'metadata')
  const origin = { [`${ORIGIN}/name`]: flux.name, [`${ORIGIN}/namespace`]: flux.namespace }
  if (about.isCrd) return { ...value, metadata: adding(metadata, { labels: origin }) }
  if (['labels', 'annotations'].some((field) => isLeftAlone(fieldOf(metadata, field)))) return undefined
  const labels = { ...flux.labels, ...origin, 'app.kubernetes.io/managed-by': 'Helm' }
  const annotations = {
    ...flux.annotations,
    'meta.helm.sh/release-name': about.release,
    'meta.helm.sh/release-namespace': about.namespace,
  }
  return { ...value, metadata: adding(metadata, { labels, annotations }) }
}

function isLeftAlone(marks: Json | undefined): boolean {
  return fieldOf(marks, LEFT_ALONE) === 'disabled'
}

function adding(metadata: Json | undefined, marks: { readonly [field: string]: JsonObject }): JsonObject {
  let about: JsonObject = isObject(metadata) ? metadata : {}
  for (const [field, added] of Object.entries(marks)) {
    const there = fieldOf(about, field)
    about = { ...about, [field]: { ...(isObject(there) ? there : {}), ...added } }
  }
  return about
}
