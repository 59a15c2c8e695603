/** What the webhook refuses, warns of, records and lets pass, with real kubectl on a real API server. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createAuthority } from '../../src/tls/authority.ts'
import { FileStore } from '../../src/tls/file-store.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { serializeState } from '../../src/tls/state.ts'
import type { TestRepository } from '../git/test-repository.ts'
import type { GuardRun } from './guard-run.ts'
import { autoscaler, configMap, deployment, inNamespace, namespace } from './manifests.ts'
import { AGENT, Stage } from './stage.ts'
import { until } from './until.ts'

const AUTOSCALER = 'system:serviceaccount:kube-system:horizontal-pod-autoscaler'
const CORE = '/api/v1/namespaces'
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1'
const WEBHOOK = `${REGISTRATION}/validatingwebhookconfigurations/gitops-guard`
const BINDING = `${REGISTRATION}/validatingadmissionpolicybindings/gitops-guard`
/** Milliseconds that the first serving certificate lives: it is renewed after two thirds, while the other tests run. */
const CERTIFICATE_MS = 45_000

let stage: Stage
let guard: GuardRun
let main: TestRepository
let releases: TestRepository
let pinned: string

const SHOP = [
  deployment('web'),
  autoscaler('web'),
  deployment('fixed'),
  configMap('web'),
  configMap('dry'),
].join('---\n')

before(async () => {
  stage = await Stage.open()
  main = stage.repository()
  releases = stage.repository()
  const places: Record<string, string> = {
    shop: SHOP,
    lab: configMap('lab'),
    books: configMap('books'),
    calm: configMap('calm', { key: 'git' }),
    strict: configMap('strict'),
    ending: configMap('ending'),
  }
  for (const [name, manifests] of Object.entries(places)) {
    main.write(`prod/${name}/namespace.yaml`, namespace(name))
    main.write(`prod/${name}/all.yaml`, manifests)
  }
  stage.settledCommit(main)
  releases.write('app.yaml', configMap('app', { release: '1' }))
  pinned = stage.settledCommit(releases)
  releases.git('tag', 'v1')
  releases.write('app.yaml', `# release 2\n${configMap('app', { release: '2' })}`)
  stage.settledCommit(releases)
  const objects = Object.entries(places).flatMap(([name, manifests]) =>
    manifests.split('---\n').map((manifest) => inNamespace(name, manifest)),
  )
  const released = ['tagged', 'pinned'].map((name) => inNamespace(name, configMap('app', { release: '1' })))
  await stage.apply(...[...Object.keys(places), 'tagged', 'pinned'].map(namespace), ...objects, ...released)
  await stage.plane.serviceAccount('kube-system', 'horizontal-pod-autoscaler', { clusterAdmin: true })
  guard = await stage.guard('guard', configuration(Object.keys(places)))
  await shortCertificate(join(stage.dir, 'guard', 'state', 'tls'))
  await guard.start()
})

after(() => stage.close())

function configuration(places: string[]): string {
  const more: Record<string, string> = {
    lab: ', mode: warn',
    books: ', mode: audit',
    calm: ', heal: alert',
    strict: ', undeclared: deny',
  }
  const sources = places.map(
    (name) =>
      `  - { name: ${name}, repository: ${main.path}, ref: { branch: main }, path: prod/${name}, namespace: ${name}, poll: 1s${more[name] ?? ''} }`,
  )
  return `mode: enforce
sources:
${sources.join('\n')}
  - { name: tagged, repository: ${releases.path}, ref: { tag: v1 }, namespace: tagged, poll: 1s }
  - { name: pinned, repository: ${releases.path}, ref: { commit: ${pinned} }, namespace: pinned, poll: 1s }
agents:
  - { user: ${AGENT}, managers: [deployer] }
notify:
  - slack: { url: { env: SLACK_URL } }
`
}

