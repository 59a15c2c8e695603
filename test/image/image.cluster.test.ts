/** The Dockerfile, built for real, and what it makes, run as a Pod of deploy/ would run it. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:net'
import { after, before, test, type TestContext } from 'node:test'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { applyDeploy } from '../deploy/installation.ts'
import { gitHttpServer } from '../git/http-server.ts'
import { rendererProgram, rendererNames } from '../renderers/renderers.ts'
import { buildImage, type BuiltImage } from './build-image.ts'
import { imageConfig, runImage, type Container, type Mounts } from './run-image.ts'

const say = (line: string) => console.error(`image: ${line}`)
const built = await buildImage(say)
const skip = 'cannot' in built ? built.cannot : false
if (skip) say(`skipped: ${skip}`)
const image = built as BuiltImage

let folder: string
let mounts: Mounts
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gitops-guard-image-test-'))
  mounts = { config: join(folder, 'config'), account: join(folder, 'account'), state: join(folder, 'state') }
})
after(() => rm(folder, { recursive: true, force: true }))

/** Runs a shell line inside and gives what it printed. */
async function inside(line: string): Promise<string> {
  const container = await runImage(image, { mounts, entrypoint: ['/bin/sh', '-c'], args: [line] })
  try {
    await container.ended
    return container.output().trim()
  } finally {
    await container.remove()
  }
}

test('run as a user without rights, on a root that is read-only', { skip }, async () => {
  assert.equal((await imageConfig(image)).User, '65532:65532')
  assert.equal(
    await inside('id -u; id -g; grep CapBnd /proc/self/status'),
    '65532\n65532\nCapBnd:\t0000000000000000',
  )
  assert.match(await inside('touch /app/x /usr/local/bin/x /etc/gitops-guard/x'), /Read-only file system/)
  assert.equal(await inside('touch /tmp/x /var/lib/gitops-guard/x && echo writable'), 'writable')
})

test('hold git, ssh, certificates and Node 24, and no package manager of Node', { skip }, async () => {
  assert.match(await inside('node --version'), /^v24\./)
  assert.match(await inside('git --version'), /^git version 2\./)
  assert.match(await inside('ssh -V'), /^OpenSSH/)
  // ssh refuses to start for a user that the machine does not know.
  assert.match(await inside('ssh -o BatchMode=yes -p 1 127.0.0.1'), /Connection refused/)
  assert.equal(await inside('test -s /etc/ssl/certs/ca-certificates.crt && echo there'), 'there')
  assert.match(await inside('command -v npm yarn corepack || echo none'), /^none$/)
})

test('hold the programs that render sources, of the pinned versions', { skip }, async () => {
  for (const name of rendererNames) {
    const { version } = rendererProgram(name)
    assert.ok((await inside(`$GITOPS_GUARD_RENDERERS/${name} version`)).includes(version), name)
  }
})

test('hold what runs and nothing that is for development only', { skip }, async () => {
  assert.equal(await inside('ls -A /app'), 'deploy\ndist\npackage.json')
  assert.equal(await inside('find /app -name "*.ts"; find /app -name node_modules'), '')
  assert.equal(await inside('find /app ! -readable; find /app -perm -o+w ! -type l'), '')
})

test('hold the licences of what is in the bundle, and a bill of materials', { skip }, async () => {
  assert.match(await inside('cat /app/dist/THIRD-PARTY.txt'), /\nexpress 5[^]*\nLicence: MIT\n/)
  const bom = JSON.parse(await inside('cat /app/dist/sbom.cdx.json')) as { components: { name: string }[] }
  assert.ok(bom.components.some(({ name }) => name === 'express'))
})

test('print its version and refuse an unknown command', { skip }, async () => {
  const version = await runImage(image, { mounts, args: ['--version'] })
  assert.equal(await version.ended, 0, version.output())
  assert.equal(version.output(), '0.1.0\n')
  await version.remove()
  const unknown = await runImage(image, { mounts, args: ['no-such-command'] })
  assert.notEqual(await unknown.ended, 0)
  await unknown.remove()
})

