import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Path } from '../model/path.ts'
import { lineOf } from '../object/line-of.ts'
import { readManifests } from './manifests.ts'
import { placeManifests } from './scope.ts'
import { readDocuments } from './yaml.ts'

const file = `# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: app
          image: app:1
          ports:
            - containerPort: 80
        - name: proxy
          image: proxy:1
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: a }
    data:
      one: x
      two: y
`

const read = () => {
  const { documents } = readDocuments(file, 'f.yaml')
  const { manifests } = readManifests(documents, { source: 's', file: 'f.yaml', revision: 'r' })
  return placeManifests(manifests, { source: 's', namespace: 'shop' }).manifests
}
const containers = (name: string): Path => [
  'spec',
  'template',
  'spec',
  'containers',
  { keys: { name }, index: 0 },
]
const cases: [string, number, Path, number][] = [
  ['a field', 0, ['spec', 'replicas'], 7],
  ['a field of an item that is found by its key', 0, [...containers('proxy'), 'image'], 16],
  [
    'an item whose other keys have their defaults',
    0,
    [...containers('app'), 'ports', { keys: { containerPort: 80, protocol: 'TCP' }, index: 0 }],
    14,
  ],
  ['what is around a field that Git does not have', 0, ['spec', 'paused'], 7],
  ['the list around an item that Git does not have', 0, containers('miner'), 11],
  ['a field of an object in a List', 1, ['data', 'two'], 26],
  ['the object itself', 1, [], 21],
]
for (const [what, index, path, line] of cases) {
  test(`find the line of ${what}`, () => assert.equal(lineOf(read()[index]!, path), line))
}
