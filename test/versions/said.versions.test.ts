/** What another Kubernetes version lacks is said at start and by doctor, and nothing fails of it. KUBERNETES_VERSION chooses it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from '../../src/cluster/connection.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import { configMap, inNamespace, namespace } from '../e2e/manifests.ts'
import { AGENT, Stage } from '../e2e/stage.ts'
import { BreakingProxy } from '../support/breaking-proxy.ts'

/** By minor version: what is said, besides that admission from files is not there before 1.36. */
const minor = Number(process.env['KUBERNETES_VERSION']?.split('.')[1] ?? 36)
const lacks = [...(minor === 33 ? ['streamed-lists'] : []), ...(minor < 36 ? ['admission-files'] : [])]

let stage: Stage
let configuration: string

before(async () => {
  stage = await Stage.open()
  const shop = stage.repository()
  shop.write('namespace.yaml', namespace('shop'))
  shop.write('all.yaml', configMap('web'))
  stage.settledCommit(shop)
  await stage.apply(namespace('shop'), inNamespace('shop', configMap('web')))
  configuration = `mode: enforce
sources:
  - { name: shop, repository: ${shop.path}, ref: { branch: main }, namespace: shop, poll: 1s }
agents:
  - { user: ${AGENT}, managers: [deployer] }
`
})
after(() => stage.close())

test('what this version lacks is in the log, on /readyz and told by doctor, and the guard is not degraded', async () => {
  const guard = await stage.guard('guard', configuration)
  await guard.start()
  const lines = (await guard.log()).filter((line) => line['lacks'] !== undefined)
  assert.deepEqual(
    lines.map(({ level, lacks: told }) => [level, told]),
    lacks.length === 0 ? [] : [['info', lacks]],
  )
  const readyz = await guard.says(/^ready$/m)
  if (lacks.length > 0) assert.match(readyz, /^\[\+\] kubernetes: Kubernetes v1\..* has no /m)
  else assert.doesNotMatch(readyz, /kubernetes/)
  assert.doesNotMatch(readyz, /^\[-\]/m)
  const findings = await doctor(stage.plane.kubeconfig('admin'))
  const version = findings.filter(({ check }) => check === 'version')
  assert.deepEqual(
    version.map(({ severity }) => severity),
    minor === 33 ? ['info'] : [],
    JSON.stringify(version),
  )
  const files = findings.find(({ check }) => check === 'static-manifests')
  assert.match(files?.remedy ?? '', minor < 36 ? /Kubernetes 1\.36 has them/ : /install --static-manifests/)
  await guard.end('SIGTERM')
})

test('write static manifests, and warn where the API server cannot read them', async () => {
  const folder = join(stage.dir, 'static')
  const args = [`--config=${stage.config('install', configuration)}`, `--static-manifests=${folder}`]
  const { code, stderr } = await stage.cli([
    'install',
    ...args,
    `--kubeconfig=${stage.plane.kubeconfig('admin')}`,
  ])
  assert.equal(code, 0, stderr)
  if (minor < 36) assert.match(stderr, /cannot read admission from files, 1\.36 and later can/)
  else assert.equal(stderr, '')
})

for (const [name, gitVersion, tried] of [
  ['older', 'v1.31.9-gke.100', /is older than what this guard is made for/],
  ['newer', 'v1.41.0', /is newer than what this guard is made for/],
] as const) {
  test(`an API server that is ${name} than any that was tried is told from others, and guarded all the same`, async () => {
    const proxy = new BreakingProxy(connect({ kubeconfig: stage.guardKubeconfig }))
    await proxy.start()
    try {
      const said = JSON.stringify({ major: '1', minor: gitVersion.split('.')[1], gitVersion })
      proxy.refuse((url) => url === '/version', { status: 200, body: said }, Number.POSITIVE_INFINITY)
      const file = join(stage.dir, `${name}.kubeconfig`)
      writeFileSync(file, unencrypted(proxy.connection().server))
      const guard = await stage.guard(name, configuration, {}, { kubeconfig: file })
      await guard.start()
      const line = await guard.logged('the version', ({ msg }) => tried.test(msg))
      assert.equal(line.level, 'warn')
      await guard.says(name === 'older' ? /^\[-\] kubernetes: .*older/m : /^\[\+\] kubernetes: .*newer/m)
      const denied = await stage.alice(['-n', 'shop', 'label', 'configmap/web', 'by=alice'])
      assert.equal(denied.code, 1, denied.stderr)
      assert.match(denied.stderr, /Git declares it/)
      const [found] = (await doctor(file)).filter(({ check }) => check === 'version')
      assert.equal(found?.severity, name === 'older' ? 'warning' : 'info')
      await guard.end('SIGTERM')
    } finally {
      await proxy.stop()
    }
  })
}

/** A kubeconfig for plain HTTP: the proxy has credentials of its own. */
function unencrypted(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'proxy', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'guard', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'guard' } }],
    'current-context': 'proxy',
  })
}

async function doctor(file: string): Promise<Finding[]> {
  const config = stage.config('doctor', configuration)
  const { stdout, stderr } = await stage.cli([
    'doctor',
    `--config=${config}`,
    `--kubeconfig=${file}`,
    '-o',
    'json',
  ])
  assert.notEqual(stdout, '', stderr)
  return (JSON.parse(stdout) as { findings: Finding[] }).findings
}
