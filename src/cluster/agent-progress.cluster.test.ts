import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startControlPlane, type ControlPlane } from '../../test/control-plane/control-plane.ts'
import { until } from '../../test/e2e/until.ts'
import { AgentProgressReader } from './agent-progress.ts'
import { ClusterApi } from './api.ts'
import { connect, type Connection } from './connection.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const URL = 'https://git.example/shop.git'
const KUSTOMIZATIONS = '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/default/kustomizations'
const REPOSITORIES = '/apis/source.toolkit.fluxcd.io/v1/namespaces/default/gitrepositories'
const APPLICATIONS = '/apis/argoproj.io/v1alpha1/namespaces/default/applications'
const MERGE = 'application/merge-patch+json'

/** Kinds of the agents' names, whatever they hold. The agents' own are tried in test/agents. */
function crd(group: string, version: string, kind: string): object {
  const plural = kind === 'GitRepository' ? 'gitrepositories' : `${kind.toLowerCase()}s`
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: 'Namespaced',
      versions: [{ name: version, served: true, storage: true, schema, subresources: { status: {} } }],
    },
  }
}

describe("agents' progress on a real API server", () => {
  let plane: ControlPlane
  let connection: Connection
  let reader: AgentProgressReader
  const errors: unknown[] = []

  before(async () => {
    plane = await startControlPlane({ kubeControllerManager: false })
    connection = connect({ kubeconfig: plane.kubeconfig('admin') })
    reader = new AgentProgressReader({
      api: new ClusterApi(connection),
      same: (a, b) => a === b,
      onError: (error) => errors.push(error),
    })
    reader.setSources([
      { name: 'shop', repository: URL, ref: { branch: 'main' }, path: 'prod' },
      { name: 'other', repository: URL, ref: { branch: 'main' }, path: 'dev' },
    ])
    reader.start()
  })
  after(async () => {
    await reader?.stop()
    connection?.close()
    await plane?.stop()
  })

  async function make(collection: string, name: string, spec: object): Promise<void> {
    const [group, version] = collection.split('/').slice(2)
    const kind = {
      kustomizations: 'Kustomization',
      gitrepositories: 'GitRepository',
      applications: 'Application',
    }[collection.split('/').at(-1)!]
    await until(`${kind} is made`, async () => {
      const object = { apiVersion: `${group}/${version}`, kind, metadata: { name }, spec }
      return (await plane.api('POST', collection, object)).status === 201
    })
  }

  async function say(path: string, status: object): Promise<void> {
    const answer = await plane.api('PATCH', `${path}/status`, { status }, MERGE)
    assert.equal(answer.status, 200)
  }

  it('say nothing where no agent is installed', async () => {
    await until('the reader has looked', () => reader.synced)
    assert.equal(await reader.of('shop'), undefined)
    assert.equal(await reader.nudge('shop'), 0)
    assert.deepEqual(errors, [])
  })

  it('notice Flux when it comes, and read what it says at the moment of asking', async () => {
    await plane.api(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      crd('kustomize.toolkit.fluxcd.io', 'v1', 'Kustomization'),
    )
    await plane.api(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      crd('source.toolkit.fluxcd.io', 'v1', 'GitRepository'),
    )
    await make(REPOSITORIES, 'shop', { url: URL, ref: { branch: 'main' } })
    await make(KUSTOMIZATIONS, 'shop', { path: './prod', sourceRef: { kind: 'GitRepository', name: 'shop' } })
    await until('Flux is noticed', async () => (await reader.of('shop')) !== undefined)
    for (const [attempted, applied, state] of [
      [A, undefined, 'applying'],
      [A, A, 'applied'],
      [B, A, 'applying'],
      [B, B, 'applied'],
    ] as const) {
      await say(`${KUSTOMIZATIONS}/shop`, {
        lastAttemptedRevision: `main@sha1:${attempted}`,
        ...(applied === undefined ? {} : { lastAppliedRevision: `main@sha1:${applied}` }),
      })
      const before = Date.now()
      // With no pause: an answer from a watch would often be the one before.
      const { at, ...said } = (await reader.of('shop', before))!
      assert.deepEqual(said, { revision: attempted, state })
      assert.ok(at >= before)
    }
    assert.equal(await reader.of('other'), undefined)
  })

  it('ask Flux to fetch and to apply', async () => {
    assert.equal(await reader.nudge('shop'), 2)
    for (const path of [`${REPOSITORIES}/shop`, `${KUSTOMIZATIONS}/shop`]) {
      const { body } = await plane.api('GET', path)
      assert.match(body.metadata.annotations['reconcile.fluxcd.io/requestedAt'], /^\d{4}-\d\d-\d\dT/)
    }
  })

  it('notice that a Kustomization goes', async () => {
    await plane.api('DELETE', `${KUSTOMIZATIONS}/shop`)
    await until('it is gone', async () => (await reader.of('shop')) === undefined)
  })

  it('read Argo CD and ask it to look', async () => {
    await plane.api(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      crd('argoproj.io', 'v1alpha1', 'Application'),
    )
    await make(APPLICATIONS, 'shop', {
      source: { repoURL: URL, targetRevision: 'HEAD', path: 'prod' },
      destination: { name: 'in-cluster' },
    })
    await until('Argo CD is noticed', async () => (await reader.of('shop')) !== undefined)
    await say(`${APPLICATIONS}/shop`, {
      operationState: { phase: 'Running', operation: { sync: { revision: B } } },
    })
    assert.equal((await reader.of('shop'))?.revision, B)
    assert.equal((await reader.of('shop'))?.state, 'applying')
    assert.equal(await reader.nudge('shop'), 1)
    const { body } = await plane.api('GET', `${APPLICATIONS}/shop`)
    assert.equal(body.metadata.annotations['argocd.argoproj.io/refresh'], 'normal')
    assert.deepEqual(errors, [])
  })
})
