/** What a schema's complaint means to the one who wrote the file: what is wrong, and what would be right. */
import type { ErrorObject } from 'ajv'
import { escapeText } from '../object/text.ts'
import { closest } from './did-you-mean.ts'
import { formatDocumentPath, type DocumentPath } from './document.ts'

export interface SchemaComplaint {
  path: DocumentPath
  message: string
  /** The key is what is wrong, not its value. */
  key: boolean
}

const SECRET_RULE = 'a secret comes from env or file, never inline: { env: NAME } or { file: PATH }'

/** @param value the whole document, to follow the path of an error in it. */
export function explainSchemaErrors(errors: readonly ErrorObject[], value: unknown): SchemaComplaint[] {
  return errors.filter((error) => !isInsideOneOf(error)).map((error) => explain(error, pathOf(error, value)))
}

/** The branches of a oneOf each complain of what they lack; the oneOf itself says it better. */
function isInsideOneOf(error: ErrorObject): boolean {
  return /\/(oneOf|anyOf)\/\d+\//.test(error.schemaPath)
}

function explain(error: ErrorObject, path: DocumentPath): SchemaComplaint {
  const place = formatDocumentPath(path)
  const at = (message: string): SchemaComplaint => ({ path, message, key: false })
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String((error.params as { additionalProperty: string }).additionalProperty)
      const known = Object.keys((error.parentSchema?.['properties'] ?? {}) as object).filter(
        (name) => name !== '$schema',
      )
      const near = closest(key, known)
      const help = near === undefined ? `it may have: ${known.join(', ')}` : `did you mean ${near}?`
      const full = [...path, key]
      return { path: full, message: `${formatDocumentPath(full)} is not known: ${help}`, key: true }
    }
    case 'required':
    case 'dependencies': {
      const missing = String((error.params as { missingProperty: string }).missingProperty)
      return at(`${place} lacks ${missing}${helpFor(missing, error)}`)
    }
    case 'enum': {
      const allowed = (error.params as { allowedValues: readonly unknown[] }).allowedValues.map(String)
      const near = typeof error.data === 'string' ? closest(error.data, allowed) : undefined
      const must = allowed.length === 1 ? `must be ${allowed[0]}` : `must be one of ${allowed.join(', ')}`
      const hint = near === undefined ? '' : `. Did you mean ${near}?`
      return at(`${place} ${must}: current value is ${shown(error)}${hint}`)
    }
    case 'type':
      if (error.schemaPath.includes('definitions/duration')) {
        return at(`${place} must be a duration such as 30s, 5m or 1h30m: current value is ${shown(error)}`)
      }
      if (isSecret(error) && typeof error.data === 'string') return at(`${place}: ${SECRET_RULE}`)
      return at(`${place} must be ${typeName(error)}: current value is ${shown(error)}${quoteHint(error)}`)
    case 'oneOf':
    case 'minProperties':
    case 'maxProperties':
      return at(`${place} must have ${choice(error)}`)
    case 'minItems':
      return at(`${place} must not be an empty list`)
    case 'minLength':
      return at(`${place} must not be empty`)
    case 'minimum':
    case 'maximum': {
      const { comparison, limit } = error.params as { comparison: string; limit: number }
      return at(`${place} must be ${comparison} ${limit}: current value is ${shown(error)}`)
    }
    case 'pattern':
      return at(`${place} must be ${patternName(error, path)}: current value is ${shown(error)}`)
    default:
      return at(`${place} ${error.message ?? 'is not right'}`)
  }
}

function isSecret(error: ErrorObject): boolean {
  return /definitions\/(secret|url)\//.test(error.schemaPath)
}

/** Never what could be a secret that somebody put in the wrong place. */
function shown(error: ErrorObject): string {
  const { data } = error
  if (isSecret(error)) return '(not shown)'
  if (data === null) return 'empty'
  if (Array.isArray(data)) return 'a list'
  if (typeof data === 'object') return 'a map'
  return escapeText(JSON.stringify(data), 100)
}

function typeName(error: ErrorObject): string {
  const types = [(error.params as { type: string | string[] }).type].flat()
  const names: { [type: string]: string } = {
    object: 'a map',
    array: 'a list',
    string: 'a text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  }
  return types.map((type) => names[type] ?? type).join(' or ')
}

/** `tag: 1.10` is the number 1.1 to YAML. */
function quoteHint(error: ErrorObject): string {
  const wantsText = (error.params as { type: string | string[] }).type === 'string'
  const isScalar = ['number', 'boolean'].includes(typeof error.data)
  return wantsText && isScalar ? '. Put it in quotes' : ''
}

function choice(error: ErrorObject): string {
  const branches = error.keyword === 'oneOf' ? (error.schema as { required: string[] }[]) : undefined
  const names =
    branches?.flatMap((branch) => branch.required) ??
    Object.keys((error.parentSchema?.['properties'] ?? {}) as object)
  const given = typeof error.data === 'object' && error.data !== null ? Object.keys(error.data) : []
  const several = given.filter((name) => names.includes(name))
  const found = several.length > 1 ? `: it has ${several.join(' and ')}` : ''
  return error.keyword === 'minProperties' && error.parentSchema?.['maxProperties'] === undefined
    ? `at least one of ${names.join(', ')}`
    : `exactly one of ${names.join(', ')}${found}`
}

function helpFor(missing: string, error: ErrorObject): string {
  const properties = (error.parentSchema?.['properties'] ?? {}) as { [key: string]: { description?: string } }
  const helps: { [key: string]: string } = {
    repository: ': any Git URL, or a local path',
    ref: ': such as ref: { branch: main }',
    apiVersion: ': apiVersion: gitops-guard.dev/v1alpha1',
    kind: ': kind: GuardConfig',
    name: ': a short name for messages and metrics',
  }
  const description = properties[missing]?.description
  return helps[missing] ?? (description === undefined ? '' : `: ${description.replace(/\.$/, '')}`)
}

function patternName(error: ErrorObject, path: DocumentPath): string {
  if (error.schemaPath.includes('definitions/duration')) return 'a duration such as 30s, 5m or 1h30m'
  switch (path.at(-1)) {
    case 'env':
      return 'the name of an environment variable, which holds the secret'
    case 'commit':
      return "a commit's full hash of 40 hexadecimal digits"
    case 'api':
    case 'homeserver':
      return 'an http or https URL'
    case 'room':
      return "a room's id such as !id:server"
    default:
      return 'a name of lower-case letters, digits and dashes'
  }
}

/** The error's JSON Pointer, with numbers for indexes of lists. */
function pathOf(error: ErrorObject, value: unknown): DocumentPath {
  const path: (string | number)[] = []
  let current = value
  for (const token of error.instancePath.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    path.push(Array.isArray(current) ? Number(key) : key)
    current =
      typeof current === 'object' && current !== null && Object.hasOwn(current, key)
        ? (current as { [key: string]: unknown })[key]
        : undefined
  }
  return path
}