test(
  'guard a cluster as a Pod of deploy/ would: become ready, refuse a person, and stop when told',
  { skip, timeout: 180_000 },
  async (context) => {
    const plane = await startControlPlane()
    context.after(() => plane.stop())
    const port = { https: await freePort(), http: await freePort() }
    await applyDeploy(plane)
    await servicePort(plane, port.https, context)
    await writeAccount(plane)
    const repository = await gitHttpServer(context, join(folder, 'git'))
    await declareShop(repository.origin)
    const applied = await plane.kubectl('admin', [
      'apply',
      '--server-side',
      '-f',
      join(folder, 'git', 'work'),
    ])
    assert.equal(applied.code, 0, applied.stderr)

    const container = await runImage(image, {
      mounts,
      args: [
        'serve',
        '--config=/etc/gitops-guard/config.yaml',
        `--https-port=${port.https}`,
        `--http-port=${port.http}`,
      ],
      env: {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: new URL(plane.url).port,
        POD_NAME: 'gitops-guard-0',
        POD_NAMESPACE: 'gitops-guard',
      },
    })
    context.after(() => container.remove())
    await isReady(container, port.http)

    const scaled = await plane.kubectl('alice', 'scale -n shop deployment/web --replicas=5'.split(' '))
    assert.equal(scaled.code, 1, container.output())
    assert.match(scaled.stderr, /gitops-guard|Git/)
    assert.match(scaled.stderr, /shop\.yaml/)

    // Nothing that the guard does may need more than the rights of deploy/.
    assert.doesNotMatch(
      container.output(),
      /is forbidden: User "system:serviceaccount:gitops-guard:gitops-guard"/,
    )
    assert.equal(await container.stop(), 0, container.output().slice(-2000))
  },
)

const shop = `apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: web, image: registry.example/web:1 }] }
`

/** A repository behind `origin`, and the configuration that names it. */
async function declareShop(origin: string): Promise<void> {
  const work = join(folder, 'git', 'work')
  await mkdir(work, { recursive: true })
  await writeFile(join(work, 'shop.yaml'), shop)
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
  const commands = [
    ['init', '-q', '-b', 'main'],
    ['add', '.'],
    [...identity, 'commit', '-qm', 'shop'],
  ]
  for (const args of [...commands, ['clone', '-q', '--bare', work, join(folder, 'git', 'shop.git')]]) {
    const { code, stderr } = await runCommand('git', args, { cwd: work })
    assert.equal(code, 0, stderr)
  }
  await mkdir(mounts.config, { recursive: true })
  await writeFile(
    join(mounts.config, 'config.yaml'),
    `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
mode: enforce
stateDir: /var/lib/gitops-guard
sources:
  - name: shop
    repository: ${origin}/shop.git
    ref: { branch: main }
    path: .
`,
  )
}

/** What a kubelet mounts: a token of the account that deploy/ made, and the authority of the API server. */
async function writeAccount(plane: ControlPlane): Promise<void> {
  const path = '/api/v1/namespaces/gitops-guard/serviceaccounts/gitops-guard/token'
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3600 },
  }
  const { status, body } = await plane.api('POST', path, request)
  assert.equal(status, 201)
  await mkdir(mounts.account, { recursive: true })
  await writeFile(join(mounts.account, 'token'), body.status.token)
  await writeFile(join(mounts.account, 'ca.crt'), Buffer.from(plane.caData, 'base64'))
  await writeFile(join(mounts.account, 'namespace'), 'gitops-guard')
}

/** There is no kube-proxy: the Service becomes a name for 127.0.0.1, whose port 443 leads to the guard. */
async function servicePort(plane: ControlPlane, port: number, context: TestContext): Promise<void> {
  await plane.api('DELETE', '/api/v1/namespaces/gitops-guard/services/gitops-guard')
  await plane.webhookService('gitops-guard', 'gitops-guard')
  const relay = createServer((incoming) => {
    const outgoing = connect(port, '127.0.0.1')
    for (const socket of [incoming, outgoing])
      socket.on('error', () => [incoming, outgoing].forEach((one) => one.destroy()))
    incoming.pipe(outgoing).pipe(incoming)
  })
  await new Promise<void>((resolve, reject) => relay.once('error', reject).listen(443, '127.0.0.1', resolve))
  context.after(() => relay.close())
}

async function isReady(container: Container, port: number): Promise<void> {
  for (const start = Date.now(); ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined)
    if (answer?.status === 200) return
    const late = Date.now() - start > 60_000
    if (late || container.exitCode() !== undefined)
      throw new Error(`the guard is not ready: ${await answer?.text()}\n${container.output().slice(-4000)}`)
  }
}
