import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { findBinaries, type Binaries, type FindOptions } from './binaries.ts'
import { buildBinary, type BinaryName } from './build-binary.ts'
import { cacheDirectory } from './cache-directory.ts'
import { withDirectoryLock } from './directory-lock.ts'
import { olderPins } from './pins.ts'
import { sayProgress } from './say-progress.ts'

/** How a Kubernetes version is run. */
export interface RunnableVersion {
  binaries: Binaries
  /** Arguments of kube-apiserver and of kube-controller-manager that make them of that version. */
  arguments: string[]
}

/** The servers; etcd and kubectl are those of the pinned version. */
const SERVERS: readonly BinaryName[] = ['kube-apiserver', 'kube-controller-manager']

/**
 * Another Kubernetes than the one that build/ pins, such as `1.32`: the servers of that version, built once, where a folder
 * `build-1.32` pins them; else the servers of build/, told to emulate it (three minor versions back: features and APIs are those of
 * the older version, code is not).
 */
export async function anotherVersion(minor: string, options: FindOptions = {}): Promise<RunnableVersion> {
  if (!/^1\.\d+$/.test(minor))
    throw new Error(`KUBERNETES_VERSION must be like 1.32: current value is ${minor}`)
  const binaries = await findBinaries(options)
  if (binaries.version.startsWith(`v${minor}.`)) return { binaries, arguments: [] }
  const pins = olderPins(minor)
  if (pins === undefined) return { binaries, arguments: [`--emulated-version=kube=${minor}`] }
  const { progress = sayProgress, env = process.env, kubeControllerManager = true } = options
  const directory = cacheDirectory(pins.version, env)
  const names = SERVERS.filter((name) => kubeControllerManager || name !== 'kube-controller-manager')
  if (!(await areThere(directory, names)))
    await withDirectoryLock(`${directory}.lock`, progress, async () => {
      for (const file of names)
        if (!(await areThere(directory, [file])))
          await buildBinary(file, { directory, file, progress, env, pins })
    })
  return {
    binaries: {
      ...binaries,
      kubeApiserver: join(directory, 'kube-apiserver'),
      kubeControllerManager: kubeControllerManager ? join(directory, 'kube-controller-manager') : undefined,
      version: pins.version,
      origin: 'built',
    },
    arguments: [],
  }
}

async function areThere(directory: string, names: readonly string[]): Promise<boolean> {
  return await Promise.all(names.map((name) => access(join(directory, name), constants.X_OK))).then(
    () => true,
    () => false,
  )
}
