/** The commands as people run them, on a real API server and a real Git repository. */
import assert from 'node:assert/strict'
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { everyObject, GUARD } from './installation.ts'

let plane: ControlPlane
let folder: string
let atFirst: string[]
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitops-guard-deploy-'))
  plane = await startControlPlane()
  atFirst = await everyObject(plane)
  await declare()
})
after(async () => {
  await plane.stop()
  await rm(folder, { recursive: true, force: true })
})

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: shop }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: web, namespace: shop }
`

/** A repository, and a configuration that names it. */
async function declare(): Promise<void> {
  await mkdir(join(folder, 'git'))
  await writeFile(join(folder, 'git', 'all.yaml'), manifests)
  const git = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '.'],
    [...git, 'commit', '-qm', 'all'],
  ]) {
    const { code, stderr } = await runCommand('git', args, { cwd: join(folder, 'git') })
    assert.equal(code, 0, stderr)
  }
  await writeFile(join(folder, 'config.yaml'), configuration(''))
}

function configuration(more: string): string {
  return `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
mode: audit # to begin with
sources:
  - name: shop
    repository: ${join(folder, 'git')}
    ref: { branch: main }
    path: .
${more}agents:
  - preset: flux
notify:
  - slack: { url: { env: SLACK_URL } }
`
}

async function guard(args: string[], stdin = '') {
  const cli = new URL('../../src/cli.ts', import.meta.url).pathname
  const all = [cli, ...args, `--kubeconfig=${plane.kubeconfig('admin')}`]
  return runCommand(process.execPath, all, { stdin, env: { SLACK_URL: 'https://127.0.0.1:1/secret-path' } })
}
const config = () => `--config=${join(folder, 'config.yaml')}`

test('print with --dry-run what kubectl can apply, and apply nothing', async () => {
  const { code, stdout, stderr } = await guard([
    'install',
    config(),
    '--dry-run',
    '--image=registry.example/guard:1',
  ])
  assert.equal(code, 0, stderr)
  assert.ok(!stdout.includes('secret-path'))
  assert.match(stdout, /mode: audit # to begin with/)
  assert.match(stdout, /image: registry.example\/guard:1/)
  assert.deepEqual(await everyObject(plane), atFirst)
  const applied = await plane.kubectl('admin', ['apply', '--server-side', '--dry-run=server', '-f', '-'], {
    stdin: stdout.replaceAll(/^ *namespace: gitops-guard$/gm, (line) =>
      line.replace('gitops-guard', 'default'),
    ),
  })
  assert.equal(applied.code, 0, applied.stderr)
  const json = await guard(['install', config(), '--dry-run', '-o', 'json'])
  const list = JSON.parse(json.stdout) as { kind: string; items: { kind: string }[] }
  assert.equal(list.kind, 'List')
  assert.ok(list.items.some(({ kind }) => kind === 'Deployment'))
})

test('refuse a configuration with a mistake, with its line, before anything is applied', async () => {
  await writeFile(join(folder, 'wrong.yaml'), configuration('    undeclared: sometimes\n'))
  const { code, stderr } = await guard(['install', `--config=${join(folder, 'wrong.yaml')}`])
  assert.equal(code, 2)
  assert.match(stderr, /wrong\.yaml:9/)
  assert.deepEqual(await everyObject(plane), atFirst)
})

test('write static manifests that know the declared kinds, and apply nothing', async () => {
  const directory = join(folder, 'static')
  const { code, stdout, stderr } = await guard([
    'install',
    config(),
    `--static-manifests=${directory}`,
    '-o',
    'json',
  ])
  assert.equal(code, 0, stderr)
  const { files } = JSON.parse(stdout) as { files: string[] }
  assert.deepEqual(files, ['admission-configuration.yaml', 'policies/gitops-guard.yaml'])
  const policies = await readFile(join(directory, 'policies/gitops-guard.yaml'), 'utf8')
  assert.match(policies, /name: gitops-guard\.static\.k8s\.io/)
  assert.match(policies, /rbac\.authorization\.k8s\.io/)
  assert.match(await readFile(join(directory, 'admission-configuration.yaml'), 'utf8'), new RegExp(directory))
  assert.deepEqual(await everyObject(plane), atFirst)
})

test('install, say what to do next, and grant the rights that the declared kinds need and no others', async () => {
  const { code, stdout, stderr } = await guard(['install', config()])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /Deployment gitops-guard\/gitops-guard created/)
  assert.match(
    stdout,
    /create secret generic -n gitops-guard gitops-guard-env --from-literal=SLACK_URL=\.\.\./,
  )
  assert.match(stderr, /source shop: .* is a path on this machine/)
  await may(
    ['update', 'deployments.apps'],
    ['create', 'configmaps'],
    ['bind', 'clusterroles.rbac.authorization.k8s.io'],
  )
  await mayNot(
    ['delete', 'deployments.apps'],
    ['get', 'secrets'],
    ['create', 'pods'],
    ['escalate', 'clusterroles.rbac.authorization.k8s.io'],
    ['update', 'clusterroles.rbac.authorization.k8s.io'],
    ['get', 'pods', 'log'],
  )
})

test('widen the rights when a source wants to know of undeclared objects, with JSON for scripts', async () => {
  await writeFile(join(folder, 'config.yaml'), configuration('    undeclared: deny\n'))
  const { code, stdout, stderr } = await guard([
    'install',
    config(),
    '-o',
    'json',
    '--image=registry.example/guard:2',
  ])
  assert.equal(code, 0, stderr)
  const { objects } = JSON.parse(stdout) as { objects: { object: string; action: string }[] }
  const changed = objects.filter(({ action }) => action === 'configured').map(({ object }) => object)
  assert.deepEqual(changed.toSorted(), [
    'ClusterRole gitops-guard-guarded-kinds',
    'ConfigMap gitops-guard/gitops-guard',
    'Deployment gitops-guard/gitops-guard',
  ])
  await may(['delete', 'pods'], ['list', 'secrets'])
  await mayNot(['create', 'pods'], ['create', 'pods', 'exec'], ['get', 'pods', 'exec'], ['delete', 'nodes'])
})

test('uninstall only when told so, and leave nothing', async () => {
  const asked = await guard(['uninstall'])
  assert.equal(asked.code, 2)
  assert.match(asked.stderr, /say --yes/)
  const exception = {
    apiVersion: 'gitops-guard.dev/v1alpha1',
    kind: 'BreakGlass',
    metadata: { name: 'incident-7', namespace: 'default' },
    spec: { reason: 'incident 7', expiresAt: '2030-01-01T00:00:00Z' },
  }
  await plane.api('POST', '/apis/gitops-guard.dev/v1alpha1/namespaces/default/breakglasses', exception)
  const { code, stdout, stderr } = await guard(['uninstall', '--yes', '-o', 'json'])
  assert.equal(code, 0, stderr)
  assert.match(stderr, /warning: .*default\/incident-7/)
  assert.deepEqual((JSON.parse(stdout) as { exceptions: string[] }).exceptions, ['default/incident-7'])
  assert.deepEqual(await everyObject(plane), atFirst)
})

type Right = [verb: string, resource: string, subresource?: string]

async function can([verb, resource, subresource]: Right): Promise<string> {
  const below = subresource === undefined ? [] : [`--subresource=${subresource}`]
  const args = ['auth', 'can-i', verb, resource, '-n', 'shop', `--as=${GUARD}`, ...below]
  const { stdout } = await plane.kubectl('admin', args)
  return stdout.trim()
}
async function may(...list: Right[]): Promise<void> {
  for (const one of list) {
    for (const start = Date.now(); (await can(one)) !== 'yes';)
      assert.ok(Date.now() - start < 10_000, `may not ${one.join(' ')}`)
  }
}
async function mayNot(...list: Right[]): Promise<void> {
  for (const one of list) assert.equal(await can(one), 'no', one.join(' '))
}
