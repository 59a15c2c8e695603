import { Ajv, type ErrorObject, type SchemaObject } from 'ajv'
import json from './schema.json' with { type: 'json' }

/** The JSON Schema of the configuration, as it is shipped for editors. */
export const schema: SchemaObject & { $id: string } = json

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
