/**
 * What the server allocates although a dry-run answers with something that looks constant. Data: one line a field, each with its
 * reason. What controllers write later is no matter of this file: see src/drift/bookkeeping.ts. (kubernetes v1.36: pkg/registry/core/service/storage/alloc.go answers dry-runs with dummies.)
 */
import type { Json, KubeObject } from '../model/json.ts'
import type { Path } from '../model/path.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'
import { getAt } from '../object/path.ts'

interface Rule {
  kind: string
  /** Places in the canonical form that the manifest leaves to the server. */
  places: (canonical: KubeObject, manifest: KubeObject) => Path[]
}

const RULES: readonly Rule[] = [
  // Allocated from the Service range; a dry-run answers with the first address of it.
  {
    kind: '/Service',
    places: unlessSet(
      ['spec', 'clusterIP'],
      [
        ['spec', 'clusterIP'],
        ['spec', 'clusterIPs'],
      ],
    ),
  },
  // Allocated from the node port range; a dry-run answers with a constant.
  { kind: '/Service', places: nodePorts },
  { kind: '/Service', places: unlessSet(['spec', 'healthCheckNodePort'], [['spec', 'healthCheckNodePort']]) },
]

/** Places of an object that are the server's to fill. */
export function serverFilled(canonical: KubeObject, manifest: KubeObject): Path[] {
  const kind = `${groupOf(canonical.apiVersion)}/${canonical.kind}`
  return RULES.filter((rule) => rule.kind === kind).flatMap((rule) => rule.places(canonical, manifest))
}

/** The places that the canonical form has, where the manifest does not set `field`. */
function unlessSet(field: Path, places: readonly Path[]): Rule['places'] {
  return (canonical, manifest) =>
    isSet(getAt(manifest, field)) ? [] : places.filter((place) => getAt(canonical, place) !== undefined)
}

function nodePorts(canonical: KubeObject, manifest: KubeObject): Path[] {
  const declared = getAt(manifest, ['spec', 'ports'])
  const ports = getAt(canonical, ['spec', 'ports'])
  if (!Array.isArray(ports)) return []
  return ports.flatMap((item, index) => {
    const port = fieldOf(item, 'port') ?? null
    const protocol = fieldOf(item, 'protocol') ?? null
    const own = Array.isArray(declared)
      ? declared.find(
          (one) => fieldOf(one, 'port') === port && (fieldOf(one, 'protocol') ?? 'TCP') === protocol,
        )
      : undefined
    const isAllocated = isSet(fieldOf(item, 'nodePort')) && !isSet(fieldOf(own, 'nodePort'))
    return isAllocated ? [['spec', 'ports', { keys: { port, protocol }, index }, 'nodePort']] : []
  })
}

/** The zero value asks for an allocation as leaving the field out does. */
function isSet(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== '' && value !== 0
}
