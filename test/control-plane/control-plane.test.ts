import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAuthority } from './certificates.ts'
import { startControlPlane, type ControlPlane } from './control-plane.ts'

describe('startControlPlane', () => {
  let directory: string
  let plane: ControlPlane
  let configured: ControlPlane

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'control-plane-test-'))
    const [audit, admission] = [join(directory, 'audit.json'), join(directory, 'admission.json')]
    await writeFile(audit, JSON.stringify(auditPolicy))
    await writeFile(admission, JSON.stringify(admissionConfiguration))
    ;[plane, configured] = await Promise.all([
      startControlPlane(),
      startControlPlane({
        apiServerArgs: [`--audit-policy-file=${audit}`, `--audit-log-path=${join(directory, 'audit.log')}`],
        admissionConfigFile: admission,
        featureGates: { ManifestBasedAdmissionControlConfig: true },
        useServiceAccountCredentials: false,
      }),
    ])
  })
  after(async () => {
    await Promise.all([plane?.stop(), configured?.stop()])
    await rm(directory, { recursive: true })
  })

  it('start two side by side, each with its own state', async () => {
    assert.notEqual(plane.url, configured.url)
    await ok(plane, ['create', 'namespace', 'only-here'])
    assert.match((await configured.kubectl('alice', ['get', 'ns', 'only-here'])).stderr, /NotFound/)
  })

  it('say the version of kubectl and of the server', async () => {
    const { clientVersion, serverVersion } = JSON.parse(await ok(plane, ['version', '-o', 'json']))
    assert.equal(serverVersion.gitVersion, plane.version)
    assert.match(clientVersion.gitVersion, /^v1\.\d+\.\d+/)
  })

  it('let alice do everything, though she is in no admin group', async () => {
    assert.match(await ok(plane, ['auth', 'whoami']), /alice\n.*\[developers system:authenticated\]/)
    assert.match(await ok(plane, ['auth', 'can-i', '*', '*', '--all-namespaces']), /yes/)
  })

  it('let a user in who has no rights', async () => {
    await plane.user('bob', { groups: ['guests'] })
    const { code, stderr } = await plane.kubectl('bob', ['get', 'pods'])
    assert.equal(code, 1)
    assert.match(stderr, /User "bob" cannot list resource "pods"/)
  })

  it('know a service account by its token', async () => {
    const user = 'system:serviceaccount:ci:deployer'
    const path = await plane.serviceAccount('ci', 'deployer')
    assert.equal(plane.kubeconfig(user), path)
    assert.match(
      (await plane.kubectl(user, ['auth', 'whoami'])).stdout,
      /Username +system:serviceaccount:ci:deployer/,
    )
    assert.match((await plane.kubectl(path, ['get', 'pods'])).stderr, /cannot list resource "pods"/)
    await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
    assert.equal((await plane.kubectl(user, ['get', 'pods'])).code, 0)
  })

  it('say which users there are when asked for another', () => {
    assert.throws(
      () => plane.kubeconfig('carol'),
      /no user "carol" in this control plane: there are admin, alice/,
    )
  })

  it('give kubectl its standard input and the time it may take', async () => {
    const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'from-stdin' } }
    const applied = await plane.kubectl('alice', ['apply', '-f', '-'], { stdin: JSON.stringify(manifest) })
    assert.equal(applied.stdout, 'configmap/from-stdin created\n')
    const { code, ms } = await plane.kubectl('alice', ['get', 'configmap', '--watch'], { timeoutMs: 500 })
    assert.equal(code, 124)
    assert.ok(ms < 60_000)
  })

  it('roll out a Deployment', async () => {
    await ok(plane, ['create', 'namespace', 'rollout'])
    await ok(plane, ['-n', 'rollout', 'create', 'deployment', 'web', '--image=web:1', '--replicas=2'])
    await eventually(async () => {
      const pods = JSON.parse(await ok(plane, ['-n', 'rollout', 'get', 'pods', '-o', 'json']))
      // There are no nodes: they stay pending.
      assert.deepEqual(
        pods.items.map((pod: { status: { phase: string } }) => pod.status.phase),
        ['Pending', 'Pending'],
      )
    })
    // It takes the namespace controller 5 s: looked at below.
    await ok(plane, ['delete', 'namespace', 'rollout', '--wait=false'])
  })

  it('call a webhook by its Service, over HTTP/1.1', async () => {
    await plane.webhookService('hooks', 'guard')
    const authority = await createAuthority()
    const { certificate, key } = await authority.issue({ commonName: 'guard', dnsNames: ['guard.hooks.svc'] })
    const calls: string[] = []
    const server = createHttpsServer({ cert: certificate, key }, async (request, response) => {
      calls.push(
        `${(request.socket as TLSSocket & { servername: string }).servername} HTTP/${request.httpVersion}`,
      )
      const { request: review } = JSON.parse(Buffer.concat(await request.toArray()).toString())
      const answer = {
        uid: review.uid,
        allowed: false,
        status: { message: `not by ${review.userInfo.username}` },
      }
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = server.address() as AddressInfo
      const { status } = await plane.api(
        'POST',
        '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
        webhookConfiguration(port, Buffer.from(authority.certificate).toString('base64')),
      )
      assert.equal(status, 201)
      await eventually(async () => {
        const { stderr } = await plane.kubectl('alice', [
          '-n',
          'hooks',
          'create',
          'configmap',
          `c${Date.now()}`,
        ])
        assert.match(stderr, /admission webhook "guard\.example\.com" denied the request: not by alice/)
      })
      assert.deepEqual(new Set(calls), new Set(['guard.hooks.svc HTTP/1.1']))
    } finally {
      await plane.api('DELETE', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/guard')
      server.close()
      server.closeAllConnections()
    }
  })

  it('pass on arguments, an admission configuration and feature gates', async () => {
    const pod = ['run', 'shell', '--image=shell:1', '--privileged']
    assert.match(
      (await configured.kubectl('alice', pod)).stderr,
      /violates PodSecurity "baseline:latest": privileged/,
    )
    assert.match(
      (await configured.kubectl('admin', ['get', '--raw', '/metrics'])).stdout,
      /ManifestBasedAdmissionControlConfig.* 1$/m,
    )
  })

  it('run the controllers as one user when told to', async () => {
    await configured.kubectl('alice', ['create', 'deployment', 'web', '--image=web:1'])
    await eventually(async () => assert.match(await ok(configured, ['get', 'replicasets']), /web-/))
    const events = readFileSync(join(directory, 'audit.log'), 'utf8').trim().split('\n')
    const users = new Set(events.map((line) => JSON.parse(line).user.username as string))
    assert.ok(users.has('system:kube-controller-manager'), [...users].join(', '))
    assert.ok(!users.has('system:serviceaccount:kube-system:deployment-controller'))
  })

  it('remove a namespace with all that is in it', async () => {
    await eventually(async () => {
      assert.match((await plane.kubectl('alice', ['get', 'namespace', 'rollout'])).stderr, /NotFound/)
    })
  })

  it('keep its state when the API server restarts, crashes, and finds its port taken for a while', async () => {
    await ok(plane, ['create', 'configmap', 'kept'])
    await plane.restartApiServer()
    await ok(plane, ['get', 'configmap', 'kept'])
    await plane.stopApiServer({ graceMs: 0 })
    assert.notEqual((await plane.kubectl('alice', ['get', 'configmap', 'kept'])).code, 0)
    const thief = createServer().listen(Number(new URL(plane.url).port), '127.0.0.1')
    setTimeout(() => thief.close(), 500)
    await plane.startApiServer()
    await ok(plane, ['get', 'configmap', 'kept'])
  })

  it('keep its state when etcd restarts', async () => {
    await ok(plane, ['create', 'configmap', 'kept-too'])
    await plane.restartEtcd()
    await ok(plane, ['get', 'configmap', 'kept-too'])
  })
})

