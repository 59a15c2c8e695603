import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { loadSource, type LoadedSource } from '../../src/git/source.ts'
import { Repository } from '../../src/git/repository.ts'
import type { RendererName, SourceSpec } from '../../src/git/source-spec.ts'
import { DesiredStates } from '../../src/guard/desired-states.ts'
import { gitHttpServer } from '../git/http-server.ts'
import { testRepository } from '../git/test-repository.ts'
import { prepareRenderers } from '../renderers/prepare-renderers.ts'

/** Manifests a folder: each folder is a kustomization. */
const IN_FOLDER = 100
const ROUNDS = 5

/**
 * From the end of a push that changes one of so many manifests to the new desired state in memory, indexed: of a kustomization of them all, and of
 * plain files; beside `git fetch` and `kustomize build` of the same commit alone. Needs no cluster.
 */
export async function benchRendering(objects: number): Promise<void> {
  const ends: (() => unknown)[] = []
  try {
    await measure(objects, { after: (end: () => unknown) => void ends.push(end) })
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

async function measure(objects: number, context: { after(end: () => unknown): void }): Promise<void> {
  const found = await prepareRenderers(['kustomize'])
  if ('cannot' in found) throw new Error(String(found['cannot']))
  const kustomize = (found as { kustomize: string }).kustomize
  const git = testRepository(context)
  const folders = Array.from({ length: Math.ceil(objects / IN_FOLDER) }, (_, index) => `app-${index}`)
  for (const [at, folder] of folders.entries()) {
    const files = Array.from({ length: Math.min(IN_FOLDER, objects - at * IN_FOLDER) }, (_, i) => `${i}.yaml`)
    for (const [i, file] of files.entries())
      git.write(`prod/${folder}/${file}`, manifest(`${folder}-${i}`, i, 'a'))
    git.write(`prod/${folder}/kustomization.yaml`, `namespace: ${folder}\nresources: [${files.join(', ')}]\n`)
  }
  git.write('prod/kustomization.yaml', `resources: [${folders.join(', ')}]\n`)
  git.commit('Everything')
  const server = await gitHttpServer(context, git.base)
  const url = `${server.origin}/work/.git`
  const clone = join(git.base, 'beside.git')
  await timed('git', ['clone', '--quiet', '--bare', url, clone])
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'],
  }
  const repository = new Repository({ url, stateDir: git.stateDir, environment })
  context.after(() => repository.stop())
  const fetching: number[] = []
  const building: number[] = []
  const times = { kustomize: [] as number[], plain: [] as number[] }
  const read = { kustomize: new Set<number>(), plain: new Set<number>() }
  const states = {
    kustomize: await load(repository, 'kustomize'),
    plain: await load(repository, 'plain'),
  }
  for (let round = 1; round <= ROUNDS; round++) {
    git.write('prod/app-0/0.yaml', manifest('app-0-0', 0, `round ${round}`))
    const commit = git.commit(`Round ${round}`)
    for (const renderer of ['kustomize', 'plain'] as const) {
      const begun = performance.now()
      const state = await load(repository, renderer, states[renderer])
      times[renderer].push(performance.now() - begun)
      if (state.loaded.revision !== commit) throw new Error(`${renderer} did not load ${commit}`)
      read[renderer].add(newIn(state.loaded, states[renderer].loaded))
      states[renderer] = state
    }
    fetching.push(await timed('git', ['-C', clone, 'fetch', '--quiet', url, 'main']))
    building.push(await timed(kustomize, ['build', join(git.path, 'prod')]))
  }
  const line = (what: string, ms: readonly number[]) =>
    console.log(
      `  ${what}: ${(middle(ms) / 1000).toFixed(2)} s (${ms.map((one) => (one / 1000).toFixed(2)).join(', ')})`,
    )
  line('from the push to the new desired state in memory, kustomize', times.kustomize)
  line('from the push to the new desired state in memory, plain YAML', times.plain)
  line('git fetch alone', fetching)
  line('kustomize build alone', building)
  console.log(
    `  of ${states.kustomize.loaded.manifests.length} objects one changed; read anew: kustomize ${[...read.kustomize].join(', ')}, plain ${[...read.plain].join(', ')}`,
  )
}

interface Loaded {
  loaded: LoadedSource
  states: DesiredStates
}

/** With the objects in the index, as a guard has them. */
async function load(repository: Repository, renderer: RendererName, before?: Loaded): Promise<Loaded> {
  const spec: SourceSpec = { name: 'prod', ref: { branch: 'main' }, path: 'prod', renderer }
  const loaded = await loadSource(spec, repository, before?.loaded)
  const states = before?.states ?? new DesiredStates([], () => true, { formOf: () => undefined } as never)
  states.accept(loaded)
  return { loaded, states }
}

/** Objects that were made anew: what stays is the same object as before. */
function newIn(now: LoadedSource, before: LoadedSource): number {
  const parts = (state: LoadedSource) =>
    state.manifests.flatMap(({ object }) => [object['data'] ?? object['spec']])
  const known = new Set<unknown>(parts(before))
  return parts(now).filter((part) => !known.has(part)).length
}

/** Milliseconds. */
async function timed(program: string, args: readonly string[]): Promise<number> {
  const begun = performance.now()
  await promisify(execFile)(program, args, { maxBuffer: 256 * 1024 * 1024 })
  return performance.now() - begun
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

function manifest(name: string, index: number, value: string): string {
  if (index % 2 === 0)
    return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { key: ${value} }\n`
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: web
          image: registry.example/web:1
          ports: [{ containerPort: 80 }]
          resources: { requests: { cpu: 100m, memory: 64Mi } }
`
}
