import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ignoredBy } from './ignore-patterns.ts'

const left = (files: string[], ...rules: Parameters<typeof ignoredBy>) => files.filter(ignoredBy(...rules))

test('leave out what Flux leaves out by itself', () => {
  const files = ['.github/a.yaml', 'a/.gitlab-ci.yml', 'logo.png', 'a/b/.sops.yaml', 'a.yaml', 'png.yaml']
  assert.deepEqual(left(files, [], undefined), files.slice(0, 4))
})

test('leave out what .sourceignore files say, each below its folder, and bring back what the last one brings back', () => {
  const lines = [
    { folder: '', text: '# nothing\n/docs/\n*.md\n/a/**/tests\n' },
    { folder: 'apps', text: '!keep.md\nlocal.yaml\n' },
  ]
  const files = [
    'docs/a.yaml',
    'x/docs/a.yaml',
    'README.md',
    'apps/keep.md',
    'apps/x/local.yaml',
    'local.yaml',
    'a/b/c/tests/d.yaml',
    'docs',
  ]
  assert.deepEqual(left(files, lines, undefined), [
    'docs/a.yaml',
    'README.md',
    'apps/x/local.yaml',
    'a/b/c/tests/d.yaml',
  ])
})

test('let the patterns of the GitRepository decide last', () => {
  const files = ['clusters/prod/a.yaml', 'clusters/dev/a.yaml', 'README.md']
  assert.deepEqual(left(files, [{ folder: '', text: 'clusters/prod/' }], '/*\n!/clusters/prod/'), [
    'clusters/dev/a.yaml',
    'README.md',
  ])
})
