import type { KubeObject } from '../model/json.ts'

/** What installing and uninstalling need of an API server: one raw request. */
export interface InstallApi {
  /** Resolves for every answer, 4xx and 5xx too; rejects when there is none. `body` is undefined where there is no JSON object. */
  send(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    contentType?: string,
  ): Promise<{ status: number; body: unknown }>
}

/** A Kubernetes Status says why; anything else is shown as its code. */
export function whyRefused({ status, body }: { status: number; body: unknown }): string {
  const message = isRecord(body) && typeof body.message === 'string' ? body.message : String(body ?? '')
  return message === '' ? `the API server answered ${status}` : message
}

/** As people and kubectl name it: `Deployment gitops-guard/gitops-guard`. */
export function nameOf({ kind, metadata }: KubeObject): string {
  const namespace = typeof metadata.namespace === 'string' ? `${metadata.namespace}/` : ''
  return `${kind} ${namespace}${String(metadata.name)}`
}

/** A JSON object of unknown shape. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
