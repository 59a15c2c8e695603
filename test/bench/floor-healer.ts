/** The floor: a bare watch that sees the event and sends one patch. A process of its own, like the guard. */
import { ClusterApi } from '../../src/cluster/api.ts'
import { connect } from '../../src/cluster/connection.ts'
import { Reflector } from '../../src/cluster/reflector.ts'
import type { Json } from '../../src/model/json.ts'
import { KINDS } from './repair.ts'

const [kubeconfig = '', namespace = '', name = ''] = process.argv.slice(2)
const api = new ClusterApi(connect({ kubeconfig }), { fieldManager: 'floor' })
const reflectors = KINDS.map(({ resource, pointer, git }) => {
  const reflector = new Reflector({
    api,
    resource,
    namespace,
    fieldSelector: `metadata.name=${name}`,
    onEvent: (_, object) => {
      let at: Json | undefined = object
      for (const key of pointer.slice(1).split('/')) at = (at as { [key: string]: Json } | undefined)?.[key]
      if (at === git) return
      const patch = [{ op: 'replace', path: pointer, value: git }]
      void api.patch(resource, { namespace, name }, patch, { type: 'application/json-patch+json' })
    },
  })
  reflector.start()
  return reflector
})
while (!reflectors.every((reflector) => reflector.state().synced))
  await new Promise((resolve) => setTimeout(resolve, 10))
process.send?.('ready')
