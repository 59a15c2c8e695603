import { join } from 'node:path'
import { goBuild } from './go-build.ts'
import { buildDirectory, kubernetesVersion } from './pins.ts'
import type { Progress } from './progress.ts'

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
    pins = { directory: buildDirectory, version: kubernetesVersion },
  }: {
    directory: string
    file: string
    progress: Progress
    env: NodeJS.ProcessEnv
    /** The folder of the Go module, and the version that it pins. Default: build/. */
    pins?: { directory: string; version: string }
  },
): Promise<void> {
  await goBuild({
    what: `${name} of Kubernetes ${pins.version}`,
    main: packages[name],
    directory: pins.directory,
    flags: linkerFlags(pins.version),
    file: join(directory, file),
    usualSeconds: usualSeconds[name],
    progress,
    env,
  })
}

/** Stamps the version: without it kubectl cannot parse what the server says it is. */
function linkerFlags(version: string): string[] {
  const [major = '', minor = ''] = version.slice(1).split('.')
  const stamp = {
    gitVersion: version,
    gitMajor: major,
    gitMinor: minor,
    gitCommit: '',
    gitTreeState: 'archive',
  }
  const flags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(stamp).map(([key, value]) => `-X ${path}.${key}=${value}`),
  )
  return ['-s', '-w', ...flags]
}
