import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TestContext } from 'node:test'
import { configMap, testRepository } from '../../test/git/test-repository.ts'
import { GitError } from './git-error.ts'
import { Repository } from './repository.ts'
import { loadSource } from './source.ts'
import type { LoadedSource } from './source.ts'
import type { SourceSpec } from './source-spec.ts'

const SPEC: SourceSpec = { name: 'shop', ref: { branch: 'main' }, path: '', renderer: 'auto' }

function setup(t: TestContext) {
  const git = testRepository(t)
  const repository = new Repository({ url: git.path, stateDir: git.stateDir })
  t.after(() => repository.stop())
  const load = (spec: Partial<SourceSpec> = {}, previous?: LoadedSource) =>
    loadSource({ ...SPEC, ...spec }, repository, previous)
  return { ...git, repository, load }
}

const names = (state: LoadedSource) => state.manifests.map(({ ref }) => ref.name)
const messages = (state: LoadedSource) =>
  state.problems.map(({ file, line, message }) => `${file}:${line} ${message}`)

async function refused(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => error instanceof GitError && message.test(error.message))
}

describe('a source', () => {
  test('is its manifests in order of file and line, with origin and commit', async (t) => {
    const { write, commit, load, path } = setup(t)
    write('b.yml', `${configMap('c')}---\n${configMap('b')}`)
    write(
      'a.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'x' } }),
    )
    write('README.md', '# no manifest')
    const revision = commit('Open the shop')
    const state = await load()
    assert.deepEqual(names(state), ['a', 'c', 'b'])
    assert.deepEqual(state.manifests[2]?.origin, { file: 'b.yml', line: 9, revision })
    assert.equal(state.repository, path)
    assert.equal(state.commit.subject, 'Open the shop')
    assert.ok(Math.abs(state.committedAt - Date.now()) < 60_000)
    assert.deepEqual(state.problems, [])
  })

  test('goes on around a malformed file', async (t) => {
    const { write, commit, load } = setup(t)
    write('a.yaml', configMap('a'))
    write('bad.yaml', 'a: [\n')
    write('latin.yaml', Buffer.from('a: \xe9\n', 'latin1'))
    write('z.yaml', configMap('z'))
    commit()
    const state = await load()
    assert.deepEqual(names(state), ['a', 'z'])
    assert.deepEqual(
      state.problems.map(({ file }) => file),
      ['bad.yaml', 'latin.yaml'],
    )
  })

  test('reads a last line without an end as kubectl does', async (t) => {
    const { write, commit, load } = setup(t)
    write('a.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  text: |\n    hello')
    commit()
    assert.deepEqual((await load()).manifests[0]?.object['data'], { text: 'hello\n' })
  })

  test('under a path leaves the rest alone', async (t) => {
    const { write, commit, load } = setup(t)
    write('clusters/prod/a.yaml', configMap('a'))
    write('clusters/prod2/b.yaml', configMap('b'))
    commit()
    for (const path of ['clusters/prod', './clusters//prod/', '/clusters/prod', 'clusters/prod/a.yaml']) {
      assert.deepEqual(names(await load({ path })), ['a'])
    }
    await refused(load({ path: 'clusters/stage' }), /there is no clusters\/stage in /)
    await refused(load({ path: '../x' }), /leaves the repository/)
  })

  test('gives its namespace to manifests that name none', async (t) => {
    const { write, commit, load } = setup(t)
    write('a.yaml', '{apiVersion: v1, kind: Secret, metadata: {name: a}}')
    commit()
    assert.equal((await load({ namespace: 'shop' })).manifests[0]?.ref.namespace, 'shop')
  })

  test('with an object in two files says so', async (t) => {
    const { write, commit, load } = setup(t)
    write('a.yaml', configMap('a', '1'))
    write('b.yaml', configMap('a', '2'))
    commit()
    const state = await load()
    assert.equal(state.manifests[0]?.origin.file, 'b.yaml')
    assert.match(messages(state).join(), /a\.yaml:1 .*declared twice, here and in b\.yaml:1/)
  })

  test('never follows links and submodules, and says so', async (t) => {
    const { write, symlink, git, commit, load } = setup(t)
    write('a.yaml', configMap('a'))
    symlink('passwd.yaml', '/etc/passwd')
    symlink('up.yaml', '../../../../etc/passwd')
    symlink('dir', '/etc')
    const head = commit()
    git('update-index', '--add', '--cacheinfo', `160000,${head},modules/lib`)
    git('commit', '--quiet', '-m', 'submodule')
    const state = await load()
    assert.deepEqual(names(state), ['a'])
    assert.equal(state.problems.length, 3)
    assert.match(messages(state).join('\n'), /passwd\.yaml.*symbolic link[^]*up\.yaml/)
    assert.match(messages(state).join('\n'), /modules\/lib.*submodule/)
    const linked = await load({ path: 'dir' })
    assert.match(messages(linked).join(), /symbolic link/)
  })

  test('passes over hidden files, charts and what Git LFS keeps', async (t) => {
    const { write, commit, load } = setup(t)
    write('a.yaml', configMap('a'))
    write('.sops.yaml', 'creation_rules: []\n')
    write('.github/workflows/ci.yaml', 'on: push\n')
    write('charts/x/Chart.yaml', 'apiVersion: v2\nname: x\nversion: 1.0.0\n')
    write('charts/x/values.yaml', 'a: 1\n')
    write('charts/x/templates/a.yaml', '{{ if .x }}\n')
    write('big.yaml', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n')
    commit()
    const state = await load()
    assert.deepEqual(names(state), ['a'])
    assert.deepEqual(
      state.problems.map(({ file }) => file),
      ['big.yaml', 'charts/x/Chart.yaml'],
    )
  })

  test('says what to install where the program that renders it is missing', async (t) => {
    const { write, commit, load } = setup(t)
    write('k/kustomization.yaml', 'resources: [a.yaml]\n')
    write('k/a.yaml', configMap('a'))
    write('h/Chart.yaml', 'apiVersion: v2\nname: x\nversion: 1.0.0\n')
    commit()
    for (const [path, name] of [
      ['k', 'kustomize'],
      ['h', 'helm'],
    ] as const) {
      const state = await load({ path })
      assert.deepEqual(names(state), [])
      assert.match(
        messages(state).join(),
        new RegExp(`:0 ${name} is needed to read this source and was not found`),
      )
    }
    assert.deepEqual(names(await load({ path: 'k', renderer: 'plain' })), ['a'])
  })
})

describe('the next commit', () => {
  test('reads again only what changed', async (t) => {
    const { write, commit, load } = setup(t)
    write('a.yaml', configMap('a'))
    write('b.yaml', configMap('b', '1'))
    commit()
    const first = await load({ namespace: 'shop' })
    write('b.yaml', configMap('b', '2'))
    const revision = commit()
    const second = await load({ namespace: 'shop' }, first)
    assert.equal(second.manifests[0]?.object, first.manifests[0]?.object)
    assert.notEqual(second.manifests[1]?.object, first.manifests[1]?.object)
    assert.deepEqual(
      second.manifests.map(({ origin }) => origin.revision),
      [revision, revision],
    )
    const fresh = await load({ namespace: 'shop' })
    assert.deepEqual(second.manifests, fresh.manifests)
  })

  test('that breaks a file leaves its objects as they were, until it is mended', async (t) => {
    const { write, commit, load } = setup(t)
    write('a.yaml', configMap('a'))
    write('b.yaml', `${configMap('b', 'good')}---\n${configMap('c', 'good')}`)
    const good = commit()
    const first = await load()

    write('b.yaml', `${configMap('b', 'new')}---\n${configMap('c', 'new').replace('kind', 'knd')}`)
    const broken = commit()
    const second = await load({}, first)
    assert.deepEqual(
      second.manifests.map(({ ref, object, origin }) => [
        ref.name,
        (object['data'] as { key: string }).key,
        origin.revision,
      ]),
      [
        ['a', 'x', broken],
        ['b', 'new', broken],
        ['c', 'good', good],
      ],
    )
    assert.match(
      messages(second).join(),
      new RegExp(`b\\.yaml:9 .*an object of this file stay.* ${good.slice(0, 12)}`),
    )

    write('b.yaml', 'a: [')
    const worse = await load({}, (commit(), await load({}, second)))
    assert.deepEqual(names(worse), ['a', 'b', 'c'])
    const kept = worse.manifests.find(({ ref }) => ref.name === 'c')
    assert.equal(kept?.origin.revision, good)

    write('b.yaml', configMap('b', 'mended'))
    commit()
    const mended = await load({}, worse)
    assert.deepEqual(names(mended), ['a', 'b'])
    assert.deepEqual(mended.problems, [])
  })
})

describe('size', () => {
  for (const count of [5_000, 50_000]) {
    test(`of ${count} files is loaded whole, and again`, async (t) => {
      const { path, write, commit, git, load } = setup(t)
      const blob = (index: number) => {
        const content = configMap(`c${index}`, `v${index}`, `ns-${Math.floor(index / 100)}`)
        return `blob\nmark :${index + 1}\ndata ${Buffer.byteLength(content)}\n${content}\n`
      }
      const stream = [...Array(count).keys()].map(blob).join('')
      const files = [...Array(count).keys()].map(
        (i) => `M 100644 :${i + 1} ns-${Math.floor(i / 100)}/c${i}.yaml\n`,
      )
      const head = `commit refs/heads/main\ncommitter Ada <ada@example.com> ${Math.floor(Date.now() / 1000)} +0000\ndata 4\nmany\n`
      write('../import', `${stream}${head}${files.join('')}`)
      const { execFileSync } = await import('node:child_process')
      execFileSync('sh', ['-c', 'git fast-import --quiet < ../import && git reset --quiet --hard'], {
        cwd: path,
      })
      assert.ok(git('rev-parse', 'HEAD'))

      let longest = 0
      let last = performance.now()
      const beat = setInterval(() => {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }, 1)
      const start = performance.now()
      const first = await load()
      const cold = performance.now() - start
      assert.equal(first.manifests.length, count)
      write('ns-0/c0.yaml', configMap('c0', 'changed', 'ns-0'))
      commit()
      const again = performance.now()
      const second = await load({}, first)
      const warm = performance.now() - again
      clearInterval(beat)
      assert.equal(second.manifests.length, count)
      assert.equal(second.manifests[5]?.object, first.manifests[5]?.object)
      t.diagnostic(
        `${count} files: first load ${Math.round(cold)} ms, next commit ${Math.round(warm)} ms, longest turn ${Math.round(longest)} ms`,
      )
    })
  }
})
