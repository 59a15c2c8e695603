import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiClient } from './api-client.ts'
import { kubeconfig, type Login } from './kubeconfig.ts'

/** The users of one control plane and their kubeconfig files. */
export class Users {
  readonly #place: { directory: string; url: string; ca: string }
  readonly #paths = new Map<string, string>()

  constructor(place: { directory: string; url: string; ca: string }) {
    this.#place = place
  }

  /** The kubeconfig file of a user made before. */
  path(user: string): string {
    const path = this.#paths.get(user)
    if (path === undefined) {
      throw new Error(
        `no user "${user}" in this control plane: there are ${[...this.#paths.keys()].join(', ')}`,
      )
    }
    return path
  }

  /** Writes the kubeconfig file of a user and returns its path. */
  add(user: string, login: Login): string {
    const { directory, url, ca } = this.#place
    const path = join(directory, `${user.replaceAll(/[^\w.-]/g, '_')}.kubeconfig`)
    writeFileSync(path, kubeconfig({ url, ca, user, login }), { mode: 0o600 })
    this.#paths.set(user, path)
    return path
  }
}

/** Lets a user or a group do everything. */
export async function bindClusterAdmin(
  api: ApiClient,
  subject: { kind: string; name: string; namespace?: string },
) {
  const group = subject.kind === 'ServiceAccount' ? {} : { apiGroup: 'rbac.authorization.k8s.io' }
  const name = ['cluster-admin', subject.kind.toLowerCase(), subject.namespace, subject.name]
    .filter(Boolean)
    .join(':')
  await api.ensure('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ ...subject, ...group }],
  })
}

/** Makes a service account, its namespace too, and returns a token good for ten years. */
export async function serviceAccountToken(api: ApiClient, namespace: string, name: string): Promise<string> {
  await api.ensure('/api/v1/namespaces', { metadata: { name: namespace } })
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
  await api.ensure(accounts, { metadata: { name } })
  const { status, body } = await api.send('POST', `${accounts}/${name}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 10 * 365 * 24 * 3600 },
  })
  if (status !== 201)
    throw new Error(`cannot get a token for ${namespace}:${name}: ${status} ${body.message ?? body}`)
  return body.status.token as string
}
