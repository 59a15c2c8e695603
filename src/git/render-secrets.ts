/** Collects what must not be repeated from the files of a rendering: the values of its Secrets. */
import type { Json } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { readDocuments } from './yaml.ts'

/** Shorter ones would take words out of every message. */
const SHORTEST = 4
const SECRET_KEY = /pass|secret|token|credential|key|auth/i

/**
 * Values of Secrets in YAML text, inline patches too, and what is under keys that sound like one (a chart's values). Longest
 * first.
 */
export function secretsOf(texts: Iterable<string>): string[] {
  const found = new Set<string>()
  for (const text of texts) for (const { value } of readDocuments(text, '').documents) walk(value, found)
  return longestFirst(found)
}

/** Each line of a file that becomes a Secret, and what follows its first `=`. */
export function linesOf(content: string): string[] {
  const lines = content.split(/\r?\n/).map((line) => line.trim())
  return longestFirst(new Set(lines.flatMap((line) => [line, line.slice(line.indexOf('=') + 1).trim()])))
}

/** Every text of a document that is a secret as a whole, and its lines. */
export function valuesIn(text: string): string[] {
  const found = new Set(linesOf(text))
  for (const { value } of readDocuments(text, '').documents) takeAll(value, found)
  return longestFirst(found)
}

function takeAll(value: Json, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) takeAll(item, found)
  else if (isObject(value)) for (const item of Object.values(value)) takeAll(item, found)
  else take(typeof value === 'number' || typeof value === 'bigint' ? String(value) : value, found)
}

function walk(value: Json, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) walk(item, found)
  if (typeof value === 'string' && /\n/.test(value) && /kind:\s*["']?Secret/.test(value)) {
    for (const { value: inner } of readDocuments(value, '').documents) walk(inner, found)
  }
  if (!isObject(value)) return
  const isSecret = fieldOf(value, 'kind') === 'Secret'
  for (const [key, item] of Object.entries(value)) {
    if (key === 'secretGenerator' || SECRET_KEY.test(key) || (isSecret && /^(stringData|data)$/.test(key)))
      take(item, found)
    else walk(item, found)
  }
}

function take(value: Json, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) take(item, found)
  else if (isObject(value)) for (const item of Object.values(value)) take(item, found)
  else if (typeof value === 'string') {
    for (const line of linesOf(value)) found.add(line)
    if (/^[A-Za-z0-9+/\s]+=*$/.test(value))
      for (const line of linesOf(Buffer.from(value, 'base64').toString())) found.add(line)
  }
}

function longestFirst(values: ReadonlySet<string>): string[] {
  return [...values].filter((value) => value.length >= SHORTEST).sort((a, b) => b.length - a.length)
}
