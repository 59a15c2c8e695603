import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { findBinaries, type FindOptions } from './binaries.ts'
import { freePort } from './free-port.ts'
import { kubernetesVersion } from './pins.ts'
import { platform } from './platform.ts'
import { runCommand } from './run-command.ts'

describe('findBinaries', () => {
  let directory: string
  let archive: Buffer
  let server: Server
  let answer: RequestListener
  let asked: string[]
  let said: string[]
  /** A URL where nothing listens. */
  let nowhere: string
  const sha512 = (data: Buffer) => createHash('sha512').update(data).digest('hex')

  before(async () => {
    nowhere = `http://127.0.0.1:${await freePort()}`
    directory = await mkdtemp(join(tmpdir(), 'binaries-'))
    await fakeBinaries(join(directory, 'controller-tools', 'envtest'), ['etcd', 'kube-apiserver', 'kubectl'])
    await runCommand('tar', ['-czf', join(directory, 'a.tgz'), '-C', directory, 'controller-tools'])
    archive = await readFile(join(directory, 'a.tgz'))
    server = createServer((request, response) => {
      asked.push(request.url!)
      answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  after(async () => {
    server.close()
    await rm(directory, { recursive: true })
  })

  /** A machine with an empty cache, no Go, and a mirror of the archive. */
  async function machine(env: NodeJS.ProcessEnv = {}): Promise<FindOptions & { env: NodeJS.ProcessEnv }> {
    asked = []
    said = []
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return {
      kubeControllerManager: false,
      progress: (line) => said.push(line),
      archive: { version: 'v1.99.0', url: nowhere, sha512: { [platform()]: sha512(archive) } },
      env: {
        XDG_CACHE_HOME: await mkdtemp(join(directory, 'cache-')),
        GITOPS_GUARD_ENVTEST_URL: url,
        GO: 'no-such-go',
        PATH: process.env.PATH,
        ...env,
      },
    }
  }

  it('use KUBEBUILDER_ASSETS first', async () => {
    const assets = join(directory, 'assets')
    await fakeBinaries(assets, ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'])
    const options = await machine({ KUBEBUILDER_ASSETS: assets })
    assert.deepEqual(await findBinaries({ ...options, kubeControllerManager: true }), {
      etcd: join(assets, 'etcd'),
      kubeApiserver: join(assets, 'kube-apiserver'),
      kubectl: join(assets, 'kubectl'),
      kubeControllerManager: join(assets, 'kube-controller-manager'),
      version: 'v1.99.0',
      origin: 'KUBEBUILDER_ASSETS',
    })
    assert.deepEqual(asked, [])
  })

  it('say what KUBEBUILDER_ASSETS lacks', async () => {
    const assets = join(directory, 'half')
    await fakeBinaries(assets, ['etcd'])
    await assert.rejects(findBinaries(await machine({ KUBEBUILDER_ASSETS: assets })), {
      message:
        /KUBEBUILDER_ASSETS is .*half, which has no kube-apiserver, no kubectl: correct it, or unset it/,
    })
  })

  it('take kube-controller-manager from the cache where KUBEBUILDER_ASSETS has none, as in an envtest archive', async () => {
    const options = await machine({ KUBEBUILDER_ASSETS: join(directory, 'controller-tools', 'envtest') })
    const cache = cacheIn(options.env, kubernetesVersion)
    await fakeBinaries(cache, ['kube-controller-manager'])
    const { kubeControllerManager } = await findBinaries({ ...options, kubeControllerManager: true })
    assert.equal(kubeControllerManager, join(cache, 'kube-controller-manager'))
  })

  it('use what is in the cache', async () => {
    const options = await machine()
    const cache = cacheIn(options.env, kubernetesVersion)
    await fakeBinaries(cache, ['etcd', 'kube-apiserver', 'kubectl'])
    const { kubectl, version, origin } = await findBinaries(options)
    assert.deepEqual([kubectl, version, origin], [join(cache, 'kubectl'), kubernetesVersion, 'built'])
    assert.deepEqual(asked, [])
  })

  it('download the published archive, once', async () => {
    const options = await machine()
    answer = (_request, response) => response.end(archive)
    const first = await findBinaries(options)
    assert.deepEqual([first.version, first.origin], ['v1.99.0', 'downloaded'])
    assert.match((await runCommand(first.kubeApiserver, ['--version'])).stdout, /v1\.99\.0/)
    assert.deepEqual(await findBinaries(options), first)
    assert.deepEqual(asked, [`/envtest-v1.99.0-${platform()}.tar.gz`])
    assert.deepEqual((await readdir(cacheIn(options.env, 'v1.99.0'))).toSorted(), [
      'etcd',
      'kube-apiserver',
      'kubectl',
    ])
  })

  it('download once for two at the same time', async () => {
    const options = await machine()
    answer = (_request, response) => setTimeout(() => response.end(archive), 100)
    const [one, other] = await Promise.all([findBinaries(options), findBinaries(options)])
    assert.deepEqual(one, other)
    assert.equal(asked.length, 1)
  })

  it('refuse an archive with another hash, and say which', async () => {
    const options = await machine()
    answer = (_request, response) => response.end(Buffer.concat([archive, Buffer.from('x')]))
    await assert.rejects(findBinaries(options), {
      message: new RegExp(`the SHA-512 of http.* must be ${sha512(archive)}: it is [0-9a-f]{128}`),
    })
    assert.match(said.join('\n'), /the SHA-512 of .*; building from source instead/)
    assert.deepEqual(await readdir(cacheIn(options.env, 'v1.99.0')), [])
  })

  it('say that the archive is not there', async () => {
    const options = await machine()
    answer = (_request, response) => response.writeHead(404).end()
    await assert.rejects(findBinaries(options), {
      message: /- download: .*envtest-v1\.99\.0.*: 404 Not Found/,
    })
  })

  it('leave nothing of a truncated archive', async () => {
    const options = await machine()
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': archive.length })
      response.write(archive.subarray(0, 100), () => response.destroy())
    }
    await assert.rejects(findBinaries(options), {
      message: /- download: cannot download the envtest archive v1\.99\.0: /,
    })
    assert.deepEqual(await readdir(cacheIn(options.env, 'v1.99.0')), [])
  })

  it('say everything that was tried and what to do where there is nothing', async () => {
    const options = await machine({ GITOPS_GUARD_ENVTEST_URL: nowhere })
    const error = await findBinaries(options).then(
      () => assert.fail('found'),
      (reason: Error) => reason.message,
    )
    assert.match(error, /^no control plane for tests: etcd, kube-apiserver, kubectl cannot be had$/m)
    assert.match(error, /^- KUBEBUILDER_ASSETS: not set$/m)
    assert.match(error, /^- cache: nothing in .*v1\.36/m)
    assert.match(error, /^- download: .*ECONNREFUSED/m)
    assert.match(
      error,
      /^- build: no Go found \(looked for "no-such-go" on the PATH\): install Go 1\.21 or newer/m,
    )
    assert.match(error, /^Set KUBEBUILDER_ASSETS to a folder that has them, or GITOPS_GUARD_ENVTEST_URL/m)
  })

  it('say that Go is too old', async () => {
    const go = join(directory, 'old-go')
    await writeFile(go, '#!/bin/sh\necho go1.20.3\n')
    await chmod(go, 0o755)
    await assert.rejects(findBinaries(await machine({ GITOPS_GUARD_ENVTEST_URL: nowhere, GO: go })), {
      message:
        /- build: Go 1\.21 or newer is needed to build Kubernetes v1\.36\.\d+: ".*old-go" is go1\.20\.3/,
    })
  })

  it('tell a Go that is a little old to fetch the right toolchain, and pass on why it could not', async () => {
    const go = join(directory, 'go-1.22')
    await writeFile(
      go,
      '#!/bin/sh\nif [ "$1" = env ]; then echo go1.22.1; else echo "cannot fetch $GOTOOLCHAIN" >&2; exit 1; fi\n',
    )
    await chmod(go, 0o755)
    const env = { GITOPS_GUARD_ENVTEST_URL: nowhere, GO: go, GOTOOLCHAIN: 'local' }
    await assert.rejects(findBinaries(await machine(env)), {
      message:
        /- build: cannot build etcd of Kubernetes v1\.36\.\d+ with go1\.26\.\d+: cannot fetch go1\.26\.\d+/,
    })
  })

  function cacheIn(env: NodeJS.ProcessEnv, version: string): string {
    return join(env.XDG_CACHE_HOME!, 'gitops-guard', 'control-plane', `${version}-${platform()}`)
  }
})

async function fakeBinaries(directory: string, names: string[]): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const name of names) {
    await writeFile(join(directory, name), '#!/bin/sh\necho "Kubernetes v1.99.0"\n', { mode: 0o755 })
  }
}
