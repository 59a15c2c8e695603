import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Finding } from '../../src/doctor/finding.ts'
import { Shop } from '../../src/demo/shop.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { builtCli } from '../e2e/built-cli.ts'

let directory: string
let plane: ControlPlane | undefined

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'doctor-'))
})
after(async () => {
  await plane?.stop()
  await rm(directory, { recursive: true })
})

async function cli(on: ControlPlane, ...args: string[]) {
  const config = join(directory, 'config.yaml')
  const options = [`--config=${config}`, `--kubeconfig=${on.kubeconfig('admin')}`]
  return await runCommand(process.execPath, [await builtCli(), ...args, ...options])
}

async function checks(on: ControlPlane): Promise<string[]> {
  const { stdout, stderr } = await cli(on, 'doctor', '-o', 'json')
  assert.notEqual(stdout, '', stderr)
  return (JSON.parse(stdout) as { findings: Finding[] }).findings.map(({ check }) => check)
}

test('see admission manifests in force, and controllers that share an identity', async () => {
  const shop = await Shop.create(join(directory, 'shop'))
  await writeFile(
    join(directory, 'config.yaml'),
    `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
mode: enforce
agents: [{ user: 'system:serviceaccount:ci:deployer' }]
sources: [{ name: shop, repository: ${shop.directory}, ref: { branch: main }, path: prod }]
`,
  )
  plane = await startControlPlane({ useServiceAccountCredentials: false })
  const before = await checks(plane)
  for (const check of ['static-manifests', 'shared-identity', 'webhook-missing', 'policy', 'policy-binding'])
    assert.ok(before.includes(check), `${check} among ${before.join(', ')}`)
  const folder = join(directory, 'static')
  const written = await cli(plane, 'install', `--static-manifests=${folder}`)
  assert.equal(written.code, 0, written.stderr)
  await plane.stop()
  plane = await startControlPlane({
    featureGates: { ManifestBasedAdmissionControlConfig: true },
    admissionConfigFile: join(folder, 'admission-configuration.yaml'),
  })
  const now = await checks(plane)
  for (const check of ['static-manifests', 'shared-identity'])
    assert.ok(!now.includes(check), `${check} among ${now.join(', ')}`)
  // What is in force so cannot be taken away by anybody.
  const { code, stderr } = await plane.kubectl('admin', [
    ...['create', 'clusterrole', 'gitops-guard-mine', '--verb=get', '--resource=pods'],
  ])
  assert.notEqual(code, 0)
  assert.match(stderr, /static\.k8s\.io/)
})
