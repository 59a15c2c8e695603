/** What the real programs cannot do in the sandbox, also with input that the guard would not give them. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxFolder } from '../../src/git/sandbox-folder.ts'
import { isolated } from '../../src/git/sandbox-isolation.ts'
import { isolationOf, runInSandbox, type SandboxRun } from '../../src/git/sandbox.ts'
import { privateTemporaryFolder } from '../git/test-repository.ts'
import { programs, rendering, skip } from './rendering.ts'

const isolation = skip ? 'none' : await isolationOf(programs.kustomize)
const noNamespaces =
  isolation === 'full' ? false : `this machine allows no namespaces of one's own: isolation is ${isolation}`

async function folderWith(context: TestContext, files: Record<string, string>): Promise<SandboxFolder> {
  const folder = await SandboxFolder.make()
  context.after(() => folder.remove())
  for (const [file, content] of Object.entries(files)) await folder.write(file, content)
  return folder
}

const build = async (folder: SandboxFolder, more: Partial<SandboxRun> = {}, flags: string[] = []) =>
  await runInSandbox({
    program: programs.kustomize,
    folder: folder.path,
    args: (path) => ['build', path('repository'), '--load-restrictor', 'LoadRestrictionsNone', ...flags],
    ...more,
  })

const helm = async (folder: SandboxFolder, more: Partial<SandboxRun> = {}) =>
  await runInSandbox({
    program: programs.helm,
    folder: folder.path,
    args: (path) => ['template', 'x', path('repository')],
    ...more,
  })

const chart = (template: string) => ({
  'Chart.yaml': 'apiVersion: v2\nname: x\nversion: 1.0.0\n',
  'templates/x.yaml': template,
})

/** Processes that were started with the folder's name. */
function processesOf({ path }: SandboxFolder): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return command.includes(path) ? [command.replaceAll('\0', ' ')] : []
      } catch {
        return []
      }
    })
}

describe('the sandbox', { skip }, () => {
  test('reaches no server, not even one of this machine', { skip: noNamespaces }, async (t) => {
    let asked = 0
    const server = createServer((_, response) => {
      asked++
      response.end('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n')
    }).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const folder = await folderWith(t, { 'kustomization.yaml': `resources: ["${url}/x.yaml"]\n` })
    const { ok, message } = await build(folder)
    assert.deepEqual([ok, asked], [false, 0])
    await promisify(execFile)(programs.kustomize, ['build', `${folder.path}/repository`])
    assert.equal(asked, 1, 'outside of the sandbox it is reached')
    asked = 0
    assert.match(message, /network is unreachable|connection refused/)
    const cloned = await folderWith(t, { 'kustomization.yaml': `resources: ["${url}/x.git?ref=v1"]\n` })
    assert.equal((await build(cloned)).ok, false)
    assert.equal(asked, 0)
  })

  test('sees no file but those of its folder', { skip: noNamespaces }, async (t) => {
    for (const file of [
      '/etc/passwd',
      '../../../../../../../../etc/passwd',
      '/proc/self/environ',
      '/proc/1/cmdline',
    ]) {
      const folder = await folderWith(t, {
        'kustomization.yaml': `configMapGenerator: [{ name: a, files: ["x=${file}"] }]\n`,
      })
      const { ok, message, stdout } = await build(folder)
      assert.deepEqual([ok, stdout], [false, ''])
      assert.match(message, /no such file or directory/)
      assert.doesNotMatch(message, new RegExp(folder.path))
    }
  })

  test('runs no program, though kustomize be told to', { skip: noNamespaces }, async (t) => {
    const folder = await folderWith(t, {
      'kustomization.yaml': 'generators: [g.yaml]\n',
      'g.yaml':
        'apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: "exec: {path: /bin/sh}"\n',
    })
    const { ok, message } = await build(folder, {}, ['--enable-alpha-plugins', '--enable-exec'])
    assert.equal(ok, false)
    assert.match(message, /no such file or directory|not found/)
  })

  test('gives a program nothing of the environment', () => {
    const { environment } = isolated({ program: '/x', folder: '/f', isolation: 'none' })
    assert.deepEqual(
      Object.keys(environment).filter(
        (name) => !/^(PATH|HOME|TMPDIR|LC_ALL|GOMEMLIMIT|HTTPS?_PROXY|HELM_\w+_HOME)$/.test(name),
      ),
      [],
    )
    assert.ok(
      Object.entries(environment).every(
        ([name, value]) => name === 'PATH' || !value.includes(process.env['HOME'] ?? '/root'),
      ),
    )
  })

  test('ends what takes too long, with all its processes', async (t) => {
    const endless =
      '{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ if eq $i $j }}{{ end }}{{ end }}{{ end }}'
    const folder = await folderWith(t, chart(endless))
    let ended = false
    const running = helm(folder, { timeout: 2500 }).finally(() => (ended = true))
    let seen = process.platform !== 'linux'
    for (; !seen && !ended; await sleep(50)) seen = processesOf(folder).length > 0
    const { ok, message } = await running
    assert.ok(seen && !ok, 'it ran meanwhile')
    assert.match(message, /was ended: it gave no result within 2\.5 s/)
    assert.deepEqual(processesOf(folder), [])
  })

  test('ends when it is told to, with all its processes', async (t) => {
    const endless = '{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ end }}{{ end }}'
    const folder = await folderWith(t, chart(endless))
    const stopping = new AbortController()
    const running = helm(folder, { signal: stopping.signal })
    await sleep(500)
    stopping.abort()
    assert.equal((await running).message, 'was stopped')
    assert.deepEqual(processesOf(folder), [])
  })

  test('ends what prints without end', async (t) => {
    const folder = await folderWith(
      t,
      chart('{{ range until 100000 }}# {{ repeat 100 "x" }}\n{{ end }}a: b\n'),
    )
    const { ok, stdout, message } = await helm(folder, { maxOutput: 1_000_000 })
    assert.deepEqual([ok, stdout, message], [false, '', 'was ended: its output is larger than 1000000 bytes'])
  })

  test('ends what takes too much memory, and not this process', async (t) => {
    const folder = await folderWith(t, chart('{{ $x := until 2000000000 }}a: b\n'))
    const { ok, message } = await helm(folder)
    assert.equal(ok, false)
    assert.match(message, /out of memory|cannot allocate memory|within 30 s/)
  })

  test('leaves nothing on disk', async (t) => {
    const { commitFiles, load, base } = rendering(t)
    privateTemporaryFolder(t, base)
    const left = () => readdirSync(base).filter((name) => name.startsWith('gitops-guard-render-'))
    commitFiles(chart('a: {{ fail "x" }}\n'))
    assert.equal((await load()).problems.length, 1)
    commitFiles(chart('apiVersion: v1\nkind: Namespace\nmetadata: { name: a }\n'))
    assert.equal((await load()).manifests.length, 1)
    assert.deepEqual(left(), [])
  })
})
