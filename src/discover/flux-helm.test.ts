import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../model/json.ts'
import { discover } from './discover.ts'
import type { Discovered, DiscoveredSource } from './discovered.ts'
import { agentObject, facts } from './testing/facts.ts'

const COMMIT = 'a'.repeat(40)
const URL = 'https://git.example/shop.git'
const cluster = { kubeVersion: 'v1.36.3', apiVersions: ['v1', 'v1/Pod'] }

const repository = agentObject(
  'GitRepository',
  'flux-system/shop',
  { url: URL, ref: { branch: 'main' } },
  { status: { artifact: { revision: `main@sha1:${COMMIT}` } } },
)
const chart = (spec: object = {}, name = 'flux-system/shop-web') => {
  const made = agentObject('HelmChart', name, spec, {
    status: { observedSourceArtifactRevision: `main@sha1:${COMMIT}` },
  })
  made.metadata['generation'] = 3
  return made
}
const fromGit = (spec: object = {}) => ({
  chart: {
    spec: {
      chart: './charts/web',
      sourceRef: { kind: 'GitRepository', name: 'shop', namespace: 'flux-system' },
      reconcileStrategy: 'Revision',
      ...spec,
    },
  },
})
const release = (spec: object = {}, status: object = {}) =>
  agentObject(
    'HelmRelease',
    'shop/web',
    { ...fromGit(), ...spec },
    { status: { history: [{ chartVersion: '1.0.0', status: 'deployed' }], ...status } },
  )

function found(...objects: KubeObject[]): Discovered {
  return discover({ ...facts(...objects), cluster }, { flux: { namespaces: ['*'] } })
}

function one(...objects: KubeObject[]): DiscoveredSource {
  const { sources, problems } = found(repository, chart(), ...objects)
  assert.deepEqual(problems, [])
  assert.equal(sources.length, 1)
  return sources[0]!
}