/** What a guard that has run for months finds: a serving certificate that ends soon. */
async function shortCertificate(directory: string): Promise<void> {
  const now = Date.now()
  const authority = await createAuthority({
    validity: { notBefore: now - 60_000, notAfter: now + 3_600_000 },
  })
  const serving = await issueServing(authority, {
    names: { dnsNames: ['gitops-guard.gitops-guard.svc'], ips: ['127.0.0.1'] },
    validity: { notBefore: now, notAfter: now + CERTIFICATE_MS },
  })
  await new FileStore(directory).save(serializeState({ authority, retired: [], serving }), undefined)
}

/** The place in Git of a refusal, as it stands in every one. */
function placeIn(file: string, repository: TestRepository): RegExp {
  const commit = repository.git('rev-parse', 'HEAD').slice(0, 7)
  return new RegExp(`Change ${file}:\\d+@${commit} in ${repository.path} \\(branch main\\) instead`)
}

const ATTEMPTS: [string, string[], RegExp, Record<string, string>?][] = [
  [
    'set image',
    ['set', 'image', 'deployment/web', 'app=evil:1'],
    /change Deployment shop\/web .*image web:1 → evil:1/,
  ],
  ['scale', ['scale', 'deployment/fixed', '--replicas=9'], /change scale of Deployment shop\/fixed .*2 → 9/],
  [
    'edit',
    ['edit', 'configmap/web'],
    /change ConfigMap shop\/web \(data\.key x → z\)/,
    { KUBE_EDITOR: "sed -i 's/^  key: x/  key: z/'" },
  ],
  [
    'label',
    ['label', 'configmap/web', 'by=alice'],
    /change ConfigMap shop\/web \(metadata\.labels\.by added/,
  ],
  ['delete', ['delete', 'configmap/web', '--wait=false'], /delete ConfigMap shop\/web/],
]

for (const [what, args, told, env] of ATTEMPTS) {
  test(`deny alice's ${what} with the rule, file, line and commit`, async () => {
    const { code, stderr } = await stage.plane.kubectl('alice', ['-n', 'shop', ...args], env ? { env } : {})
    assert.equal(code, 1, stderr)
    assert.match(stderr, told)
    assert.match(stderr, /Git declares it\. Change/)
    assert.match(stderr, placeIn('prod/shop/all.yaml', main))
    assert.match(stderr, /In an emergency: kubectl guard break-glass -n shop/)
    const [, id] = /\(rule declared, id ([0-9a-f]{12})\)/.exec(stderr)!
    await guard.logged('the denial', (line) => line['id'] === id && line['rule'] === 'declared')
  })
}

test('deny a whole collection deleted at once, an administrator and an impersonated user alike', async () => {
  const all = await stage.alice(['-n', 'shop', 'delete', 'configmap', '--all', '--wait=false'])
  assert.match(all.stderr, /alice may not delete ConfigMap shop\/web/)
  assert.match(all.stderr, /alice may not delete ConfigMap shop\/dry/)
  const { status, body } = await stage.plane.api('DELETE', `${CORE}/shop/configmaps/web`)
  assert.equal(status, 403)
  assert.match(body.message, /admin may not delete/)
  const masked = await stage.alice([
    '-n',
    'shop',
    'label',
    'configmap/web',
    'a=b',
    '--as=bob',
    '--as-group=system:masters',
  ])
  assert.match(masked.stderr, /bob may not change/)
})

test('deny a create of what Git declares otherwise, and let exactly what Git says pass', async () => {
  const fromGit = (value: string) => inNamespace('calm', configMap('calm', { key: value }))
  await stage.unseen(['-n', 'calm', 'delete', 'configmap/calm'])
  const wrong = await stage.alice(['create', '-f', '-'], fromGit('mine'))
  assert.equal(wrong.code, 1)
  assert.match(wrong.stderr, /alice may not create ConfigMap calm\/calm/)
  const right = await stage.alice(['create', '-f', '-'], fromGit('git'))
  assert.equal(right.code, 0, right.stderr)
})

for (const command of ['apply', 'replace']) {
  test(`let alice's kubectl ${command} bring an object to what Git says, and no further`, async () => {
    const fromGit = inNamespace('calm', configMap('calm', { key: 'git' }))
    await stage.unseen([
      '-n',
      'calm',
      'patch',
      'configmap/calm',
      '--type=merge',
      '-p',
      '{"data":{"key":"drift"}}',
    ])
    const further = await stage.alice([command, '-f', '-'], `${fromGit}  more: mine\n`)
    assert.equal(further.code, 1)
    assert.match(further.stderr, /data\.more added/)
    const { code, stderr } = await stage.alice([command, '-f', '-'], fromGit)
    assert.equal(code, 0, stderr)
    const { data, metadata } = await stage.get(`${CORE}/calm/configmaps/calm`)
    assert.deepEqual(data, { key: 'git' })
    if (command === 'apply') {
      assert.ok(metadata.annotations['kubectl.kubernetes.io/last-applied-configuration'])
      const again = await stage.alice([command, '-f', '-'], fromGit)
      assert.match(again.stdout, /unchanged/)
    }
  })
}

test('let a change pass with a warning in warn mode, and tell of it', async () => {
  const { code, stderr } = await stage.alice(['-n', 'lab', 'label', 'configmap/lab', 'by=alice'])
  assert.equal(code, 0)
  assert.match(stderr, /^Warning: .*alice may not change ConfigMap lab\/lab.*prod\/lab\/all\.yaml:\d+@/m)
  assert.equal((await stage.get(`${CORE}/lab/configmaps/lab`)).metadata.labels.by, 'alice')
  assert.ok((await guard.metric('reviews_total', { verdict: 'warn', rule: 'declared' })) >= 1)
  await stage.chat.told('lab/lab', 'alice')
})

test('record a change in audit mode, in silence for who makes it', async () => {
  const { code, stderr } = await stage.alice(['-n', 'books', 'label', 'configmap/books', 'by=alice'])
  assert.equal(code, 0)
  assert.equal(stderr, '')
  await guard.logged('it', ({ event, object }) => event === 'audited' && object === 'ConfigMap books/books')
  assert.equal(await guard.metric('violations_total', { event: 'audited', source: 'books' }), 1)
  await stage.chat.told('books/books', 'alice')
})

test('give a dry-run the same verdict and tell nobody', async () => {
  const count = () => guard.metric('violations_total')
  const told = await count()
  const dry = await stage.alice(['-n', 'shop', 'delete', 'configmap/dry', '--dry-run=server'])
  assert.equal(dry.code, 1)
  assert.match(dry.stderr, /alice may not delete ConfigMap shop\/dry/)
  const diff = await stage.alice(['-n', 'lab', 'label', 'configmap/lab', 'a=b', '--dry-run=server'])
  assert.match(diff.stderr, /^Warning: /m)
  assert.equal(await count(), told)
})

test('deny what Git does not name where undeclared is deny, and let it be elsewhere', async () => {
  const denied = await stage.alice(['-n', 'strict', 'create', 'configmap', 'guest'])
  assert.equal(denied.code, 1)
  assert.match(denied.stderr, /alice may not create ConfigMap strict\/guest/)
  const elsewhere = await stage.alice(['-n', 'shop', 'create', 'configmap', 'guest'])
  assert.equal(elsewhere.code, 0, elsewhere.stderr)
})

test('follow a tag and a commit, whatever their branch holds', async () => {
  const places = { tagged: 'tag v1', pinned: `commit ${pinned.slice(0, 12)}` }
  for (const [name, ref] of Object.entries(places)) {
    const { stderr } = await stage.alice(['-n', name, 'label', 'configmap/app', 'by=alice'])
    const [, commit, from] = /app\.yaml:\d+@([0-9a-f]{7}) in .* \((\w+ \w+)\) instead/.exec(stderr) ?? []
    assert.equal(commit, pinned.slice(0, 7), stderr)
    assert.ok(from?.startsWith(ref), stderr)
  }
})

test('let the agent and system controllers do their work: rollouts, scaling by a declared autoscaler', async () => {
  main.write('prod/shop/all.yaml', SHOP.replaceAll('web:1', 'web:2'))
  main.commit('web:2')
  await stage.apply(inNamespace('shop', deployment('web', { image: 'web:2' })))
  const sets = '/apis/apps/v1/namespaces/shop/replicasets'
  await until('there is a ReplicaSet of each image', async () => {
    const { items } = await stage.get(sets)
    const of = items.filter(({ metadata }: { metadata: { name: string } }) =>
      metadata.name.startsWith('web-'),
    )
    return of.length === 2
  })
  const scale = (name: string) =>
    stage.plane.kubectl(AUTOSCALER, ['-n', 'shop', 'scale', `deployment/${name}`, '--replicas=4'])
  assert.equal((await scale('web')).code, 0)
  const refused = await scale('fixed')
  assert.match(refused.stderr, /horizontal-pod-autoscaler may not change scale of Deployment shop\/fixed/)
  await until('the new pods are there', async () => {
    const { items } = await stage.get(`${CORE}/shop/pods`)
    return items.length >= 4
  })
  assert.equal((await stage.get('/apis/apps/v1/namespaces/shop/deployments/web')).spec.replicas, 4)
})

test('let a namespace that the agent deletes end, with everything in it', async () => {
  const { code, stderr } = await stage.plane.kubectl(AGENT, ['delete', 'namespace', 'ending', '--wait=false'])
  assert.equal(code, 0, stderr)
  await until('it is gone', async () => (await stage.get(`${CORE}/ending`)) === undefined, { ms: 40_000 })
})

for (const [what, method, body] of [
  ['deleted', 'DELETE', undefined],
  ['edited', 'PATCH', { webhooks: null }],
] as const) {
  test(`has the webhook configuration back within a second after it was ${what}`, async () => {
    const wasThere = await stage.get(WEBHOOK)
    const ms = await until('a try is faster than the policy that forbids it', async () => {
      await stage.plane.api('DELETE', BINDING)
      const { status } = await stage.plane.api(method, WEBHOOK, body, 'application/merge-patch+json')
      if (status >= 300) return undefined
      const start = performance.now()
      const isBack = async () => {
        const [webhook, binding] = [await stage.get(WEBHOOK), await stage.get(BINDING)]
        return binding !== undefined && webhook?.webhooks?.length === wasThere.webhooks.length
      }
      await until('both are back', isBack)
      return performance.now() - start
    })
    assert.ok(ms < 1000, `it took ${Math.round(ms)} ms`)
    const { code } = await stage.alice(['-n', 'shop', 'label', 'configmap/web', 'by=alice'])
    assert.equal(code, 1)
  })
}

test('serve a new certificate before the old one ends, without a restart', async () => {
  const expiry = () => guard.metric('certificate_expiry_seconds', { certificate: 'serving' })
  await until('it is renewed', async () => (await expiry()) > 3_000, { ms: CERTIFICATE_MS, seen: expiry })
  const { stderr } = await stage.alice(['-n', 'shop', 'label', 'configmap/web', 'by=alice'])
  assert.match(stderr, /alice may not change/)
})

test('tell the chat of every denial', async () => {
  const { code } = await stage.alice(['-n', 'shop', 'label', 'configmap/web', 'last=one'])
  assert.equal(code, 1)
  await until('nothing waits', async () => (await guard.metric('messages_waiting')) === 0, { ms: 120_000 })
  const all = stage.chat.messages.join('\n')
  for (const object of ['shop/web', 'shop/fixed', 'calm/calm', 'strict/guest', 'tagged/app', 'pinned/app'])
    assert.ok(all.includes(object), `the chat is not told of ${object}`)
})
