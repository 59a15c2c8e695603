import type { Manifest } from '../../src/model/desired.ts'
import type { KubeObject } from '../../src/model/json.ts'
import { cloneJson, isObject, stringifyJson } from '../../src/object/json.ts'
import type { Stage } from '../drift/stage.ts'
import { messageOf } from '../drift/stage.ts'

/** How an agent writes: what the API server notes of it, and what it does with a field that Git dropped. */
export interface AgentWay {
  name: string
  /** The preset whose stamps and managers it has; none for a pipeline. */
  preset?: 'flux' | 'argocd'
  manager: string
  bring(stage: Stage, manifests: readonly Manifest[]): Promise<void>
}

const stampedWith =
  (map: 'labels' | 'annotations', stamps: (object: KubeObject) => { [key: string]: string }) =>
  (manifest: Manifest): KubeObject => {
    const object = cloneJson(manifest.object)
    const there = object.metadata[map]
    object.metadata[map] = { ...(isObject(there) ? there : {}), ...stamps(object) }
    return object
  }

const asFlux = stampedWith('labels', () => ({
  'kustomize.toolkit.fluxcd.io/name': 'shop',
  'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
}))

const asArgo = stampedWith('annotations', ({ apiVersion, kind, metadata }) => ({
  'argocd.argoproj.io/tracking-id': `shop:${apiVersion.includes('/') ? apiVersion.split('/')[0]! : ''}/${kind}:${String(metadata['namespace'] ?? 'shop')}/${String(metadata['name'])}`,
}))

/** kubectl's own three-way merge, with the annotation that it keeps for it. */
async function clientSide(stage: Stage, objects: readonly KubeObject[], manager: string): Promise<void> {
  // kubectl is ended after a minute: in parts it takes its time on a slow machine.
  for (let from = 0; from < objects.length; from += 18) {
    const part = objects.slice(from, from + 18).map((object) => stringifyJson(object))
    await stage.kubectl(['apply', `--field-manager=${manager}`], part.join('\n---\n'))
  }
}

export const agentWays: readonly AgentWay[] = [
  {
    name: 'Flux, which applies server-side',
    preset: 'flux',
    manager: 'kustomize-controller',
    bring: async (stage, manifests) => {
      for (const manifest of manifests) {
        const answer = await stage.apply({ text: stringifyJson(asFlux(manifest)), manifest })
        if (answer.status >= 300) throw new Error(messageOf(answer))
      }
    },
  },
  {
    name: 'kubectl apply',
    manager: 'kubectl-client-side-apply',
    bring: (stage, manifests) =>
      clientSide(
        stage,
        manifests.map(({ object }) => object),
        'kubectl-client-side-apply',
      ),
  },
  {
    name: 'Argo CD, which applies as kubectl does',
    preset: 'argocd',
    manager: 'argocd-controller',
    bring: (stage, manifests) => clientSide(stage, manifests.map(asArgo), 'argocd-controller'),
  },
  {
    name: 'a pipeline that creates and replaces',
    manager: 'ci',
    bring: async (stage, manifests) => {
      for (const { object } of manifests) {
        const query = '?fieldManager=ci'
        const { status, body } = await stage.send('GET', stage.path(object))
        if (status === 404) await stage.must('POST', stage.collection(object) + query, object)
        else {
          const { resourceVersion } = (body as KubeObject).metadata
          const metadata = { ...object.metadata, resourceVersion: resourceVersion! }
          await stage.must('PUT', stage.path(object) + query, { ...object, metadata })
        }
      }
    },
  },
]
