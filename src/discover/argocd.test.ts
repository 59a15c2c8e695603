import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../model/json.ts'
import { parseField } from '../object/fields.ts'
import { discover } from './discover.ts'
import type { Discovered, DiscoveredSource } from './discovered.ts'
import { fieldOfJq } from './jq-path.ts'
import { agentObject, facts } from './testing/facts.ts'

const COMMIT = 'a'.repeat(40)
const OTHER = 'b'.repeat(40)
const URL = 'https://git.example/shop.git'
const argocd = { namespaces: ['argocd'] }
const automated = { syncPolicy: { automated: {} } }
const synced = { sync: { status: 'Synced', revision: COMMIT }, history: [{ revision: OTHER }] }

const project = (spec: object = {}) =>
  agentObject('AppProject', 'argocd/default', {
    sourceRepos: ['*'],
    destinations: [{ namespace: '*', server: '*' }],
    clusterResourceWhitelist: [{ group: '*', kind: '*' }],
    ...spec,
  })
const application = (spec: object = {}, status: object = synced) =>
  agentObject(
    'Application',
    'argocd/shop',
    {
      project: 'default',
      source: { repoURL: URL, path: 'prod', targetRevision: 'main' },
      destination: { server: 'https://kubernetes.default.svc', namespace: 'shop' },
      ...automated,
      ...spec,
    },
    { status },
  )
const source = (more: object) => ({ source: { repoURL: URL, path: 'prod', targetRevision: 'main', ...more } })

function found(...objects: KubeObject[]): Discovered {
  return discover(facts(...objects), { argocd })
}

function one(...objects: KubeObject[]): DiscoveredSource {
  const { sources, problems } = found(...objects)
  assert.deepEqual(problems, [])
  assert.equal(sources.length, 1)
  return sources[0]!
}

