import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { binaryNames, buildBinary, type BinaryName } from './build-binary.ts'
import { cacheDirectory } from './cache-directory.ts'
import { withDirectoryLock } from './directory-lock.ts'
import { downloadArchive, type Archive } from './download-archive.ts'
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
  /** What is downloaded. Default: {@link envtestArchives}, from GITOPS_GUARD_ENVTEST_URL where that is set. */
  archive?: Archive
}

interface Context {
  progress: Progress
  env: NodeJS.ProcessEnv
  archive: Archive
}

type Found = Pick<Binaries, 'version' | 'origin'> & { directory: string }

const core: BinaryName[] = ['etcd', 'kube-apiserver', 'kubectl']

/**
 * Finds the executables: in KUBEBUILDER_ASSETS, else in the cache, else in the published envtest archive, else it builds
 * them from the pinned Go modules. kube-controller-manager, which is in no archive, is looked for in the same order.
 */
export async function findBinaries(options: FindOptions = {}): Promise<Binaries> {
  const { progress = sayProgress, kubeControllerManager = true, env = process.env } = options
  const archive = { ...(options.archive ?? envtestArchives) }
  archive.url = env.GITOPS_GUARD_ENVTEST_URL || archive.url
  const context = { progress, env, archive }
  const { directory, version, origin } =
    (await findAssets(env)) ?? (await findCached(context)) ?? (await downloadOrBuild(context))
  return {
    etcd: join(directory, executable('etcd')),
    kubeApiserver: join(directory, executable('kube-apiserver')),
    kubeControllerManager: kubeControllerManager
      ? await findControllerManager(directory, context)
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

async function findCached({ env, archive }: Context): Promise<Found | undefined> {
  const places: Found[] = [
    { directory: cacheDirectory(kubernetesVersion, env), version: kubernetesVersion, origin: 'built' },
    { directory: cacheDirectory(archive.version, env), version: archive.version, origin: 'downloaded' },
  ]
  for (const place of places) {
    if ((await missingFrom(place.directory, core)).length === 0) return place
  }
  return undefined
}

/** Downloads or builds, while no other process does: whoever waited finds it in the cache. */
async function downloadOrBuild(context: Context): Promise<Found> {
  const { progress, env, archive } = context
  return withDirectoryLock(`${cacheDirectory(kubernetesVersion, env)}.lock`, progress, async () => {
    const cached = await findCached(context)
    if (cached !== undefined) return cached
    try {
      await downloadArchive(archive, core, cacheDirectory(archive.version, env), progress)
    } catch (error) {
      const { message } = error as Error
      progress(`${message}; building from source instead`)
      await build(core, message, context)
    }
    return (await findCached(context))!
  })
}

async function findControllerManager(directory: string, context: Context): Promise<string> {
  const name: BinaryName = 'kube-controller-manager'
  const cache = cacheDirectory(kubernetesVersion, context.env)
  for (const place of [directory, cache]) {
    if ((await missingFrom(place, [name])).length === 0) return join(place, executable(name))
  }
  await withDirectoryLock(`${cache}.lock`, context.progress, () =>
    build([name], 'no published archive has kube-controller-manager', context),
  )
  return join(cache, executable(name))
}

/** Builds what is not there yet into the cache. */
async function build(names: BinaryName[], noDownload: string, { progress, env }: Context): Promise<void> {
  const directory = cacheDirectory(kubernetesVersion, env)
  try {
    for (const name of await missingFrom(
      directory,
      binaryNames.filter((known) => names.includes(known)),
    )) {
      await buildBinary(name, { directory, file: executable(name), progress, env })
    }
  } catch (error) {
    throw new Error(
      [
        `no control plane for tests: ${names.join(', ')} cannot be had`,
        `- KUBEBUILDER_ASSETS: ${env.KUBEBUILDER_ASSETS || 'not set'}`,
        `- cache: nothing in ${directory}`,
        `- download: ${noDownload}`,
        `- build: ${(error as Error).message}`,
        'Set KUBEBUILDER_ASSETS to a folder that has them, or GITOPS_GUARD_ENVTEST_URL to a mirror of the archive,',
        'or install Go 1.21 or newer where a Go module proxy can be reached.',
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
