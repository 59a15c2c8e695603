/** How long a kustomization of many objects takes, beside `kustomize build` alone. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { programs, rendering, skip } from './rendering.ts'

const OBJECTS = 500

function object(index: number, value = 'a'): string {
  if (index % 2 === 0)
    return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: c${index} }\ndata: { key: ${value} }\n`
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: d${index} }
spec:
  selector: { matchLabels: { app: d${index} } }
  template:
    metadata: { labels: { app: d${index} } }
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          ports: [{ containerPort: 80 }]
          resources: { requests: { cpu: 100m, memory: 64Mi } }
`
}

test(
  `a kustomization of ${OBJECTS} objects is loaded whole, and what stays is not read again`,
  { skip },
  async (t) => {
    const { commitFiles, load, path } = rendering(t)
    const names = Array.from({ length: OBJECTS }, (_, index) => `${index}.yaml`)
    commitFiles({
      ...Object.fromEntries(names.map((name, index) => [`base/${name}`, object(index)])),
      'base/kustomization.yaml': `resources: [${names.join(', ')}]\n`,
      'prod/kustomization.yaml':
        'namespace: prod\nresources: [../base]\nreplicas: [{ name: d1, count: 3 }]\n',
    })
    const began = performance.now()
    execFileSync(programs.kustomize, ['build', `${path}/prod`], { maxBuffer: 64 * 1024 * 1024 })
    const alone = performance.now() - began
    const timed = async (...args: Parameters<typeof load>) => {
      const start = performance.now()
      return { state: await load(...args), ms: Math.round(performance.now() - start) }
    }
    const first = await timed({ path: 'prod' })
    assert.equal(first.state.manifests.length, OBJECTS)
    commitFiles({ 'README.md': 'beside' })
    const beside = await timed({ path: 'prod' }, first.state)
    commitFiles({ 'base/2.yaml': object(2, 'b') })
    const changed = await timed({ path: 'prod' }, beside.state)
    t.diagnostic(
      `kustomize build alone ${Math.round(alone)} ms; first load ${first.ms} ms, one file changed ${changed.ms} ms, a commit beside ${beside.ms} ms`,
    )
    const before = new Map(
      beside.state.manifests.map(({ ref, object: { data, spec } }) => [ref.name, data ?? spec]),
    )
    const again = changed.state.manifests.filter(
      ({ ref, object: { data, spec } }) => before.get(ref.name) !== (data ?? spec),
    )
    assert.deepEqual(
      again.map(({ ref }) => ref.name),
      ['c2'],
      'all others are the same values in memory',
    )
    assert.ok(beside.ms < first.ms)
  },
)
