import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HelmChart } from './helm-chart.ts'
import { fileOf, lineOf, sourceOf } from './helm-origins.ts'
import type { TreeEntry } from './tree.ts'

const ref = (kind: string, name: string) => ({ ref: { group: '', kind, namespace: '', name } })

test('read the file from the comment that Helm writes', () => {
  assert.equal(sourceOf('# Source: shop/templates/a.yaml'), 'shop/templates/a.yaml')
  assert.equal(sourceOf('# something else'), undefined)
})

test('find the file, in the archive of a chart too', () => {
  const entry = (path: string): [string, TreeEntry] => [path, { path, oid: path, size: 1, type: 'file' }]
  const files = new Map([
    entry('c/templates/a.yaml'),
    entry('c/charts/redis-1.0.0.tgz'),
    [
      'c/charts/common/templates/x.yaml',
      { path: 'common/templates/x.yaml', oid: '', size: 1, type: 'file' as const },
    ],
  ])
  const chart = { root: 'c', files } as unknown as HelmChart
  assert.equal(fileOf('shop/templates/a.yaml', chart), 'c/templates/a.yaml')
  assert.equal(fileOf('shop/charts/redis/templates/x.yaml', chart), 'c/charts/redis-1.0.0.tgz')
  assert.equal(fileOf('shop/charts/common/templates/x.yaml', chart), 'common/templates/x.yaml')
  assert.equal(fileOf('shop/templates/none.yaml', chart), undefined)
})

test('find the line by name, else by the order of the kind, else the first', () => {
  const template =
    '{{ if .x }}\napiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .a }}\n---\nkind: Secret\napiVersion: v1\nmetadata:\n  name: fixed\n---\n# a\napiVersion: v1\nkind: Pod # y\n'
  assert.equal(lineOf(ref('Secret', 'fixed'), template, 0), 7)
  assert.equal(lineOf(ref('Secret', 'a'), template, 0), 2)
  assert.equal(lineOf(ref('Secret', 'a'), template, 9), 7)
  assert.equal(lineOf(ref('Pod', 'a'), template, 0), 13)
  assert.equal(lineOf(ref('Job', 'a'), template, 0), 1)
})
