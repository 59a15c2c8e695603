import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { CommitTree } from './kustomize-tree.ts'
import type { TreeEntry } from './tree.ts'

/** Files by path; a link is `-> target`. */
async function tree(files: Record<string, string>): Promise<CommitTree> {
  const entries = Object.entries(files).map(([path, content]): TreeEntry => ({
    path,
    oid: content,
    size: 1,
    type: content.startsWith('-> ') ? 'symlink' : content === 'module' ? 'submodule' : 'file',
  }))
  return await CommitTree.of(entries, {
    files: () => Promise.resolve(entries),
    async *blobs(refs) {
      for (const { oid } of refs) yield await Promise.resolve(Buffer.from(oid.slice(3)))
    },
  })
}

const look = async (files: Record<string, string>, path: string) => {
  const place = (await tree(files)).look(path)
  return place && 'path' in place ? `${place.type} ${place.path}` : place?.type
}

test('find files and folders', async () => {
  const files = { 'a/b/c.yaml': 'x', m: 'module' }
  assert.equal(await look(files, 'a/b/c.yaml'), 'file a/b/c.yaml')
  assert.equal(await look(files, './a//b/../b/'), 'folder a/b')
  assert.equal(await look(files, ''), 'folder ')
  assert.equal(await look(files, 'm'), 'submodule')
  assert.equal(await look(files, 'a/c.yaml'), undefined)
  assert.equal(await look(files, '../a'), undefined)
})

test('follow links inside, by where they really are', async () => {
  const files = {
    'deep/er/x.yaml': 'x',
    'top.yaml': 'x',
    link: '-> deep/er',
    'deep/up': '-> ../link',
    file: '-> deep/up/x.yaml',
  }
  assert.equal(await look(files, 'link/x.yaml'), 'file deep/er/x.yaml')
  assert.equal(await look(files, 'deep/up/x.yaml'), 'file deep/er/x.yaml')
  assert.equal(await look(files, 'file'), 'file deep/er/x.yaml')
  // The folder above is that of the link's target, as in a file system.
  assert.equal(await look(files, 'link/../../top.yaml'), 'file top.yaml')
})

test('follow no link out of the repository, and none without end', async () => {
  const files = {
    'a/etc': '-> /etc',
    'a/up': '-> ../..',
    'p/q/r/d': '-> ../../../top',
    'top/x': 'x',
    e: '-> p/q/r/d/../..',
    loop: '-> loop',
    ping: '-> pong/x',
    pong: '-> ping',
  }
  for (const path of ['a/etc', 'a/etc/passwd', 'a/up', 'e', 'loop', 'ping', 'pong/y'])
    assert.equal(await look(files, path), undefined, path)
})

test('give links for the disk that lead to places inside and to no other link', async () => {
  const part = fc.constantFrom('a', 'b', 'c', '..', '.')
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'))
  const plain = fc
    .array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/'))
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(
        plain,
        fc.oneof(
          fc.constant('x'),
          path.map((target) => `-> ${target}`),
        ),
      ),
      path,
      async (files, asked) => {
        const found = await tree(files)
        const place = found.look(asked)
        if (place && 'path' in place) assert.ok(!place.path.split('/').includes('..'))
        for (const [link, target] of found.followed) {
          assert.ok(
            !posix.join(posix.dirname(link), posix.relative(posix.dirname(link), target)).startsWith('..'),
          )
          for (let at = target; at !== '.' && at !== ''; at = posix.dirname(at))
            assert.ok(!found.followed.has(at))
        }
      },
    ),
    { numRuns: 300 },
  )
})
