/** The Helm chart: it holds what `deploy/` holds, and installs, upgrades and goes, with a guard as it says. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { DEPLOY, readDeployManifests } from '../../src/commands/install-manifests.ts'
import { GUARDING } from '../../src/commands/uninstall-plan.ts'
import type { KubeObject } from '../../src/model/json.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { findProgram } from '../control-plane/find-program.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { builtCli } from '../e2e/built-cli.ts'
import { GuardRun } from '../e2e/guard-run.ts'
import { until } from '../e2e/until.ts'
import { rendererProgram } from '../renderers/renderers.ts'
import { everyObject, GUARD } from './installation.ts'

const CHART = join(DEPLOY, 'chart')
let folder: string
let helmBinary: string
let plane: ControlPlane | undefined
let run: GuardRun | undefined

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitops-guard-chart-'))
  helmBinary = await findProgram(rendererProgram('helm'))
})
after(async () => {
  await plane?.stop()
  await run?.end('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

function helm(args: string[], env: Record<string, string> = {}) {
  return runCommand(helmBinary, [...args, '--namespace=gitops-guard'], {
    env: { ...env, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder },
  })
}

async function rendered(...args: string[]): Promise<KubeObject[]> {
  const { code, stdout, stderr } = await helm(['template', 'gitops-guard', CHART, ...args])
  assert.equal(code, 0, stderr)
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null)
}

const nameOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`

test('hold what deploy/ holds: all but the namespace and what the guard makes itself', async () => {
  const chart = new Map((await rendered()).map((object) => [nameOf(object), object]))
  const deploy = readDeployManifests().filter(({ kind }) => ![...GUARDING, 'Namespace'].includes(kind))
  assert.deepEqual(
    [...chart.keys()].filter((name) => name !== 'Pod gitops-guard-test').toSorted(),
    deploy.map(nameOf).toSorted(),
  )
  for (const object of deploy) {
    if (object.kind === 'ConfigMap') continue
    const same = JSON.parse(JSON.stringify(chart.get(nameOf(object)))) as KubeObject
    if (object.kind === 'Deployment') {
      const { containers } = (same as unknown as { spec: { template: { spec: { containers: object[] } } } })
        .spec.template.spec
      assert.equal(Reflect.get(containers[0]!, 'imagePullPolicy'), 'IfNotPresent')
      Reflect.deleteProperty(containers[0]!, 'imagePullPolicy')
    }
    assert.deepEqual(same, object, nameOf(object))
  }
})

test('put every value where it belongs', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const text = JSON.stringify(
    await rendered(
      ...['--set', `image.repository=registry.example/guard,image.digest=${digest},replicas=3`],
      ...['--set', 'podLabels.team=platform,podAnnotations.note=x,tolerations[0].operator=Exists'],
      ...['--set', 'guardedKinds[0].apiGroups[0]=apps,guardedKinds[0].resources[0]=deployments'],
      ...['--set', 'guardedKinds[0].verbs[0]=get,networkPolicy.enabled=true,serviceMonitor.enabled=true'],
      ...['--set', 'networkPolicy.httpFrom[0].podSelector.matchLabels.app=prometheus'],
    ),
  )
  for (const part of [
    `"image":"registry.example/guard@${digest}"`,
    '"replicas":3',
    '"team":"platform"',
    '"note":"x"',
    '"tolerations":[{"operator":"Exists"}]',
    '"rules":[{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get"]}]',
    '"from":[{"podSelector":{"matchLabels":{"app":"prometheus"}}}]',
    '"kind":"ServiceMonitor"',
  ])
    assert.ok(text.includes(part), part)
  assert.doesNotMatch(text, /"escalate"/)
})

test('refuse values that are none, and another namespace', async () => {
  for (const [value, said] of [
    ['replicas=0', /replicas/],
    ['config.mode=strict', /mode/],
    ['imagee.tag=1', /imagee/],
    ['image.digest=abc', /digest/],
  ] as const) {
    const { code, stderr } = await helm(['template', 'gitops-guard', CHART, '--set', value])
    assert.notEqual(code, 0, value)
    assert.match(stderr, said)
  }
  const elsewhere = await runCommand(helmBinary, ['template', 'x', CHART, '--namespace=shop'], {})
  assert.match(elsewhere.stderr, /the guard lives in the namespace gitops-guard/)
})

test('install, upgrade and go, with a guard as the chart has it', async () => {
  plane = await startControlPlane()
  const atFirst = await everyObject(plane)
  const repository = await shop()
  const values = join(folder, 'values.yaml')
  await writeFile(
    values,
    `config:
  mode: enforce
  stateDir: ${join(folder, 'state')}
  sources: [{ name: shop, repository: ${repository}, ref: { branch: main }, path: ., poll: 1s }]
  agents: [{ user: 'system:serviceaccount:ci:deployer' }]
`,
  )
  const admin = { KUBECONFIG: plane.kubeconfig('admin') }
  const install = await helm(['install', 'gitops-guard', CHART, '--create-namespace', '-f', values], admin)
  assert.equal(install.code, 0, install.stderr)
  assert.match(install.stdout, /mode enforce/)

  run = await guardOfChart(plane)
  await run.start()
  await must(['create', 'namespace', 'shop'])
  await must(['apply', '-n', 'shop', '-f', join(repository, 'web.yaml')])
  await until('alice is refused', async () => {
    const { stderr } = await plane!.kubectl('alice', [
      '-n',
      'shop',
      'patch',
      'configmap/web',
      '--type=merge',
      '-p',
      '{"data":{"a":"2"}}',
    ])
    return stderr.includes('denied the request')
  })

  const more = ['upgrade', 'gitops-guard', CHART, '-f', values, '--set', 'replicas=3']
  const refused = await until('the policies are in force', async () => {
    const result = await helm([...more, '--dry-run=server'], admin)
    const patch = await plane!.kubectl('admin', [
      '-n',
      'gitops-guard',
      'scale',
      'deployment/gitops-guard',
      '--replicas=1',
      '--dry-run=server',
    ])
    return result.code === 0 && patch.code !== 0 && patch
  })
  assert.match(refused.stderr, /GitOps Guard runs in namespace gitops-guard/)
  assert.match((await helm(more, admin)).stderr, /GitOps Guard/)
  const cli = (args: string[]) =>
    runCommand(process.execPath, [builtCliPath, ...args, `--kubeconfig=${plane!.kubeconfig('admin')}`])
  const builtCliPath = await builtCli()
  const opened = await cli(['break-glass', '-n', 'gitops-guard', '--for', '15m', '--reason', 'upgrade'])
  assert.equal(opened.code, 0, opened.stderr)
  await until('the release is upgraded', async () => (await helm(more, admin)).code === 0, { ms: 60_000 })
  const { body } = await plane.api('GET', '/apis/apps/v1/namespaces/gitops-guard/deployments/gitops-guard')
  assert.equal((body as { spec: { replicas: number } }).spec.replicas, 3)

  const gone = await cli(['uninstall', '--yes'])
  assert.equal(gone.code, 0, gone.stderr)
  await run.end('SIGKILL')
  await must(['delete', 'namespace', 'shop'])
  await until(
    'nothing is left',
    async () => {
      const left = (await everyObject(plane!)).filter((each) => !atFirst.includes(each))
      return left.length === 0
    },
    { ms: 120_000, seen: async () => (await everyObject(plane!)).filter((each) => !atFirst.includes(each)) },
  )
})

async function must(args: string[]): Promise<void> {
  const { code, stderr } = await plane!.kubectl('admin', args)
  assert.equal(code, 0, stderr)
}

async function shop(): Promise<string> {
  const repository = join(folder, 'shop')
  await mkdir(repository)
  await writeFile(
    join(repository, 'web.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web, namespace: shop }\ndata: { a: "1" }\n',
  )
  const git = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '.'],
    [...git, 'commit', '-qm', 'all'],
  ]) {
    const { code, stderr } = await runCommand('git', args, { cwd: repository })
    assert.equal(code, 0, stderr)
  }
  return repository
}

/** The guard with the configuration, the account and the environment that the chart gives it. */
async function guardOfChart(cluster: ControlPlane): Promise<GuardRun> {
  const { body } = await cluster.api('GET', '/api/v1/namespaces/gitops-guard/configmaps/gitops-guard')
  const config = join(folder, 'config.yaml')
  await writeFile(config, (body as { data: Record<string, string> }).data['config.yaml']!)
  await cluster.serviceAccount('gitops-guard', 'gitops-guard')
  return new GuardRun({
    config,
    kubeconfig: cluster.kubeconfig(GUARD),
    ports: { https: await freePort(), http: await freePort() },
    logFile: join(folder, 'guard.log'),
    env: { POD_NAME: 'gitops-guard-1', POD_NAMESPACE: 'gitops-guard' },
  })
}
