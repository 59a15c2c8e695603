import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../model/json.ts'
import { withOrigins } from './kustomize-metadata.ts'
import { readDocuments } from './yaml.ts'

for (const [name, content, metadata] of [
  ['a plain one', 'resources:\n- a.yaml\n', ['originAnnotations']],
  ['one whose last line has no end', 'resources: [a.yaml]', ['originAnnotations']],
  ['one with comments at its end', 'resources: [a.yaml]\n# done\n', ['originAnnotations']],
  ['one with document marks', '---\nresources: [a.yaml]\n...\n', ['originAnnotations']],
  ['one in JSON', '{"resources": ["a.yaml"]}', ['originAnnotations']],
  [
    'one that asks for a label',
    'buildMetadata: [managedByLabel]\nresources: [a.yaml]\n',
    ['managedByLabel', 'originAnnotations'],
  ],
  [
    'one that asks in lines',
    'buildMetadata:\n- managedByLabel\nresources:\n- a.yaml\n',
    ['managedByLabel', 'originAnnotations'],
  ],
  ['one that asks for nothing', 'buildMetadata: []\nresources: [a.yaml]\n', ['originAnnotations']],
  [
    'one that ends in a text of many lines',
    'resources: [a.yaml]\npatches:\n- patch: |\n    a: b\n',
    ['originAnnotations'],
  ],
  ['one with a mark of its encoding', '\ufeffresources: [a.yaml]\n', ['originAnnotations']],
] as const) {
  test(`add origins to ${name} and change nothing else`, () => {
    const { content: changed, asked } = withOrigins(content)
    const { documents, problems } = readDocuments(changed, '')
    assert.deepEqual([problems, documents.length, asked], [[], 1, false])
    const before = { ...(readDocuments(content, '').documents[0]?.value as JsonObject) }
    assert.deepEqual(documents[0]?.value, { ...before, buildMetadata: [...metadata] })
  })
}

test('leave one as it is that asks for origins itself', () => {
  const content = 'buildMetadata:\n  - originAnnotations\nresources: [a.yaml]\n'
  assert.deepEqual(withOrigins(content), { content, asked: true })
})
