import { spawn } from 'node:child_process'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findGo } from './find-go.ts'
import { buildDirectory, kubernetesVersion } from './pins.ts'
import { withProgress, type Progress } from './progress.ts'

/** The binaries of a control plane, in the order in which others wait for them. */
export const binaryNames = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager'] as const
/** One of {@link binaryNames}. */
export type BinaryName = (typeof binaryNames)[number]

const packages: Record<BinaryName, string> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
}

/** Seconds with a cold Go cache on two cores, each after the ones before it: to tell people how long it takes. */
const usualSeconds: Record<BinaryName, number> = {
  etcd: 45,
  'kube-apiserver': 240,
  kubectl: 40,
  'kube-controller-manager': 60,
}

/** Builds one binary from the pinned Go modules into `directory`. It appears there only when it is complete. */
export async function buildBinary(
  name: BinaryName,
  {
    directory,
    file,
    progress,
    env,
  }: { directory: string; file: string; progress: Progress; env: NodeJS.ProcessEnv },
): Promise<void> {
  const go = await findGo(env)
  await mkdir(directory, { recursive: true })
  const temporary = join(directory, `.${name}.${process.pid}.tmp`)
  const start = Date.now()
  progress(
    `building ${name} from source (Kubernetes ${kubernetesVersion}), about ${usualSeconds[name]} s on two cores`,
  )
  try {
    const args = [
      'build',
      '-buildvcs=false',
      '-trimpath',
      '-ldflags',
      linkerFlags(),
      '-o',
      temporary,
      packages[name],
    ]
    await withProgress(run(go.command, args, { ...go.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }), {
      progress,
      line: (seconds) => `building ${name}: ${seconds} s so far, of about ${usualSeconds[name]} s`,
    })
    await rename(temporary, join(directory, file))
  } catch (error) {
    throw new Error(`cannot build ${name} with ${go.version}: ${(error as Error).message}`, {
      cause: error,
    })
  } finally {
    await rm(temporary, { force: true })
  }
  progress(`built ${name} in ${Math.round((Date.now() - start) / 1000)} s`)
}

/** Stamps the version: without it kubectl cannot parse what the server says it is. */
function linkerFlags(): string {
  const [major = '', minor = ''] = kubernetesVersion.slice(1).split('.')
  const stamp = {
    gitVersion: kubernetesVersion,
    gitMajor: major,
    gitMinor: minor,
    gitCommit: '',
    gitTreeState: 'archive',
  }
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(stamp).map(([key, value]) => `-X ${path}.${key}=${value}`),
  )
  return ['-s', '-w', ...flags].join(' ')
}

function run(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: buildDirectory, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let output = ''
    child.stderr.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4000)))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve()
      else reject(new Error(`${command} build ended with ${signal ?? code}\n${output.trim()}`))
    })
  })
}
