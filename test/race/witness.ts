import { ClusterApi } from '../../src/cluster/api.ts'
import { connect, type Connection } from '../../src/cluster/connection.ts'
import { Reflector } from '../../src/cluster/reflector.ts'
import type { KubeObject } from '../../src/model/json.ts'
import type { ControlPlane } from '../control-plane/control-plane.ts'

/** One version of one object, or its end, in the order in which the API server stored them. */
export interface Sight {
  /** `configmaps/NAME`, `deployments/NAME`. */
  object: string
  type: 'added' | 'modified' | 'deleted'
  version: string
  /** The number of the commit that the object says it is of: its label `commit`. */
  commit: number
  /** All of it, as text, to look for what alice wrote; managedFields left out. */
  text: string
  /** Milliseconds since the epoch at which it was seen. */
  at: number
}

const KINDS = [
  { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true },
  { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true },
]

/** A client outside that watches the ConfigMaps and Deployments of a namespace and remembers every version. */
export class Witness {
  readonly sights: Sight[] = []
  readonly #connection: Connection
  readonly #reflectors: Reflector[]

  constructor(plane: ControlPlane, namespace: string) {
    this.#connection = connect({ kubeconfig: plane.kubeconfig('admin') })
    const api = new ClusterApi(this.#connection)
    this.#reflectors = KINDS.map(
      (resource) =>
        new Reflector({
          api,
          resource,
          namespace,
          onEvent: (type, object) => void this.sights.push(sightOf(resource.resource, type, object)),
        }),
    )
    for (const reflector of this.#reflectors) reflector.start()
  }

  /** The newest version of each object that exists. */
  now(): Map<string, Sight> {
    const found = new Map<string, Sight>()
    for (const sight of this.sights) {
      if (sight.type === 'deleted') found.delete(sight.object)
      else found.set(sight.object, sight)
    }
    return found
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()))
    this.#connection.close()
  }
}

function sightOf(resource: string, type: Sight['type'], object: KubeObject): Sight {
  const { name, labels, resourceVersion, managedFields, ...rest } = object.metadata
  void managedFields
  const { status, ...content } = object
  void status
  return {
    object: `${resource}/${String(name)}`,
    type,
    version: String(resourceVersion),
    commit: Number((labels as { commit?: string } | undefined)?.commit ?? 0),
    text: JSON.stringify({ ...content, metadata: { ...rest, labels: labels ?? {} } }),
    at: Date.now(),
  }
}
