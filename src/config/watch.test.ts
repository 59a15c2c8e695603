import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfigProblem } from './problem.ts'
import type { GuardConfig } from './types.ts'
import { watchConfig } from './watch.ts'

const root = await mkdtemp(join(tmpdir(), 'guard-watch-'))
after(() => rm(root, { recursive: true }))

const text = (mode: string) => `apiVersion: gitops-guard.dev/v1alpha1\nkind: GuardConfig\nmode: ${mode}\n`

async function watch(file: string) {
  const seen: (GuardConfig | readonly ConfigProblem[])[] = []
  const { config, stop } = await watchConfig(
    file,
    { onConfig: (next) => seen.push(next), onInvalid: (problems) => seen.push(problems) },
    { interval: 10, environment: {} },
  )
  const next = async (count: number) => {
    for (let tries = 0; seen.length < count; tries++) {
      assert.ok(tries < 500, `nothing came after ${JSON.stringify(seen)}`)
      await sleep(10)
    }
    return seen[count - 1]!
  }
  return { config, stop, next, seen }
}

test('tell of a change, of a mistake once, and of its end', async () => {
  const file = join(root, 'config.yaml')
  await writeFile(file, text('audit'))
  const { config, stop, next, seen } = await watch(file)
  assert.equal(config.mode, 'audit')
  await writeFile(file, text('warn'))
  assert.equal(((await next(1)) as GuardConfig).mode, 'warn')
  await writeFile(file, text('strict'))
  assert.match(((await next(2)) as ConfigProblem[])[0]!.message, /mode must be one of/)
  await sleep(60)
  assert.equal(seen.length, 2)
  await rm(file)
  assert.match(((await next(3)) as ConfigProblem[])[0]!.message, /no such file/)
  await sleep(60)
  assert.equal(seen.length, 3)
  await writeFile(file, text('enforce'))
  assert.equal(((await next(4)) as GuardConfig).mode, 'enforce')
  stop()
  await writeFile(file, text('audit'))
  await sleep(60)
  assert.equal(seen.length, 4)
})

test('follow a ConfigMap, whose files change by a swapped link', async () => {
  const mount = join(root, 'mount')
  const publish = async (version: string, mode: string) => {
    await mkdir(join(mount, version), { recursive: true })
    await writeFile(join(mount, version, 'config.yaml'), text(mode))
    await symlink(version, join(mount, '..data_tmp'))
    await rename(join(mount, '..data_tmp'), join(mount, '..data'))
  }
  await publish('..1', 'audit')
  await symlink(join('..data', 'config.yaml'), join(mount, 'config.yaml'))
  const { config, stop, next } = await watch(join(mount, 'config.yaml'))
  assert.equal(config.mode, 'audit')
  await publish('..2', 'enforce')
  assert.equal(((await next(1)) as GuardConfig).mode, 'enforce')
  stop()
})

test('refuse to start with an invalid configuration', async () => {
  const file = join(root, 'wrong.yaml')
  await writeFile(file, text('strict'))
  await assert.rejects(watch(file), /wrong\.yaml:3:7: mode must be one of/)
})
