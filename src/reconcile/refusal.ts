import type { Path } from '../model/path.ts'

/** What an API server's answer to a repair means for the repair. */
export type Refusal =
  /** A newer version is there, or it exists after all: look again. */
  | { kind: 'stale' }
  /** It is gone: look again. */
  | { kind: 'gone' }
  /** Its namespace or its kind is not there yet. */
  | { kind: 'not-yet' }
  /** Its namespace is going away. */
  | { kind: 'namespace-terminating' }
  /** The same request will be refused again. */
  | { kind: 'final'; immutable: boolean; message: string }
  /** May work later. */
  | { kind: 'later'; message: string }

/** Reads what a write was answered with; anything that is no answer of an API server may work later. */
export function readRefusal(error: unknown, operation: 'put' | 'create' | 'delete'): Refusal {
  const { status, reason, message, causes } = facts(error)
  if (status === 409) {
    if (operation === 'create' && /being deleted|being terminated/.test(message)) {
      return { kind: 'later', message }
    }
    return { kind: 'stale' }
  }
  if (status === 404) return operation === 'create' ? { kind: 'not-yet' } : { kind: 'gone' }
  if (status === 410) return { kind: 'stale' }
  if (causes.includes('NamespaceTerminating') || /being terminated/.test(message)) {
    return { kind: 'namespace-terminating' }
  }
  if (status === 422 || reason === 'Invalid') {
    const immutable =
      /immutable|may not (be )?change|cannot (be )?change|updates to .* (are|is) forbidden|fields? other than|can ?not be (updated|changed|decreased|less than)|must not be changed|field can not be less/i.test(
        message,
      )
    return { kind: 'final', immutable, message }
  }
  if (status === 400 || status === 405 || status === 413) return { kind: 'final', immutable: false, message }
  return { kind: 'later', message }
}

interface Facts {
  status: number
  reason: string
  message: string
  causes: string[]
  fields: string[]
}

function facts(error: unknown): Facts {
  const found: Facts = { status: 0, reason: '', message: String(error), causes: [], fields: [] }
  if (typeof error !== 'object' || error === null) return found
  const { status, reason, message, serverMessage, details } = error as { [key: string]: unknown }
  if (typeof status === 'number') found.status = status
  if (typeof reason === 'string') found.reason = reason
  const words = serverMessage ?? message
  if (typeof words === 'string') found.message = words
  const causes = (details as { causes?: unknown } | undefined)?.causes
  if (Array.isArray(causes)) {
    for (const cause of causes as { reason?: unknown; field?: unknown }[]) {
      if (typeof cause?.reason === 'string') found.causes.push(cause.reason)
      if (typeof cause?.field === 'string') found.fields.push(cause.field)
    }
  }
  return found
}

/** The places that an answer names as not to be changed; each says whether a path is, holds or lies in such a place. */
export function refusedFields(error: unknown): ((path: Path) => boolean)[] {
  const { status, fields } = facts(error)
  if (status !== 422) return []
  return fields.map((field) => {
    // `spec.clusterIPs[0]`: what follows an index counts differently here and there.
    const names = field.split('[')[0]!.split('.')
    return (path: Path) => {
      const plain = path.slice(0, path.findIndex((segment) => typeof segment !== 'string') >>> 0)
      return plain.every((name, index) => names[index] === undefined || names[index] === name)
    }
  })
}
