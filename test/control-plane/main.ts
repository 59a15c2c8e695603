/** The control plane for tests, by hand: `node test/control-plane/main.ts prepare|start|where`. */
import { findBinaries } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import { tryIt } from './try-it.ts'

const usage = `usage: node test/control-plane/main.ts COMMAND

  prepare   get the binaries: from KUBEBUILDER_ASSETS, the cache, the published archive, or a build
  start     run a control plane until Ctrl-C, and print how to reach it
  where     print the paths of the binaries, getting them first if need be
`

const commands: Record<string, () => Promise<void>> = { prepare, start, where }
const command = commands[process.argv[2] ?? '']
if (command === undefined) {
  process.stderr.write(usage)
  process.exit(2)
}
try {
  await command()
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exit(1)
}

async function prepare(): Promise<void> {
  const { version, origin, kubeApiserver } = await findBinaries()
  console.log(`control plane ${version} (${origin}): ${kubeApiserver}`)
}

async function where(): Promise<void> {
  for (const [name, value] of Object.entries(await findBinaries())) console.log(`${name}=${value}`)
}

async function start(): Promise<void> {
  const began = Date.now()
  const plane = await startControlPlane()
  const ended = Promise.withResolvers<undefined>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ended.resolve(undefined))
  const { exports } = await tryIt(plane)
  console.log(`Kubernetes ${plane.version} at ${plane.url}, ready in ${((Date.now() - began) / 1000).toFixed(1)} s. In another terminal:

  ${exports}

$ADMIN is in system:masters, $ALICE a developer with cluster-admin rights; kubectl and gitops-guard are on the path.
Logs: ${plane.dir}/*.log. Ctrl-C ends it and removes ${plane.dir}.`)
  const alive = setInterval(() => undefined, 60_000)
  await ended.promise
  clearInterval(alive)
  await plane.stop()
}
