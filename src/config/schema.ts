import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type SchemaObject } from 'ajv'

/** The JSON Schema of the configuration, as it is shipped for editors. */
export const schema = JSON.parse(
  readFileSync(new URL('schema.json', import.meta.url), 'utf8'),
) as SchemaObject & { $id: string }

const ajv = new Ajv({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  strictRequired: false,
  verbose: true,
  strictTypes: false,
})
const check = ajv.compile(schema)

/** What the schema finds wrong, all of it. */
export function schemaErrors(value: unknown): ErrorObject[] {
  return check(value) ? [] : [...(check.errors ?? [])]
}
