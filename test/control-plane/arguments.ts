import { join } from 'node:path'

/** Where things are inside the control plane's directory. */
export function files(directory: string) {
  return {
    etcdSocket: join(directory, 'etcd.sock'),
    etcdPeerSocket: join(directory, 'peer.sock'),
    etcdData: join(directory, 'etcd'),
    ca: join(directory, 'ca.crt'),
    caKey: join(directory, 'ca.key'),
    serverCertificate: join(directory, 'server.crt'),
    serverKey: join(directory, 'server.key'),
    serviceAccountKey: join(directory, 'service-account.key'),
    serviceAccountPublicKey: join(directory, 'service-account.pub'),
    kubectlCache: join(directory, 'kubectl-cache'),
  }
}

/** Nothing listens there: the only member of its cluster never calls itself, but etcd wants an address with a port. */
const NOWHERE = 'http://127.0.0.1:1'

/** etcd: on Unix sockets, so that no port can be taken from under it; no fsync, since its data outlive no test. */
export function etcdArguments(directory: string): string[] {
  const { etcdSocket, etcdPeerSocket, etcdData } = files(directory)
  return [
    '--name=test',
    `--data-dir=${etcdData}`,
    `--listen-client-urls=unix://${etcdSocket}`,
    `--advertise-client-urls=${NOWHERE}`,
    `--listen-peer-urls=unix://${etcdPeerSocket}`,
    `--initial-advertise-peer-urls=${NOWHERE}`,
    `--initial-cluster=test=${NOWHERE}`,
    '--unsafe-no-fsync',
    // Its default of 2 GiB is full after minutes of what benchmarks write between two compactions.
    '--quota-backend-bytes=8589934592',
    '--log-level=warn',
  ]
}

/** kube-apiserver: on loopback, RBAC, service account tokens, every admission plugin that is on by default. */
export function apiServerArguments(
  { directory, port }: { directory: string; port: number },
  extra: { featureGates?: Record<string, boolean>; admissionConfigFile?: string; apiServerArgs?: string[] },
): string[] {
  const paths = files(directory)
  return [
    `--etcd-servers=unix://${paths.etcdSocket}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // The default one refuses to write 127.0.0.1 into an Endpoints, again and again.
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--tls-cert-file=${paths.serverCertificate}`,
    `--tls-private-key-file=${paths.serverKey}`,
    `--client-ca-file=${paths.ca}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${paths.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${paths.serviceAccountKey}`,
    // Tokens as long as a test needs, and longer.
    '--service-account-max-token-expiration=87600h',
    '--service-cluster-ip-range=10.0.0.0/16',
    '--allow-privileged=true',
    // Without it a SIGTERM waits for every open watch, up to a minute.
    '--shutdown-watch-termination-grace-period=2s',
    '--profiling=false',
    ...featureGateArguments(extra.featureGates),
    ...(extra.admissionConfigFile === undefined
      ? []
      : [`--admission-control-config-file=${extra.admissionConfigFile}`]),
    ...(extra.apiServerArgs ?? []),
  ]
}

/** kube-controller-manager: every controller that works without a cloud and without nodes, alone, so with no election. */
export function controllerManagerArguments(
  directory: string,
  extra: {
    kubeconfig: string
    useServiceAccountCredentials?: boolean
    featureGates?: Record<string, boolean>
    controllerManagerArgs?: string[]
  },
): string[] {
  const paths = files(directory)
  return [
    `--kubeconfig=${extra.kubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
    `--use-service-account-credentials=${extra.useServiceAccountCredentials ?? true}`,
    `--service-account-private-key-file=${paths.serviceAccountKey}`,
    `--root-ca-file=${paths.ca}`,
    `--cluster-signing-cert-file=${paths.ca}`,
    `--cluster-signing-key-file=${paths.caKey}`,
    // Tests make and remove many objects at once; the defaults (20 and 30) would make them wait.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    ...featureGateArguments(extra.featureGates),
    ...(extra.controllerManagerArgs ?? []),
  ]
}

function featureGateArguments(gates: Record<string, boolean> = {}): string[] {
  const pairs = Object.entries(gates).map(([name, on]) => `${name}=${on}`)
  return pairs.length === 0 ? [] : [`--feature-gates=${pairs.join(',')}`]
}
