import type { ApiAnswer } from '../../../test/control-plane/api-client.ts'
import type { KubeObject } from '../../model/json.ts'
import type { Objects, Target, WriteOptions } from '../objects.ts'
import { targetOf } from '../objects.ts'

interface Sender {
  send(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiAnswer>
}

const clusterScoped = new Set([
  'Namespace',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'PriorityClass',
  'ValidatingWebhookConfiguration',
  'StorageClass',
])

/** Objects over the raw client of the test control plane, for tests of this folder alone. */
export class ApiObjects implements Objects {
  readonly #api: Sender

  constructor(api: Sender) {
    this.#api = api
  }

  async get(target: Target): Promise<KubeObject | undefined> {
    const { status, body } = await this.#api.send('GET', pathOf(target))
    if (status === 404) return undefined
    return answer(status, body)
  }

  async put(object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    return this.#send('PUT', pathOf(targetOf(object)) + query(options), object)
  }

  async create(object: KubeObject, options: WriteOptions): Promise<KubeObject> {
    return this.#send('POST', collectionOf(targetOf(object)) + query(options), object)
  }

  async apply(object: KubeObject, options: WriteOptions & { force: boolean }): Promise<KubeObject> {
    const path = `${pathOf(targetOf(object))}${query(options)}&force=${options.force}`
    return this.#send('PATCH', path, object, 'application/apply-patch+yaml')
  }

  async delete(target: Target, preconditions: { uid: string; resourceVersion?: string }): Promise<void> {
    await this.#send('DELETE', pathOf(target), {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions,
    })
  }

  async #send(method: string, path: string, body: unknown, type?: string): Promise<KubeObject> {
    const { status, body: sent } = await this.#api.send(method, path, body, type)
    return answer(status, sent)
  }
}

function answer(status: number, body: KubeObject & { message?: string; reason?: string }): KubeObject {
  if (status < 300) return body
  throw Object.assign(new Error(body.message ?? String(status)), {
    status,
    reason: body.reason ?? '',
    details: body['details'],
  })
}

export function collectionOf({ apiVersion, kind, namespace }: Target): string {
  const plural = kind.toLowerCase().replace(/y$/, 'ie').replace(/s$/, 'se') + 's'
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return clusterScoped.has(kind) ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`
}

export function pathOf(target: Target): string {
  return `${collectionOf(target)}/${target.name}`
}

function query({ fieldManager, dryRun }: WriteOptions): string {
  return `?fieldManager=${encodeURIComponent(fieldManager)}${dryRun ? '&dryRun=All' : ''}`
}
