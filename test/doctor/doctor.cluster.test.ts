import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Finding } from '../../src/doctor/finding.ts'
import { AGENT, Patient } from './patient.ts'

const OPERATOR = 'system:serviceaccount:ops:updater'
const WEBHOOK = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gitops-guard'
const BINDINGS = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings'

let patient: Patient

before(async () => {
  patient = await Patient.admit()
})
after(async () => {
  await patient?.discharge()
})

test('find nothing to do on a clean cluster with a healthy guard', async (t) => {
  const { code, findings, ms } = await patient.doctor()
  t.diagnostic(`doctor took ${Math.round(ms)} ms`)
  assert.deepEqual(
    findings.filter(({ severity }) => severity !== 'info'),
    [],
  )
  assert.deepEqual(findings.map(({ check }) => check).toSorted(), ['rbac-everything', 'static-manifests'])
  assert.equal(code, 0)
})

/** By the role that gives it: the subject, and what it may. */
const held: readonly [role: string, subject: string, may: RegExp][] = [
  ['weak-impersonate', 'impersonator', /impersonate any user/],
  ['weak-impersonate-agent', 'agent-impersonator', /impersonate service account ci\/deployer/],
  ['weak-impersonate-masters', 'group-impersonator', /impersonate group system:masters/],
  ['weak-tokens', 'minter', /request tokens in every namespace/],
  ['weak-secrets', 'reader', /read the token of ci\/deployer/],
  ['weak-bind', 'binder', /bind roles/],
  ['weak-escalate', 'escalator', /escalate roles/],
  ['weak-approve', 'approver', /approve client certificates/],
  ['weak-sign', 'signer', /sign client certificates/],
  ['weak-pods', 'runner', /create Pods or workloads/],
  ['weak-exec', 'executor', /run commands in Pods/],
  ['weak-nodes-proxy', 'proxy', /reach every Pod through nodes\/proxy/],
  ['weak-policies', 'policer', /change admission policies/],
  ['weak-webhooks', 'hooker', /change webhook configurations/],
  ['weak-definitions', 'definer', /change definitions of declared kinds/],
  ['weak-taints', 'tainter', /change nodes and their taints/],
  ['harmless', 'bystander', /^$/],
]

test('find each of the weaknesses of a weak cluster, and nothing of what is harmless', async (t) => {
  await weaken()
  const { code, findings } = await patient.doctor()
  assert.equal(code, 1)
  const open = [...findings]
  const take = (what: string, is: (finding: Finding) => boolean) => {
    const at = open.findIndex(is)
    assert.notEqual(at, -1, `${what} is not found among:\n${open.map(line).join('\n')}`)
    const [finding] = open.splice(at, 1)
    assert.ok(finding!.remedy.length > 10 && finding!.why.length > 10)
  }
  let found = 0
  for (const [role, user, may] of held) {
    if (role === 'harmless') continue
    take(role, ({ subject, what }) => subject === `User ${user}` && may.test(what) && what.includes(role))
    found++
  }
  const others: [string, RegExp][] = [
    ['rbac-everything', /alice/],
    ['rbac', /User editor may impersonate service accounts in ci/],
    ['webhook-failure-policy', /Ignore/],
    ['webhook-namespaces', /shop/],
    ['webhook-unreachable', /127\.0\.0\.1/],
    ['policy-binding', /gitops-guard has validationActions \["Audit"\]/],
    ['policy-binding', /gitops-guard-webhooks is not there/],
    ['policy-binding', /gitops-guard-namespace is not there/],
    // Git declares kinds now that it did not when the guard last ran.
    ['webhook-differs', /namespaced\.\S+ has other matchConditions/],
    ['webhook-differs', /cluster\.\S+ has other matchConditions/],
    ['rewrites', /sidecars .*Deployment/],
    ['second-guard', /guard-of-yore/],
    ['writer', /field manager updater owns \/metadata\/annotations\/updater\.ops~1x of ConfigMap shop\/web/],
    ['kind-missing', /example\.com\/Widget/],
    ['source', /source nowhere cannot be read/],
    ['secret-in-git', /Secret shop\/plain .*prod\/plain\.yaml:1/],
    ['replicas', /one replica/],
    ['disruption-budget', /no PodDisruptionBudget/],
  ]
  for (const [check, text] of others) {
    take(check, (finding) => finding.check === check && text.test(line(finding)))
    found++
  }
  t.diagnostic(`${found} weaknesses found`)
  assert.deepEqual(open.filter(({ severity }) => severity !== 'info').map(line), [])
})

