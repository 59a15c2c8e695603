import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { KubeObject } from '../model/json.ts'
import { discover } from './discover.ts'
import type { Discovered, DiscoveredSource } from './discovered.ts'
import { agentObject, facts } from './testing/facts.ts'

const COMMIT = 'a'.repeat(40)
const URL = 'https://git.example/shop.git'
const flux = { namespaces: ['*'] }

const repository = (spec: object = {}, revision = `main@sha1:${COMMIT}`) =>
  agentObject(
    'GitRepository',
    'flux-system/shop',
    { url: URL, ref: { branch: 'main' }, ...spec },
    { status: { artifact: { revision } } },
  )
const kustomization = (
  spec: object = {},
  status: object = { lastAttemptedRevision: `main@sha1:${COMMIT}` },
) =>
  agentObject(
    'Kustomization',
    'flux-system/apps',
    { sourceRef: { kind: 'GitRepository', name: 'shop' }, path: './apps', ...spec },
    { status },
  )

function found(...objects: KubeObject[]): Discovered {
  return discover(facts(...objects), { flux })
}

function one(...objects: KubeObject[]): DiscoveredSource {
  const { sources, problems } = found(...objects)
  assert.deepEqual(problems, [])
  assert.equal(sources.length, 1)
  return sources[0]!
}