describe('an Application', () => {
  test('is a source: repository, revision, path and namespace, and the commit that Argo CD is at', () => {
    const { name, url, spec, startAt, suspended, limited, users, object } = one(project(), application())
    assert.deepEqual(
      { name, url, startAt, suspended, limited, users, object },
      {
        name: 'argocd:argocd/shop',
        url: URL,
        startAt: COMMIT,
        suspended: false,
        limited: false,
        users: [],
        object: { kind: 'Application', namespace: 'argocd', name: 'shop', index: 0 },
      },
    )
    assert.deepEqual(
      [spec.ref, spec.path, spec.namespace, spec.renderer],
      [{ name: 'main' }, 'prod', 'shop', 'auto'],
    )
    assert.deepEqual(spec.directory, { recurse: false, include: '', exclude: '' })
  })

  for (const [what, targetRevision, expected] of [
    ['the default branch', '', { name: 'HEAD' }],
    ['a commit', OTHER, { commit: OTHER }],
    ['what Argo CD found for a range', '1.*', { commit: COMMIT }],
    ['a name', 'v1.2.3', { name: 'v1.2.3' }],
  ] as const) {
    test(`follows ${what}`, () =>
      assert.deepEqual(one(project(), application(source({ targetRevision }))).spec.ref, expected))
  }

  test('that syncs by hand is held to what was synced last, or is being synced', () => {
    const byHand = { syncPolicy: {} }
    assert.deepEqual(one(project(), application(byHand)).spec.ref, { commit: OTHER })
    const running = {
      ...synced,
      operationState: { phase: 'Running', operation: { sync: { revision: COMMIT } } },
    }
    assert.deepEqual(one(project(), application(byHand, running)).spec.ref, { commit: COMMIT })
    assert.deepEqual(found(project(), application(byHand, { sync: synced.sync })).sources, [])
  })

  test('that has sync windows is held to what was synced last', () => {
    const windows = (window: object) =>
      project({ syncWindows: [{ kind: 'deny', schedule: '* * * * *', ...window }] })
    assert.deepEqual(one(windows({ applications: ['sh*'] }), application()).spec.ref, { commit: OTHER })
    assert.deepEqual(one(windows({ namespaces: ['other'] }), application()).spec.ref, { name: 'main' })
  })

  test('is limited by its project', () => {
    for (const limits of [
      { sourceRepos: [URL] },
      { destinations: [{ namespace: 'shop', server: '*' }] },
      { clusterResourceWhitelist: [] },
      { namespaceResourceBlacklist: [{ group: '', kind: 'Secret' }] },
    ])
      assert.equal(one(project(limits), application()).limited, true, JSON.stringify(limits))
    assert.equal(one(application()).limited, true)
  })

  test('is brought in by the account that its project says', () => {
    const accounts = [
      { server: '*', namespace: 'other', defaultServiceAccount: 'x' },
      { server: 'https://kubernetes.default.svc', namespace: 'sh*', defaultServiceAccount: 'deployer' },
    ]
    const { users, limited } = one(project({ destinationServiceAccounts: accounts }), application())
    assert.deepEqual([users, limited], [['system:serviceaccount:shop:deployer'], true])
  })

  test('is none for another cluster, when it goes away, before its first sync', () => {
    const going = application()
    going.metadata['deletionTimestamp'] = '2026-01-01T00:00:00Z'
    for (const none of [
      application({ destination: { server: 'https://other.example' } }),
      application({ destination: { name: 'prod-eu' } }),
      application({}, {}),
      going,
    ])
      assert.deepEqual(found(project(), none), { sources: [], problems: [], wants: [] })
    assert.equal(found(project(), application({ destination: { name: 'in-cluster' } })).sources.length, 1)
  })

  test('of several sources is one each, the last before the others', () => {
    const sources = [
      {
        repoURL: URL,
        path: 'a',
        targetRevision: 'main',
        helm: { valueFiles: ['$values/prod/values.yaml', 'own.yaml'] },
      },
      { repoURL: URL, path: 'b', targetRevision: 'main' },
      { repoURL: URL, ref: 'values', targetRevision: 'main' },
    ]
    const status = { sync: { status: 'Synced', revisions: [COMMIT, OTHER, OTHER] } }
    const { sources: all, problems } = found(project(), application({ sources }, status))
    assert.deepEqual(problems, [])
    assert.deepEqual(
      all.map(({ name, startAt, spec }) => [name, startAt, spec.path]),
      [
        ['argocd:argocd/shop#2', OTHER, 'b'],
        ['argocd:argocd/shop#1', COMMIT, 'a'],
      ],
    )
    assert.deepEqual(all[1]?.spec.helm?.values, ['/prod/values.yaml', 'own.yaml'])
  })

  test('is rendered by Kustomize with its options', () => {
    const kustomize = {
      namePrefix: 'p-',
      namespace: 'other',
      images: ['web=registry.example:5000/web:2', 'db@sha256:abc', 'cache:3'],
      replicas: [{ name: 'web', count: '3' }],
      commonLabels: { app: '${ARGOCD_APP_NAME}' },
      commonAnnotations: { raw: '$ARGOCD_APP_NAME' },
      patches: [{ patch: 'x' }],
      components: ['../extra'],
    }
    const { spec } = one(project(), application(source({ kustomize })))
    assert.equal(spec.renderer, 'kustomize')
    assert.deepEqual(spec.kustomize?.edit, {
      set: { namePrefix: 'p-', namespace: 'other' },
      merge: {
        images: [
          { name: 'web', newName: 'registry.example:5000/web', newTag: '2' },
          { name: 'db', digest: 'sha256:abc' },
          { name: 'cache', newTag: '3' },
        ],
        replicas: [{ name: 'web', count: 3 }],
      },
      assign: { commonLabels: { app: 'shop' }, commonAnnotations: { raw: '$ARGOCD_APP_NAME' } },
      append: { patches: [{ patch: 'x' }] },
      components: { folders: ['../extra'], ignoreMissing: false },
    })
  })

  test('is rendered by Helm with its values', () => {
    const helm = {
      releaseName: 'web',
      valueFiles: ['values-prod.yaml'],
      valuesObject: { a: 1 },
      values: 'b: 2',
      parameters: [
        { name: 'image.tag', value: '2' },
        { name: 'app', value: '$ARGOCD_APP_NAME', forceString: true },
      ],
      skipCrds: true,
    }
    const { spec } = one(project(), application(source({ helm })))
    assert.equal(spec.renderer, 'helm')
    assert.deepEqual(spec.helm, {
      release: 'web',
      values: ['values-prod.yaml'],
      ignoreMissing: false,
      texts: ['{"a":1}'],
      set: [['image.tag', '2']],
      setString: [['app', 'shop']],
      skipCrds: true,
      apiVersions: [],
    })
  })

  for (const [what, spec, message] of [
    ['a chart of a Helm repository', source({ chart: 'web' }), /Helm repository/],
    ['a plugin', source({ plugin: {} }), /plugin/],
    [
      'the commit in what it renders',
      source({ helm: { parameters: [{ name: 'a', value: '$ARGOCD_APP_REVISION' }] } }),
      /commit/,
    ],
    [
      'files as parameters',
      source({ helm: { fileParameters: [{ name: 'a', path: 'b' }] } }),
      /fileParameters/,
    ],
    ['a hydrator', { sourceHydrator: {} }, /hydrator/],
  ] as const) {
    test(`with ${what} is a problem, and what was there stays`, () => {
      const before = one(project(), application())
      const { sources, problems } = discover(facts(project(), application(spec)), { argocd }, [before])
      assert.deepEqual(sources, [before])
      assert.match(problems[0]?.message ?? '', message)
    })
  }

  test('gives what it ignores to programs, for its own objects only, and says what cannot be followed', () => {
    const ignoreDifferences = [
      {
        group: 'apps',
        kind: 'Deployment',
        name: 'web',
        jsonPointers: ['/spec/replicas', '/spec/template/spec/containers/0/image'],
      },
      { group: '', kind: 'ConfigMap', jqPathExpressions: ['.data["a/b"]', '.data | keys'] },
      { group: 'apps', kind: '*', managedFieldsManagers: ['rollouts'] },
    ]
    const { allowances, spec } = one(project(), application({ ignoreDifferences }))
    const [first, second] = allowances
    assert.deepEqual(first?.objects, { kinds: ['apps/Deployment'], names: ['web'] })
    assert.deepEqual(first?.fields, ['/spec/replicas', '/spec/template/spec/containers/*/image'])
    assert.deepEqual(
      [first?.source, first?.users, first?.bookkeeping],
      ['argocd:argocd/shop', ['system:serviceaccount:*'], true],
    )
    assert.deepEqual([second?.objects, second?.fields], [{ kinds: ['ConfigMap'] }, ['/data/a~1b']])
    assert.equal(spec.notes?.length, 2)
  })
})

for (const [expression, field] of [
  ['.spec.replicas', '/spec/replicas'],
  ['.webhooks[]?.clientConfig.caBundle', '/webhooks/*/clientConfig/caBundle'],
  ['.metadata.annotations["a.b/c"]', '/metadata/annotations/a.b~1c'],
  ['.metadata.labels."x/y"', '/metadata/labels/x~1y'],
  [
    '.spec.template.spec.containers[] | select(.name == "web") | .image',
    '/spec/template/spec/containers/[name=web]/image',
  ],
  ['.spec.template.spec.initContainers[0].image', '/spec/template/spec/initContainers/*/image'],
  ['.spec | .replicas', '/spec/replicas'],
  ['.spec | keys', undefined],
  ['.a[] | select(.b > 1)', undefined],
  ['', undefined],
] as const) {
  test(`read ${expression || 'nothing'} of jq ${field === undefined ? 'as none' : `as ${field}`}`, () => {
    assert.equal(fieldOfJq(expression), field)
    if (field !== undefined) assert.doesNotThrow(() => parseField(field))
  })
}
