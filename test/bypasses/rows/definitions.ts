import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Row } from '../row.ts'
import { AGENT, paths, type Stage } from '../stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const JSON_PATCH = { contentType: 'application/json-patch+json' }
const LATER = '/apis/later.example/v1/namespaces/shop/laters/one'

/** A definition of which Git declares an object, made by the agent while the guard runs. */
async function later(stage: Stage): Promise<void> {
  if ((await stage.raw('admin', 'GET', LATER)).status === 200) return
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'laters.later.example' },
    spec: {
      group: 'later.example',
      names: { kind: 'Later', listKind: 'LaterList', plural: 'laters', singular: 'later' },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  }
  const object = {
    apiVersion: 'later.example/v1',
    kind: 'Later',
    metadata: { name: 'one', namespace: 'shop' },
    spec: { size: 1 },
  }
  await writeFile(join(stage.shop.directory, 'prod', 'later.yaml'), JSON.stringify(object, null, 2))
  await stage.shop.commit('One for later')
  await stage.raw(AGENT, 'POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition)
  await stage.eventually('the agent makes the object', async () => {
    const { status } = await stage.raw(AGENT, 'POST', '/apis/later.example/v1/namespaces/shop/laters', object)
    return status === 201
  })
  await stage.eventually('the guard knows it', async () => {
    const { status } = await stage.raw('alice', 'PATCH', `${LATER}?dryRun=All`, { spec: { size: 2 } }, MERGE)
    return status === 403
  })
}

const owners = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    name: 'gone',
    uid: '00000000-0000-4000-8000-000000000000',
  },
]
const patch = (row: number, title: string, path: string, body: object): Row => ({
  row,
  title,
  expect: 'webhook',
  run: (stage) => stage.refusedRaw('alice', ['PATCH', path, body], MERGE),
})
const APISERVICES = '/apis/apiregistration.k8s.io/v1/apiservices'

/** Versions, definitions, conversions and whole API groups. */
export const definitionRows: readonly Row[] = [
  patch(
    40,
    'alice gives such a definition an owner that is not there, for the garbage collector',
    paths.gadgets,
    {
      metadata: { ownerReferences: owners },
    },
  ),
  patch(
    14,
    'alice serves the core group from elsewhere: its APIService names no group',
    `${APISERVICES}/v1.`,
    {
      spec: { service: { name: 'hers', namespace: 'elsewhere' }, insecureSkipTLSVerify: true },
    },
  ),
  {
    row: 12,
    title: 'alice edits a declared object through another served version',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        ['PATCH', '/apis/shop.example/v1beta1/namespaces/shop/widgets/front', { spec: { color: 'red' } }],
        MERGE,
      ),
  },
  {
    row: 12,
    title: 'alice edits a declared HorizontalPodAutoscaler as autoscaling/v1',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        ['PATCH', paths.hpa.replace('/v2/', '/v1/'), { spec: { maxReplicas: 99 } }],
        MERGE,
      ),
  },
  {
    row: 13,
    title: 'a kind that came after the guard started: alice is refused',
    expect: 'webhook',
    run: async (stage) => {
      await later(stage)
      return stage.refusedRaw('alice', ['PATCH', LATER, { spec: { size: 2 } }], MERGE)
    },
  },
  {
    row: 13,
    title: 'and past the webhook its object is put back, without a restart',
    expect: 'watcher',
    run: async (stage) => {
      await later(stage)
      return stage.pastAdmission(
        () => stage.raw('alice', 'PATCH', LATER, { spec: { size: 2 } }, MERGE),
        async () => (await stage.raw('admin', 'GET', LATER)).body?.spec?.size === 1,
      )
    },
  },
  {
    row: 14,
    title: 'alice gives a declared kind a conversion webhook',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        [
          'PATCH',
          paths.gadgets,
          {
            spec: {
              conversion: {
                strategy: 'Webhook',
                webhook: {
                  conversionReviewVersions: ['v1'],
                  clientConfig: { url: 'https://evil.example/convert' },
                },
              },
            },
          },
        ],
        MERGE,
      ),
  },
  {
    row: 14,
    title: 'alice serves a declared group from elsewhere: an APIService',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/apiregistration.k8s.io/v1/apiservices',
        {
          metadata: { name: 'v2.gadgets.example' },
          spec: {
            group: 'gadgets.example',
            version: 'v2',
            groupPriorityMinimum: 2000,
            versionPriority: 100,
            insecureSkipTLSVerify: true,
            service: { name: 'evil', namespace: 'elsewhere' },
          },
        },
      ]),
  },
  {
    row: 14,
    title: 'alice deletes the APIService of apps/v1',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['delete', 'apiservice', 'v1.apps', '--wait=false']),
  },
  {
    row: 14,
    title: 'a definition that Git declares, changed past the webhook, is put back',
    expect: 'watcher',
    run: (stage) =>
      stage.pastAdmission(
        () =>
          stage.raw(
            'alice',
            'PATCH',
            paths.widgets,
            [
              {
                op: 'remove',
                path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color',
              },
            ],
            JSON_PATCH,
          ),
        async () => {
          const { body } = await stage.raw('admin', 'GET', paths.widgets)
          return body.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.color !== undefined
        },
      ),
  },
  {
    row: 40,
    title: 'alice deletes a definition that Git does not hold, with its objects',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['delete', 'crd', 'gadgets.gadgets.example', '--wait=false']),
  },
  {
    row: 40,
    title: 'alice lets such a definition drop a declared field',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        [
          'PATCH',
          paths.gadgets,
          [{ op: 'remove', path: '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/heat' }],
        ],
        JSON_PATCH,
      ),
  },
  {
    row: 40,
    title: 'alice stops serving a version that Git declares',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        ['PATCH', paths.widgets, [{ op: 'replace', path: '/spec/versions/0/served', value: false }]],
        JSON_PATCH,
      ),
  },
  {
    row: 40,
    title: 'past the webhook, the definition gone: told, and its object back once there is a definition',
    expect: 'watcher',
    run: async (stage) => {
      const { body } = await stage.raw('admin', 'GET', paths.gadgets)
      const { apiVersion, kind, metadata, spec } = body
      const outcome = await stage.pastAdmission(
        () => stage.raw('alice', 'DELETE', paths.gadgets),
        async () => {
          const found = (await stage.raw('admin', 'GET', paths.gadgets)).body?.metadata
          return found?.uid !== metadata.uid || found.deletionTimestamp !== undefined
        },
      )
      // The API server takes its time to clear away the objects of a definition.
      const definition = { apiVersion, kind, metadata: { name: metadata.name }, spec }
      const definitions = paths.gadgets.replace(/\/[^/]+$/, '')
      await stage.eventually(
        'the agent makes the definition',
        async () => (await stage.raw(AGENT, 'POST', definitions, definition)).status === 201,
        90_000,
      )
      await stage.eventually('the definition is served', async () => {
        const { status } = await stage.raw('admin', 'GET', paths.gadget.replace(/\/[^/]+$/, ''))
        return status === 200
      })
      const back = performance.now()
      await stage.eventually('the object is back', async () => {
        return (await stage.raw('admin', 'GET', paths.gadget)).status === 200
      })
      return { ...outcome, ms: performance.now() - back, note: 'from when the definition was served again' }
    },
  },
]
