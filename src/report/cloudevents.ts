import type { Secret } from '../model/secret.ts'
import type { Violation } from '../model/violation.ts'
import { stringifyJson } from '../object/json.ts'
import { post } from './post.ts'
import type { ViolationProvider } from './provider.ts'

export interface CloudEventsOptions {
  url: Secret
  /** structured: the event is the body. binary: its attributes are headers, the violation is the body. */
  mode: 'structured' | 'binary'
}

const TYPE = 'dev.gitops-guard.violation.v1'

/** One CloudEvent (1.0, HTTP binding) a violation; the event's id is the violation's. */
export function cloudEvents({ url, mode }: CloudEventsOptions): ViolationProvider {
  return {
    takes: 'violations',
    parallel: 8,
    async send(violation, signal) {
      const attributes = attributesOf(violation)
      const data = { datacontenttype: 'application/json', data: violation }
      await post({
        url: await url.read(),
        body: stringifyJson(mode === 'structured' ? { ...attributes, ...data } : violation),
        headers: mode === 'structured' ? { 'content-type': STRUCTURED } : binaryHeaders(attributes),
        signal,
      })
    },
  }
}

const STRUCTURED = 'application/cloudevents+json; charset=utf-8'

interface Attributes {
  specversion: '1.0'
  id: string
  source: string
  type: string
  time: string
  subject: string
}

/** `source` and `subject` are a URI-reference and a text: who tells, of which object. */
function attributesOf({ id, time, source, object }: Violation): Attributes {
  const { kind, namespace, name } = object
  const subject = [namespace, kind, name].filter((part) => part !== '').join('/')
  return {
    specversion: '1.0',
    id,
    source: `/gitops-guard${source === undefined ? '' : `/sources/${encodeURIComponent(source)}`}`,
    type: TYPE,
    time,
    subject: subject === '' ? 'unknown' : subject,
  }
}

function binaryHeaders(attributes: Attributes): Record<string, string> {
  const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerValue(value)])
  return { 'content-type': 'application/json', ...(Object.fromEntries(headers) as Record<string, string>) }
}

/** As the HTTP binding wants it: what is not printable ASCII, quotes, spaces and percent signs are percent-encoded. */
function headerValue(value: string): string {
  return value
    .toWellFormed()
    .replace(/[^\u0021-\u007e]|["%]/gu, (character) => [...Buffer.from(character)].map(percent).join(''))
}

function percent(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
}