describe('the end of a control plane', { skip: !existsSync('/proc/self/cmdline') }, () => {
  it('stop and leave no process nor directory', async () => {
    const plane = await startControlPlane({ kubeControllerManager: false })
    assert.ok(processesOf(plane.dir).length >= 3, 'supervisor, etcd and kube-apiserver run')
    await plane.stop()
    assert.deepEqual(processesOf(plane.dir), [])
    assert.ok(!existsSync(plane.dir))
    await plane.stop()
  })

  it('say why it cannot start, and leave nothing', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cannot-start-'))
    const { TMPDIR } = process.env
    process.env.TMPDIR = directory
    try {
      const start = startControlPlane({ apiServerArgs: ['--no-such-flag'], kubeControllerManager: false })
      await assert.rejects(start, /kube-apiserver ended with 1 .*no-such-flag/s)
      assert.deepEqual(readdirSync(directory), [])
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = TMPDIR
      await rm(directory, { recursive: true })
    }
  })

  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    it(`leave nothing when its process dies by ${signal}`, async () => {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'start'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const dir = await new Promise<string>((resolve, reject) => {
        let output = ''
        child.on('exit', () => reject(new Error(`ended before it started: ${output}`)))
        child.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString()
          const found = /KUBECONFIG=(.*)\/admin\.kubeconfig/.exec(output)?.[1]
          if (found !== undefined) resolve(found)
        })
      })
      assert.ok(processesOf(dir).length >= 4)
      child.removeAllListeners('exit')
      child.kill(signal)
      await eventually(async () => {
        assert.deepEqual(processesOf(dir), [])
        assert.ok(!existsSync(dir))
      })
    })
  }

  it('end with a test that forgets to stop it', async () => {
    const program = `
      import { startControlPlane } from ${JSON.stringify(join(import.meta.dirname, 'control-plane.ts'))}
      const plane = await startControlPlane({ kubeControllerManager: false })
      await plane.api('GET', '/version')
      console.log(plane.dir)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const output = Buffer.concat(await child.stdout.toArray())
      .toString()
      .trim()
    assert.match(output, /gitops-guard-/)
    await eventually(async () => assert.ok(!existsSync(output)))
    assert.deepEqual(processesOf(output), [])
  })
})

const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [
    {
      level: 'Metadata',
      omitStages: ['RequestReceived'],
      resources: [{ group: 'apps', resources: ['replicasets'] }],
    },
    { level: 'None' },
  ],
}

const admissionConfiguration = {
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AdmissionConfiguration',
  plugins: [
    {
      name: 'PodSecurity',
      configuration: {
        apiVersion: 'pod-security.admission.config.k8s.io/v1',
        kind: 'PodSecurityConfiguration',
        defaults: { enforce: 'baseline', 'enforce-version': 'latest' },
      },
    },
  ],
}

function webhookConfiguration(port: number, caBundle: string): object {
  return {
    metadata: { name: 'guard' },
    webhooks: [
      {
        name: 'guard.example.com',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        clientConfig: { caBundle, service: { namespace: 'hooks', name: 'guard', port } },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'hooks' } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
    ],
  }
}

/** What kubectl prints as alice, who must succeed. */
async function ok(plane: ControlPlane, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl('alice', args)
  assert.equal(code, 0, stderr)
  return stdout
}

/** The command lines of the running processes that mention a directory. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(directory))
}

/** Tries until it holds, for 15 s at most. */
async function eventually(check: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + 15_000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(50)
    }
  }
}
