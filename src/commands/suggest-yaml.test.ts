import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../config/load.ts'
import type { WrittenField } from '../model/writer.ts'
import { suggest } from '../policy/suggest.ts'
import { presetNames } from './context.ts'
import { suggestionsAsYaml } from './suggest-yaml.ts'

const written = (user: string, kind: string, path: WrittenField['path'], name: string): WrittenField => ({
  user: `system:serviceaccount:${user}`,
  kind,
  path,
  op: 'add',
  rule: 'declared',
  count: 3,
  first: 0,
  last: 1000,
  objects: [{ namespace: kind.includes('Cluster') ? '' : 'shop', name }],
  sources: ['shop'],
})

test('print what the configuration takes as it is, whatever the names hold', () => {
  const text = suggestionsAsYaml(
    suggest({
      written: [
        written('a:b', 'apps/Deployment', ['metadata', 'annotations', 'x: y #z'], 'web'),
        written(
          'a:b',
          'rbac.authorization.k8s.io/ClusterRole',
          ['metadata', 'labels', '~a/b'],
          'x\nallow: []',
        ),
        written('a:b', 'v1.example/Odd', ['spec', 'list', { keys: { name: 'a,b\n' }, index: 0 }, '['], 'web'),
        written('velero:velero', 'PersistentVolumeClaim', ['metadata', 'labels', 'velero.io/x'], 'data'),
        written('flux-system:kustomize-controller', 'Service', ['spec', 'type'], 'web'),
        written('a:b', 'Secret', [], 'web'),
        { ...written('c:d', 'Service', ['spec', 'type'], 'web'), more: true },
      ],
    }),
  )
  const head = 'apiVersion: gitops-guard.dev/v1alpha1\nkind: GuardConfig\n'
  const { allow, agents } = parseConfig(head + text, 'config.yaml', { presets: presetNames, environment: {} })
  assert.deepEqual(agents, [{ preset: 'flux' }])
  assert.ok(allow.length >= 4, text)
  const wide = allow.find((one) => 'name' in one && one.name === 'c-d-service')
  assert.deepEqual(wide && 'objects' in wide && wide.objects.names, ['*'])
  assert.match(text, /# seen 3 times, last 1970-01-01T00:00:01Z, such as Deployment shop\/web/)
  assert.match(text, /# system:serviceaccount:a:b: Secret created: not proposed/)
})

test('print nothing where there is nothing to propose', () => {
  assert.equal(suggestionsAsYaml(suggest({ written: [] })), '')
})