describe('a HelmRelease of a chart in Git', () => {
  test('is a source: the chart, its repository and ref, its release, the cluster that it is rendered for', () => {
    const { name, url, startAt, announced, suspended, limited, users, object, spec } = one(release())
    assert.deepEqual(
      { name, url, startAt, announced, suspended, limited, users, object },
      {
        name: 'flux:shop/web#helm',
        url: URL,
        startAt: COMMIT,
        announced: COMMIT,
        suspended: false,
        limited: false,
        users: [],
        object: { kind: 'HelmRelease', namespace: 'shop', name: 'web', index: 0 },
      },
    )
    assert.deepEqual(
      [spec.ref, spec.path, spec.renderer, spec.namespace],
      [{ branch: 'main' }, './charts/web', 'helm', 'shop'],
    )
    assert.deepEqual(spec.helm, {
      release: 'web',
      values: [],
      ignoreMissing: false,
      texts: [],
      skipCrds: true,
      ...cluster,
      flux: { name: 'web', namespace: 'shop', follows: 'commit', generation: 3 },
    })
  })

  test('is named after its target namespace unless it says a name', () => {
    const { spec } = one(release({ targetNamespace: 'prod' }))
    assert.deepEqual([spec.namespace, spec.helm?.release], ['prod', 'prod-web'])
    assert.equal(one(release({ targetNamespace: 'prod', releaseName: 'x' })).spec.helm?.release, 'x')
  })

  test('takes values in the order of Flux: referred to, its own, and those that are put at a path', () => {
    const valuesFrom = [
      { kind: 'ConfigMap', name: 'values' },
      { kind: 'Secret', name: 'values', valuesKey: 'more' },
      { kind: 'ConfigMap', name: 'not-there', optional: true },
      { kind: 'Secret', name: 'values', valuesKey: 'port', targetPath: 'a\\.b.port' },
      { kind: 'Secret', name: 'values', valuesKey: 'port', targetPath: 'text', literal: true },
    ]
    const { sources, wants, problems } = found(
      repository,
      chart(),
      release({ valuesFrom, values: { colour: 'blue' } }),
      agentObject('ConfigMap', 'shop/values', { 'values.yaml': 'colour: red\n' }),
      agentObject('Secret', 'shop/values', { more: btoa('password: hunter2\n'), port: btoa('8080') }),
    )
    assert.deepEqual(problems, [])
    const { texts, flux } = sources[0]!.spec.helm!
    assert.deepEqual(texts, [
      'colour: red\n',
      'password: hunter2\n',
      '{"colour":"blue"}',
      '{"a.b":{"port":8080}}',
      '{"text":"8080"}',
    ])
    assert.deepEqual(flux?.secrets, ['password: hunter2\n', '8080', '8080'])
    assert.deepEqual(wants.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`).slice(0, 3), [
      'ConfigMap shop/values',
      'Secret shop/values',
      'ConfigMap shop/not-there',
    ])
  })

  test('takes values files in place of the chart’s own, from the root of the repository', () => {
    const files = (valuesFiles: string[]) => one(release(fromGit({ valuesFiles }))).spec.helm?.values
    assert.deepEqual(files(['charts/web/values.yaml', 'prod.yaml']), [
      '/charts/web/values.yaml',
      '/prod.yaml',
    ])
    assert.deepEqual(files(['./values.yaml']), [])
  })

  test('is finished as Flux does: post-renderers, metadata, CRDs only where upgrades replace them', () => {
    const { spec } = one(
      release({
        postRenderers: [{ kustomize: { patches: [{ patch: 'x', target: { kind: 'Deployment' } }] } }],
        commonMetadata: { labels: { team: 'a' } },
        upgrade: { crds: 'CreateReplace' },
      }),
    )
    assert.equal(spec.helm?.skipCrds, false)
    assert.deepEqual(spec.helm?.flux?.labels, { team: 'a' })
    assert.deepEqual(spec.helm?.flux?.kustomizations, [
      { patches: [{ patch: 'x', target: { kind: 'Deployment' } }], images: [] },
    ])
  })

  test('follows the version of the chart where nothing else is said, and is treated with care then', () => {
    const { spec, limited } = one(release(fromGit({ reconcileStrategy: 'ChartVersion' })))
    assert.deepEqual([spec.helm?.flux?.follows, limited], ['version', true])
  })

  test('takes the chart of a HelmChart that it names', () => {
    const named = chart(
      { chart: 'x', sourceRef: { kind: 'GitRepository', name: 'shop' }, reconcileStrategy: 'Revision' },
      'flux-system/own',
    )
    const chartRef = { kind: 'HelmChart', name: 'own', namespace: 'flux-system' }
    assert.equal(one(named, release({ chart: undefined, chartRef })).spec.path, 'x')
  })

  test('gives its account to this source only, which is limited by it', () => {
    const { users, limited } = one(release({ serviceAccountName: 'team' }))
    assert.deepEqual([users, limited], [['system:serviceaccount:shop:team'], true])
  })

  test('lets differ what it says may differ, on what it brings in', () => {
    const ignore = [
      { paths: ['/spec/replicas'], target: { kind: 'Deployment' } },
      { paths: ['/x'], target: { labelSelector: 'a=b' } },
    ]
    const { allowances, spec } = one(release({ driftDetection: { ignore } }))
    assert.deepEqual(
      allowances.map(({ fields, objects, source }) => ({ fields, objects, source })),
      [
        {
          fields: ['/spec/replicas'],
          objects: { kinds: ['Deployment', '*/Deployment'] },
          source: 'flux:shop/web#helm',
        },
      ],
    )
    assert.match(spec.notes?.join() ?? '', /rule 2 .* not followed/)
  })

  for (const [what, spec, status] of [
    ['is suspended', { suspend: true }, {}],
    ['was rolled back', {}, { conditions: [{ type: 'Remediated', status: 'True' }] }],
    ['is tried no more', {}, { conditions: [{ type: 'Stalled', status: 'True' }] }],
  ] as const) {
    test(`that ${what} is not put back`, () => assert.equal(one(release(spec, status)).suspended, true))
  }

  test('is none before its first release, when it goes away, and for another cluster', () => {
    const going = release()
    going.metadata['deletionTimestamp'] = '2026-01-01T00:00:00Z'
    for (const none of [release({}, { history: [] }), going, release({ kubeConfig: {} })])
      assert.deepEqual(found(repository, chart(), none), { sources: [], problems: [], wants: [] })
  })

  for (const [what, spec, message] of [
    [
      'a chart from a Helm repository',
      fromGit({ sourceRef: { kind: 'HelmRepository', name: 'bitnami' } }),
      /takes its chart from HelmRepository shop\/bitnami/,
    ],
    [
      'a chart from a registry',
      { chart: undefined, chartRef: { kind: 'OCIRepository', name: 'web' } },
      /takes its chart from OCIRepository shop\/web/,
    ],
    ['an archive', fromGit({ chart: 'web-1.0.0.tgz' }), /an archive/],
    [
      'values that are not there',
      { valuesFrom: [{ kind: 'Secret', name: 'none' }] },
      /takes values from Secret shop\/none, which does not exist/,
    ],
    [
      'values without their key',
      { valuesFrom: [{ kind: 'ConfigMap', name: 'values', valuesKey: 'x' }] },
      /ConfigMap shop\/values, which has no key x/,
    ],
    [
      'a list put at a path',
      { valuesFrom: [{ kind: 'ConfigMap', name: 'values', targetPath: 'list[0]' }] },
      /at list\[0\] in a way that is not done here/,
    ],
  ] as const) {
    test(`with ${what} is a problem, and what was there stays`, () => {
      const before = one(release())
      const values = agentObject('ConfigMap', 'shop/values', { 'values.yaml': 'a' })
      const all = facts(repository, chart(), values, release(spec))
      const { sources, problems } = discover(all, { flux: { namespaces: ['*'] } }, [before])
      assert.deepEqual(sources, [before])
      assert.equal(problems[0]?.source, 'flux:shop/web#helm')
      assert.match(problems[0].message, message)
    })
  }

  test('leaves a Kustomization of its name alone where it cannot be followed', () => {
    const kustomization = agentObject(
      'Kustomization',
      'shop/web',
      { sourceRef: { kind: 'OCIRepository', name: 'x' } },
      { status: { lastAttemptedRevision: COMMIT } },
    )
    const before = one(release())
    const all = facts(repository, chart(), kustomization, release())
    const { sources } = discover(all, { flux: { namespaces: ['*'] } }, [before])
    assert.equal(sources.length, 1)
  })
})
