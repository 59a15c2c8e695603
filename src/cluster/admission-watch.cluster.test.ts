import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ControlPlane } from '../../test/control-plane/control-plane.ts'
import type { ResourceInfo } from '../model/identity.ts'
import { AdmissionWatch } from './admission-watch.ts'
import { ClusterApi } from './api.ts'
import { connect } from './connection.ts'
import { Discovery } from './discovery.ts'

let plane: ControlPlane
let api: ClusterApi
let discovery: Discovery
let watch: AdmissionWatch
let changes = 0

before(async () => {
  plane = await startControlPlane({ kubeControllerManager: false })
  api = new ClusterApi(connect({ kubeconfig: plane.kubeconfig('admin') }))
  discovery = new Discovery({ api })
  await discovery.refresh()
  watch = new AdmissionWatch({ api, discovery, onChange: () => void changes++ })
  await watch.start()
})
after(async () => {
  await watch.stop()
  api.connection.close()
  await plane.stop()
})

const find = (group: string, kind: string): ResourceInfo => {
  const resource = discovery.resourceFor(group, kind)
  assert.ok(resource)
  return resource
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** The fingerprint once it differs, settled or not. */
async function differs(before: string, kind: [string, string], namespace: string): Promise<string> {
  for (let tries = 0; tries < 300; tries++) {
    const now = watch.fingerprint(find(...kind), namespace)
    if (now !== before) return now
    await sleep(20)
  }
  return assert.fail(`the fingerprint of ${kind.join('/')} in ${namespace} must differ`)
}

const CONFIG_MAP: [string, string] = ['', 'ConfigMap']
const of = (kind: [string, string], namespace: string) => watch.fingerprint(find(...kind), namespace)

it('see what changes objects, for those that it changes, and see it again when it has settled', async () => {
  for (const name of ['a', 'b']) await plane.api('POST', '/api/v1/namespaces', { metadata: { name } })
  await sleep(200)
  assert.equal(changes, 0, 'new namespaces change nothing')
  const first = of(CONFIG_MAP, 'a')
  const pods = of(['', 'Pod'], 'a')
  await plane.api('POST', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
    metadata: { name: 'w' },
    webhooks: [
      {
        name: 'w.example.org',
        clientConfig: { url: 'https://127.0.0.1:1/' },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Ignore',
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['*'] }],
      },
    ],
  })
  const unsettled = await differs(first, CONFIG_MAP, 'a')
  assert.equal(of(['', 'Pod'], 'a'), pods)
  const settled = await differs(unsettled, CONFIG_MAP, 'a')
  assert.notEqual(settled, first)
  assert.equal(changes, 2)

  const b = of(CONFIG_MAP, 'b')
  const labels = { metadata: { labels: { inject: 'yes' } } }
  await plane.api('PATCH', '/api/v1/namespaces/a', labels, 'application/merge-patch+json')
  const labelled = await differs(settled, CONFIG_MAP, 'a')
  assert.equal(of(CONFIG_MAP, 'b'), b, 'the labels of another namespace')

  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/w'
  const { body } = await plane.api('GET', path)
  body.webhooks[0].clientConfig.caBundle = ''
  body.metadata.annotations = { x: 'y' }
  await plane.api('PUT', path, body)
  await plane.api('DELETE', path)
  const gone = await differs(labelled, CONFIG_MAP, 'a')
  assert.equal(await differs(gone, CONFIG_MAP, 'a'), first)
})

it('see limits for Pods of their namespace alone', async () => {
  const [a, b] = [of(['', 'Pod'], 'a'), of(['', 'Pod'], 'b')]
  await plane.api('POST', '/api/v1/namespaces/a/limitranges', {
    metadata: { name: 'l' },
    spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] },
  })
  await differs(a, ['', 'Pod'], 'a')
  assert.equal(of(['', 'Pod'], 'b'), b)
})
