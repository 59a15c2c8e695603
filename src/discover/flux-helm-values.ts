/** The values of a Flux HelmRelease (fluxcd/pkg, chartutil/values.go). */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { setKey, stringifyJson } from '../object/json.ts'
import type { AgentFacts, ValueReference } from './discovered.ts'
import { at, dataOf, isTrue, listAt, nameOf, textAt } from './reading.ts'

export interface FluxValues {
  /** YAML or JSON, in Helm's order: the last one wins. */
  texts: string[]
  /** Those of Secrets. */
  secrets: string[]
  wants: ValueReference[]
  /** Why they cannot be told. */
  problem?: string
}

/** Those of ConfigMaps and Secrets in their order, then those of the object itself, then those that are put at a path. */
export function fluxValues(release: KubeObject, facts: AgentFacts): FluxValues {
  const { spec } = release
  const { namespace } = nameOf(release)
  const found: FluxValues = { texts: [], secrets: [], wants: [] }
  const atPaths: string[] = []
  const fail = (why: string) => (found.problem ??= why)
  for (const reference of listAt(spec, 'valuesFrom')) {
    const kind = textAt(reference, 'kind')
    if (kind !== 'ConfigMap' && kind !== 'Secret') continue
    const wanted = { kind, namespace, name: textAt(reference, 'name') } as const
    const key = textAt(reference, 'valuesKey') || 'values.yaml'
    const path = textAt(reference, 'targetPath')
    found.wants.push(wanted)
    const object = facts.values(wanted)
    const text = object && new Map(dataOf(object)).get(key)
    if (text === undefined) {
      const what = object === undefined ? 'does not exist or cannot be read' : `has no key ${key}`
      if (!isTrue(reference, 'optional'))
        fail(`takes values from ${kind} ${namespace}/${wanted.name}, which ${what}`)
      continue
    }
    if (kind === 'Secret') found.secrets.push(text)
    if (path === '') {
      found.texts.push(text)
      continue
    }
    const placed = placedAt(path, text, isTrue(reference, 'literal'))
    if (placed === undefined)
      fail(
        `puts the value of ${kind} ${namespace}/${wanted.name} at ${path} in a way that is not done here: only fields, and values without commas, braces and backslashes, unless literal is set`,
      )
    else atPaths.push(stringifyJson(placed))
  }
  const own = at(spec, 'values')
  if (own !== undefined && own !== null) found.texts.push(stringifyJson(own))
  found.texts.push(...atPaths)
  return found
}

/** As Helm's `--set` has it (pkg/strvals), for a path of fields and one value; undefined for lists and the like. */
function placedAt(path: string, text: string, literal: boolean): JsonObject | undefined {
  if (/[[\]{},=]/.test(path)) return undefined
  const keys = [...path.matchAll(/((?:\\.|[^.\\])+)(?:\.|$)/g)].map(([, key = '']) =>
    key.replaceAll(/\\(.)/g, '$1'),
  )
  const quoted = /^(['"])[^]*\1$/.test(text) && text.length > 1
  if (!literal && /[,\\]/.test(text)) return undefined
  if (!literal && !quoted && /^\s*\{/.test(text)) return undefined
  const value = literal ? text : quoted ? text.replaceAll(/^['"]+|['"]+$/g, '') : scalarOf(text)
  return keys.reduceRight<JsonObject | Json>((inner, key) => {
    const outer: JsonObject = {}
    setKey(outer, key, inner)
    return outer
  }, value) as JsonObject
}

/** Numbers with a zero first stay text (typedVal in pkg/strvals). */
function scalarOf(text: string): Json {
  const known: Json | undefined = { true: true, false: false, null: null }[text.toLowerCase()]
  if (known !== undefined) return known
  if (text === '0') return 0
  return /^[+-]?[1-9]\d{0,17}$/.test(text) ? asNumber(BigInt(text)) : text
}

function asNumber(value: bigint): Json {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}
