/** `clientCA`: the API server shows a certificate where its admission configuration gives it one. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { configMap, TestGuard, testPolicy } from '../../test/admission/test-guard.ts'
import { createAuthority as createClientAuthority } from '../../test/control-plane/certificates.ts'
import { startControlPlane, type ControlPlane } from '../../test/control-plane/control-plane.ts'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
let plane: ControlPlane
let guard: TestGuard
let directory: string

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gitops-guard-client-'))
  const clients = await createClientAuthority()
  guard = await TestGuard.start(testPolicy(), {
    clientAuthority: { ca: clients.certificate, names: ['kube-apiserver'] },
  })
  const client = await clients.issue({ commonName: 'kube-apiserver' })
  plane = await startControlPlane({
    kubeControllerManager: false,
    admissionConfigFile: await admissionConfig(new URL(guard.url).host, client),
  })
  await plane.api('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } })
  await plane.api('POST', '/api/v1/namespaces/shop/configmaps', configMap)
})
after(async () => {
  await guard?.server.stop()
  await plane?.stop()
  await rm(directory, { recursive: true, force: true })
})

/** As docs/callers.md shows it: by the host and port of the URL, or the Service's name. */
async function admissionConfig(name: string, client: { certificate: string; key: string }): Promise<string> {
  const file = (suffix: string) => join(directory, suffix)
  await writeFile(file('client.crt'), client.certificate)
  await writeFile(file('client.key'), client.key, { mode: 0o600 })
  const user = { 'client-certificate': file('client.crt'), 'client-key': file('client.key') }
  await writeFile(
    file('webhooks.kubeconfig'),
    JSON.stringify({ apiVersion: 'v1', kind: 'Config', users: [{ name, user }] }),
  )
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'WebhookAdmissionConfiguration',
    kubeConfigFile: file('webhooks.kubeconfig'),
  }
  await writeFile(
    file('admission.yaml'),
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [{ name: 'ValidatingAdmissionWebhook', configuration }],
    }),
  )
  return file('admission.yaml')
}

async function refusal(wanted: RegExp): Promise<string> {
  for (let tries = 0; ; tries++) {
    const { stderr } = await plane.kubectl('alice', ['annotate', '-n', 'shop', 'cm/settings', `a=${tries}`])
    if (wanted.test(stderr) || tries === 30) return stderr
    await sleep(200)
  }
}

test('serve an API server that shows its certificate', async () => {
  await plane.api('POST', CONFIGURATIONS, guard.configuration())
  const denied = /denied the request: alice may not change ConfigMap shop\/settings/
  assert.match(await refusal(denied), denied)
})

test('serve nobody without one: the API server has none for another name of the same guard', async () => {
  const { port } = new URL(guard.url)
  const elsewhere = guard.configuration({ target: { url: `https://localhost:${port}/validate` } })
  const { status } = await plane.api('DELETE', `${CONFIGURATIONS}/gitops-guard`)
  assert.equal(status, 200)
  await plane.api('POST', CONFIGURATIONS, elsewhere)
  guard.takeAsked()
  const failed = /failed calling webhook "namespaced\.gitops-guard\.dev"/
  assert.match(await refusal(failed), failed)
})
