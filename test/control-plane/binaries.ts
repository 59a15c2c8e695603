import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { binaryNames, buildBinary, type BinaryName } from './build-binary.ts'
import { cacheDirectory } from './cache-directory.ts'
import { withDirectoryLock } from './directory-lock.ts'
import { downloadArchive } from './download-archive.ts'
import { envtestArchives } from './envtest-archives.ts'
import { kubernetesVersion } from './pins.ts'
import type { Progress } from './progress.ts'
import { sayProgress } from './say-progress.ts'

/** Paths of the executables of a control plane. */
export interface Binaries {
  etcd: string
  kubeApiserver: string
  /** Undefined when it was not asked for. */
  kubeControllerManager: string | undefined
  kubectl: string
  /** Of kube-apiserver, e.g. `v1.36.3`. */
  version: string
  /** Where kube-apiserver comes from: the folder of KUBEBUILDER_ASSETS, or a cache that was filled so. */
  origin: 'KUBEBUILDER_ASSETS' | 'downloaded' | 'built'
}

/** What {@link findBinaries} may be told. */
export interface FindOptions {
  progress?: Progress
  /** False: do without kube-controller-manager, which no published archive has. */
  kubeControllerManager?: boolean
  env?: NodeJS.ProcessEnv
}

type Found = Pick<Binaries, 'version' | 'origin'> & { directory: string }

const core: BinaryName[] = ['etcd', 'kube-apiserver', 'kubectl']

/**
 * Finds the executables: in KUBEBUILDER_ASSETS, else in the cache, else in the published envtest archive, else it builds
 * them from the pinned Go modules. kube-controller-manager, which is in no archive, is looked for in the same order.
 */
export async function findBinaries(options: FindOptions = {}): Promise<Binaries> {
  const { progress = sayProgress, kubeControllerManager = true, env = process.env } = options
  const { directory, version, origin } =
    (await findAssets(env)) ?? (await findCached(env)) ?? (await get(progress, env))
  return {
    etcd: join(directory, executable('etcd')),
    kubeApiserver: join(directory, executable('kube-apiserver')),
    kubeControllerManager: kubeControllerManager
      ? await findControllerManager(directory, progress, env)
      : undefined,
    kubectl: join(directory, executable('kubectl')),
    version,
    origin,
  }
}

async function findAssets(env: NodeJS.ProcessEnv): Promise<Found | undefined> {
  const directory = env.KUBEBUILDER_ASSETS
  if (!directory) return undefined
  const missing = await missingFrom(directory, core)
  if (missing.length > 0) {
    throw new Error(
      `KUBEBUILDER_ASSETS is ${directory}, which has no ${missing.join(', no ')}: correct it, or unset it to use the cache, the published archive or a build`,
    )
  }
  const { stdout } = await promisify(execFile)(join(directory, executable('kube-apiserver')), ['--version'])
  return { directory, version: /v\d\S*/.exec(stdout)?.[0] ?? stdout.trim(), origin: 'KUBEBUILDER_ASSETS' }
}

async function findCached(env: NodeJS.ProcessEnv): Promise<Found | undefined> {
  const places: Found[] = [
    { directory: cacheDirectory(kubernetesVersion, env), version: kubernetesVersion, origin: 'built' },
    {
      directory: cacheDirectory(envtestArchives.version, env),
      version: envtestArchives.version,
      origin: 'downloaded',
    },
  ]
  for (const place of places) {
    if ((await missingFrom(place.directory, core)).length === 0) return place
  }
  return undefined
}

/** Downloads or builds, while no other process does: whoever waited finds it in the cache. */
async function get(progress: Progress, env: NodeJS.ProcessEnv): Promise<Found> {
  return withDirectoryLock(`${cacheDirectory(kubernetesVersion, env)}.lock`, progress, async () => {
    const cached = await findCached(env)
    if (cached !== undefined) return cached
    const failure = await download(progress, env)
    if (failure !== undefined) await build(core, failure, progress, env)
    return (await findCached(env))!
  })
}

/** Returns why it could not, if so. */
async function download(progress: Progress, env: NodeJS.ProcessEnv): Promise<Error | undefined> {
  try {
    const url = env.GITOPS_GUARD_ENVTEST_URL || envtestArchives.url
    await downloadArchive(
      { ...envtestArchives, url },
      core,
      cacheDirectory(envtestArchives.version, env),
      progress,
    )
    return undefined
  } catch (error) {
    progress(`${(error as Error).message}; building from source instead`)
    return error as Error
  }
}

async function findControllerManager(
  directory: string,
  progress: Progress,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const name: BinaryName = 'kube-controller-manager'
  const cache = cacheDirectory(kubernetesVersion, env)
  for (const place of [directory, cache]) {
    if ((await missingFrom(place, [name])).length === 0) return join(place, executable(name))
  }
  await withDirectoryLock(`${cache}.lock`, progress, () =>
    build([name], new Error('no published archive has kube-controller-manager'), progress, env),
  )
  return join(cache, executable(name))
}

/** Builds what is not there yet into the cache. */
async function build(
  names: BinaryName[],
  reason: Error,
  progress: Progress,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const cache = cacheDirectory(kubernetesVersion, env)
  try {
    for (const name of binaryNames) {
      if (names.includes(name) && (await missingFrom(cache, [name])).length > 0) {
        await buildBinary(name, { directory: cache, file: executable(name), progress, env })
      }
    }
  } catch (error) {
    throw new Error(
      [
        `no control plane for tests: ${names.join(', ')} cannot be had.`,
        `  KUBEBUILDER_ASSETS: ${env.KUBEBUILDER_ASSETS || 'not set'}`,
        `  cache ${cache}: not there`,
        `  download: ${reason.message}`,
        `  build: ${(error as Error).message}`,
        'Set KUBEBUILDER_ASSETS to a folder with these binaries, or GITOPS_GUARD_ENVTEST_URL to a mirror of the archive,',
        'or install Go 1.21 or newer where a Go module proxy is within reach.',
      ].join('\n'),
      { cause: error },
    )
  }
}

async function missingFrom(directory: string, names: readonly BinaryName[]): Promise<BinaryName[]> {
  const checks = await Promise.all(
    names.map(async (name) => {
      const found = await access(join(directory, executable(name)), constants.X_OK).then(
        () => true,
        () => false,
      )
      return found ? [] : [name]
    }),
  )
  return checks.flat()
}

function executable(name: BinaryName): string {
  return process.platform === 'win32' ? `${name}.exe` : name
}