function line({ check, subject, what }: Finding): string {
  return `[${check}] ${subject} ${what}`
}

async function weaken(): Promise<void> {
  const { plane, shop, guard } = patient
  await plane.serviceAccount('ops', 'updater', { clusterAdmin: false })
  // A guard that runs would put its own objects back.
  await guard.end('SIGTERM')
  const live = (await plane.api('GET', WEBHOOK)).body as {
    webhooks: {
      name: string
      failurePolicy: string
      namespaceSelector: { matchExpressions: { values: string[] }[] }
    }[]
  }
  for (const webhook of live.webhooks) {
    if (!webhook.name.startsWith('namespaced.')) continue
    webhook.failurePolicy = 'Ignore'
    const [expression] = webhook.namespaceSelector.matchExpressions
    expression!.values = expression!.values.filter((name) => name !== 'shop')
  }
  const binding = (await plane.api('GET', `${BINDINGS}/gitops-guard`)).body as {
    spec: { validationActions: string[] }
  }
  binding.spec.validationActions = ['Audit']
  for (const [path, body] of [
    [`${BINDINGS}/gitops-guard`, binding],
    [WEBHOOK, live],
  ] as const) {
    // The policy lets the guard alone change its configuration; it is out of force a moment after its binding.
    for (let tries = 0; (await plane.api('PUT', path, body)).status !== 200; tries++) {
      assert.ok(tries < 50, path)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  await plane.api('DELETE', `${BINDINGS}/gitops-guard-webhooks`)
  await plane.api('DELETE', `${BINDINGS}/gitops-guard-namespace`)
  // Kept by nobody, so that what follows can be made: the namespace's policy, and cluster-scoped objects wait for the guard.
  const cluster = (await plane.api('GET', WEBHOOK)).body as typeof live
  const strict = structuredClone(cluster)
  for (const webhook of cluster.webhooks) webhook.failurePolicy = 'Ignore'
  assert.equal((await plane.api('PUT', WEBHOOK, cluster)).status, 200)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await patient.must('admin', ['apply', '-f', join(import.meta.dirname, 'weaknesses.yaml')])
  for (const [role, user] of held)
    await patient.must('admin', [
      'create',
      'clusterrolebinding',
      role,
      `--clusterrole=${role}`,
      `--user=${user}`,
    ])
  await patient.must('admin', [
    'create',
    'clusterrolebinding',
    'boss',
    '--clusterrole=cluster-admin',
    '--user=alice',
  ])
  const widget = 'apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w, namespace: shop }\n'
  await writeFile(join(shop.directory, 'prod', 'widget.yaml'), widget)
  const secret =
    'apiVersion: v1\nkind: Secret\nmetadata: { name: plain, namespace: shop }\nstringData: { a: b }\n'
  await writeFile(join(shop.directory, 'prod', 'plain.yaml'), secret)
  await shop.commit('Add a widget and a secret')
  await patient.must(AGENT, ['apply', '--server-side', '-f', join(shop.directory, 'prod', 'plain.yaml')])
  await patient.must('admin', [
    '-n',
    'shop',
    'create',
    'role',
    'updater',
    '--verb=get,patch',
    '--resource=configmaps',
  ])
  await patient.must('admin', [
    ...['-n', 'shop', 'create', 'rolebinding', 'updater', '--role=updater'],
    '--serviceaccount=ops:updater',
  ])
  await patient.must(OPERATOR, [
    '-n',
    'shop',
    'annotate',
    '--field-manager=updater',
    'configmap/web',
    'updater.ops/x=1',
  ])
  await patient.configure(
    `  - { name: nowhere, repository: ${join(plane.dir, 'nowhere')}, ref: { branch: main }, path: '' }\n`,
  )
  const now = (await plane.api('GET', WEBHOOK)).body as { metadata: { resourceVersion: string } }
  const back = {
    ...strict,
    metadata: { ...(strict as never as typeof now).metadata, resourceVersion: now.metadata.resourceVersion },
  }
  assert.equal((await plane.api('PUT', WEBHOOK, back)).status, 200)
}
