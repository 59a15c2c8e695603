import type { KubeObject } from '../model/json.ts'
import type { ClusterApi } from '../cluster/api.ts'
import { ApiError } from '../cluster/api-error.ts'
import { fieldOf } from '../object/json.ts'
import type { CertificateStore, Stored } from '../tls/certificate-store.ts'

const SECRETS = { group: '', version: 'v1', resource: 'secrets', kind: 'Secret', namespaced: true }
const KEY = 'certificates.json'

/** Keeps the certificates in a Secret, so that all replicas serve the same: the first to save wins, by resourceVersion. */
export class SecretStore implements CertificateStore {
  readonly #api: ClusterApi
  readonly #at: { namespace: string; name: string }

  constructor(api: ClusterApi, at: { namespace: string; name: string }) {
    this.#api = api
    this.#at = at
  }

  async load(): Promise<Stored | undefined> {
    try {
      const { object } = await this.#api.get(SECRETS, this.#at)
      const text = Buffer.from(String(fieldOf(object['data'], KEY) ?? ''), 'base64').toString()
      return { text, version: versionOf(object) }
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw error
    }
  }

  async save(text: string, over: string | undefined): Promise<string | false> {
    const secret: KubeObject = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        ...this.#at,
        labels: { 'app.kubernetes.io/name': 'gitops-guard' },
        ...(over === undefined ? {} : { resourceVersion: over }),
      },
      type: 'Opaque',
      data: { [KEY]: Buffer.from(text).toString('base64') },
    }
    try {
      const answer =
        over === undefined ? await this.#api.create(SECRETS, secret) : await this.#api.update(SECRETS, secret)
      return versionOf(answer.object)
    } catch (error) {
      if (error instanceof ApiError && (error.status === 409 || error.status === 404)) return false
      throw error
    }
  }
}

function versionOf(object: KubeObject): string {
  return String(object.metadata['resourceVersion'] ?? '')
}