describe('a Kustomization', () => {
  test('is a source: its repository, ref and path, and the commit that Flux is at', () => {
    const { name, url, spec, startAt, suspended, limited, recreate, users, object } = one(
      repository(),
      kustomization(),
    )
    assert.deepEqual(
      { name, url, startAt, suspended, limited, recreate, users, object },
      {
        name: 'flux:flux-system/apps',
        url: URL,
        startAt: COMMIT,
        suspended: false,
        limited: false,
        recreate: false,
        users: [],
        object: { kind: 'Kustomization', namespace: 'flux-system', name: 'apps', index: 0 },
      },
    )
    assert.deepEqual([spec.ref, spec.path, spec.renderer], [{ branch: 'main' }, './apps', 'kustomize'])
  })

  for (const [what, ref, expected] of [
    ['a tag', { tag: 'v1', branch: 'x' }, { tag: 'v1' }],
    ['the tag that Flux found for a range', { semver: '>=1.0.0', tag: 'x' }, { tag: 'v1.2.3' }],
    ['a commit', { commit: COMMIT, semver: '1' }, { commit: COMMIT }],
    ['a whole ref', { name: 'refs/pull/1/head', commit: COMMIT }, { name: 'refs/pull/1/head' }],
    ['master where nothing is said', undefined, { branch: 'master' }],
  ] as const) {
    test(`follows ${what}`, () => {
      const from = repository({ ref }, `v1.2.3@sha1:${COMMIT}`)
      assert.deepEqual(one(from, kustomization()).spec.ref, expected)
    })
  }

  test('stays at the commit of a repository that is suspended', () => {
    assert.deepEqual(one(repository({ suspend: true }), kustomization()).spec.ref, { commit: COMMIT })
  })

  test('builds as Flux does: what it adds, what it replaces, what it leaves alone', () => {
    const spec = {
      targetNamespace: 'shop',
      namePrefix: 'p-',
      patches: [{ patch: 'x', target: { kind: 'Deployment' } }, { patch: 'y' }],
      images: [{ name: 'web', newTag: '2' }],
      components: ['../extra'],
      ignoreMissingComponents: true,
      commonMetadata: { labels: { a: 'b' } },
      force: true,
      suspend: true,
    }
    const { spec: made, recreate, suspended } = one(repository({ ignore: '/docs/' }), kustomization(spec))
    assert.deepEqual([recreate, suspended, made.ignore], [true, true, { patterns: '/docs/' }])
    assert.deepEqual(made.kustomize?.edit, {
      set: { namespace: 'shop', namePrefix: 'p-' },
      append: { patches: [{ patch: 'x', target: { kind: 'Deployment' } }, { patch: 'y' }] },
      merge: { images: [{ name: 'web', newTag: '2' }] },
      components: { folders: ['../extra'], ignoreMissing: true },
    })
    assert.deepEqual(made.kustomize?.metadata?.labels, { a: 'b' })
    assert.equal(made.kustomize?.generate, true)
    assert.ok(made.kustomize?.leaveOut?.some(({ key }) => key === 'kustomize.toolkit.fluxcd.io/reconcile'))
  })

  test('takes variables from ConfigMaps and Secrets in their order, its own last, without line ends', () => {
    const postBuild = {
      substituteFrom: [
        { kind: 'ConfigMap', name: 'vars' },
        { kind: 'Secret', name: 'vars' },
        { kind: 'ConfigMap', name: 'not-there', optional: true },
      ],
      substitute: { region: 'eu' },
    }
    const { sources, wants } = found(
      repository(),
      kustomization({ postBuild }),
      agentObject('ConfigMap', 'flux-system/vars', { region: 'us', size: '1', text: 'a\nb\n' }),
      agentObject('Secret', 'flux-system/vars', { size: 'MsO8' }),
    )
    assert.deepEqual(sources[0]?.spec.kustomize?.variables, [
      ['region', 'eu'],
      ['size', '2ü'],
      ['text', 'ab'],
    ])
    assert.deepEqual(
      wants.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`),
      ['ConfigMap flux-system/vars', 'Secret flux-system/vars', 'ConfigMap flux-system/not-there'],
    )
  })

  test('gives its account, or the default one, to this source only, which is limited by it', () => {
    const { users, limited } = one(repository(), kustomization({ serviceAccountName: 'team' }))
    assert.deepEqual([users, limited], [['system:serviceaccount:flux-system:team'], true])
    const options = { flux: { ...flux, defaultServiceAccount: 'default' } }
    const [source] = discover(facts(repository(), kustomization()), options).sources
    assert.deepEqual([source?.users, source?.limited], [['system:serviceaccount:flux-system:default'], true])
  })

  test('is none while Flux has not come to it, when it goes away, and for another cluster', () => {
    const going = kustomization()
    going.metadata['deletionTimestamp'] = '2026-01-01T00:00:00Z'
    for (const none of [kustomization({}, {}), going, kustomization({ kubeConfig: {} })])
      assert.deepEqual(found(repository(), none), { sources: [], problems: [], wants: [] })
  })

  for (const [what, objects, message] of [
    [
      'an artifact that is no Git repository',
      [kustomization({ sourceRef: { kind: 'OCIRepository', name: 'shop' } })],
      /OCIRepository flux-system\/shop/,
    ],
    ['no repository', [kustomization()], /does not exist/],
    ['a repository that includes others', [repository({ include: [{}] }), kustomization()], /includes/],
    [
      'no variables where there should be',
      [repository(), kustomization({ postBuild: { substituteFrom: [{ kind: 'Secret', name: 's' }] } })],
      /Secret flux-system\/s/,
    ],
    [
      'a tag to verify',
      [repository({ verify: { mode: 'Tag', secretRef: { name: 's' } } }), kustomization()],
      /verifies Tag/,
    ],
  ] as const) {
    test(`with ${what} is a problem, and what was there stays`, () => {
      const before = one(repository(), kustomization())
      const { sources, problems } = discover(facts(...objects), { flux }, [before])
      assert.deepEqual(sources, [before])
      assert.equal(problems[0]?.source, 'flux:flux-system/apps')
      assert.match(problems[0].message, message)
    })
  }

  test('that decrypts is guarded but for what is encrypted, and says so', () => {
    assert.match(one(repository(), kustomization({ decryption: {} })).spec.notes?.join() ?? '', /SOPS/)
  })

  test('verifies commits by the keys that Flux verifies them by', async () => {
    const verify = { mode: 'HEAD', secretRef: { name: 'keys' } }
    const keys = agentObject('Secret', 'flux-system/keys', { 'a.asc': 'S0VZ' })
    const { spec } = one(repository({ verify }), kustomization(), keys)
    assert.deepEqual(await Promise.all(spec.verify?.keys.map((key) => key.read()) ?? []), ['KEY'])
  })
})

test('look in the namespaces that are wanted, and hold first what the agent may do all to', () => {
  const of = (namespace: string, spec: object = {}) => [
    agentObject('GitRepository', `${namespace}/shop`, { url: URL }),
    agentObject(
      'Kustomization',
      `${namespace}/apps`,
      { sourceRef: { kind: 'GitRepository', name: 'shop' }, ...spec },
      { status: { lastAttemptedRevision: COMMIT } },
    ),
  ]
  const objects = [
    ...of('a', { serviceAccountName: 'x' }),
    ...of('flux-system'),
    ...of('team-b'),
    ...of('other'),
  ]
  const options = { flux: { namespaces: ['a', 'flux-system', 'team-*'] } }
  assert.deepEqual(
    discover(facts(...objects), options).sources.map(({ name }) => name),
    ['flux:flux-system/apps', 'flux:team-b/apps', 'flux:a/apps'],
  )
})
