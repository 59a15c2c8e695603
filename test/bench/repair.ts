/**
 * How long Git's state is gone: from the API server's answer to a rogue write until a second client sees Git's state
 * again. Beside it, in the same run and in turns, the floor: a bare watch that sees the event and sends one patch.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClusterApi } from '../../src/cluster/api.ts'
import type { Resource } from '../../src/cluster/api-path.ts'
import { connect } from '../../src/cluster/connection.ts'
import { Reflector } from '../../src/cluster/reflector.ts'
import type { Json, KubeObject } from '../../src/model/json.ts'
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts'
import { freePort } from '../control-plane/free-port.ts'
import { runCommand } from '../control-plane/run-command.ts'
import { GuardChild } from './guard-child.ts'
import { quantile } from './quantile.ts'

const AGENT = 'system:serviceaccount:ci:deployer'
const ROUNDS = 200
const NAMESPACE = 'bench'

export interface Kind {
  resource: Resource
  pointer: string
  git: Json
  rogue: string
}

export const KINDS: readonly Kind[] = [
  {
    resource: { group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespaced: true },
    pointer: '/data/colour',
    git: 'blue',
    rogue: 'red',
  },
  {
    resource: { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', namespaced: true },
    pointer: '/spec/template/spec/containers/0/image',
    git: 'example.com/app:1',
    rogue: 'example.com/evil:1',
  },
]

/** Prints median and 99th percentile of the guard and of the floor, for each kind. */
export async function benchRepair(): Promise<void> {
  const plane = await startControlPlane()
  const stops: (() => unknown)[] = []
  try {
    const guard = await startGuard(plane)
    stops.push(() => guard.end())
    // The agent's token goes past the webhook; the field manager is none of its own, so that the watcher takes it back.
    const kubeconfig = plane.kubeconfig(AGENT)
    const healer = fork(new URL('floor-healer.ts', import.meta.url), [kubeconfig, NAMESPACE, 'floor'])
    stops.push(() => healer.kill())
    await ready(healer)
    const connection = connect({ kubeconfig })
    stops.push(() => connection.close())
    const api = new ClusterApi(connection, { fieldManager: 'kubectl-edit' })
    for (const kind of KINDS) await benchKind(api, kind)
    console.log(`the guard: ${Math.round((await guard.memory()).now)} MiB resident`)
  } catch (error) {
    console.error(
      (await readFile(join(plane.dir, 'bench', 'guard.log'), 'utf8')).split('\n').slice(-20).join('\n'),
    )
    throw error
  } finally {
    await plane.stop()
    for (const stop of stops.toReversed()) await stop()
  }
}

async function benchKind(api: ClusterApi, kind: Kind): Promise<void> {
  const waiting = new Map<string, (at: number) => void>()
  const watch = new Reflector({
    api,
    resource: kind.resource,
    namespace: NAMESPACE,
    onEvent: (_, object) => {
      if (valueAt(object, kind.pointer) === kind.git)
        waiting.get(String(object.metadata['name']))?.(performance.now())
    },
  })
  watch.start()
  while (!watch.state().synced) await new Promise((resolve) => setTimeout(resolve, 10))
  const times: { [name: string]: number[] } = { guarded: [], floor: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['guarded', 'floor'])
      times[name]!.push(await once(api, kind, { name, round }, waiting))
    if (round % 50 === 49) console.error(`  ${kind.resource.kind}: ${round + 1} of ${ROUNDS}`)
  }
  await watch.stop()
  const line = (name: string) =>
    `${quantile(times[name]!, 0.5).toFixed(1)} / ${quantile(times[name]!, 0.99).toFixed(1)} ms`
  const ratio = quantile(times['guarded']!, 0.5) / quantile(times['floor']!, 0.5)
  console.log(
    `${kind.resource.kind}: guard ${line('guarded')}, floor ${line('floor')} (median / 99th percentile of ${ROUNDS}), ratio ${ratio.toFixed(2)}`,
  )
}

async function once(
  api: ClusterApi,
  kind: Kind,
  { name, round }: { name: string; round: number },
  waiting: Map<string, (at: number) => void>,
) {
  const seen = new Promise<number>((resolve, reject) => {
    waiting.set(name, resolve)
    setTimeout(
      () => reject(new Error(`${kind.resource.kind} ${name} was not put back in 30 s`)),
      30_000,
    ).unref()
  })
  const patch = [{ op: 'replace', path: kind.pointer, value: `${kind.rogue}-${round}` }]
  const at = { namespace: NAMESPACE, name }
  await api.patch(kind.resource, at, patch, { type: 'application/json-patch+json' })
  const written = performance.now()
  const ms = (await seen) - written
  waiting.delete(name)
  // A breath, so that what a repair leaves to do afterwards is not what the next one waits for.
  await new Promise((resolve) => setTimeout(resolve, 100))
  return Math.max(0, ms)
}

function valueAt(object: KubeObject, pointer: string): Json | undefined {
  let at: Json | undefined = object
  for (const key of pointer.slice(1).split('/')) at = (at as { [key: string]: Json } | undefined)?.[key]
  return at
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve())
    child.once('exit', (code) => reject(new Error(`the floor ended with ${code}`)))
  })
}

async function startGuard(plane: ControlPlane): Promise<GuardChild> {
  const directory = join(plane.dir, 'bench')
  const repository = join(directory, 'repository')
  await mkdir(repository, { recursive: true })
  await writeFile(join(repository, 'all.yaml'), manifests())
  for (const args of [
    ['init', '-q', '-b', 'main'],
    ['add', '.'],
    ['-c', 'user.name=b', '-c', 'user.email=b@x', 'commit', '-qm', 'x'],
  ])
    await runCommand('git', args, { cwd: repository })
  await plane.serviceAccount('ci', 'deployer', { clusterAdmin: true })
  const kubeconfig = await plane.serviceAccount('gitops-guard', 'gitops-guard', { clusterAdmin: true })
  const apply = ['apply', '--server-side', '--field-manager=deployer', '-f']
  for (const text of [manifests(), manifests().replaceAll('name: guarded', 'name: floor')]) {
    const { code, stderr } = await plane.kubectl(AGENT, [...apply, '-'], { stdin: text })
    if (code !== 0) throw new Error(stderr)
  }
  const config = join(directory, 'config.yaml')
  await writeFile(config, configuration(directory, repository))
  const guard = new GuardChild({
    config,
    kubeconfig,
    ports: { https: await freePort(), http: await freePort() },
    logFile: join(directory, 'guard.log'),
  })
  await guard.launch()
  await guard.ready()
  return guard
}

const configuration = (directory: string, repository: string) => `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
stateDir: ${directory}/state
sources:
  - name: bench
    repository: ${repository}
    ref: { branch: main }
    poll: 5m
agents:
  - user: ${AGENT}
    managers: [deployer]
`

const manifests = () => `apiVersion: v1
kind: Namespace
metadata: { name: ${NAMESPACE} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: guarded, namespace: ${NAMESPACE} }
data: { colour: blue }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: guarded, namespace: ${NAMESPACE} }
spec:
  replicas: 1
  selector: { matchLabels: { app: bench } }
  template:
    metadata: { labels: { app: bench } }
    spec: { containers: [{ name: app, image: example.com/app:1 }] }
`
