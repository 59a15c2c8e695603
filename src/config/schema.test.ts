import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { schema } from './schema.ts'
import { validateConfig } from './validate.ts'

test('describe every field, for editors', () => {
  const bare: string[] = []
  const walk = (node: unknown, path: string) => {
    if (typeof node !== 'object' || node === null) return
    const { properties, definitions, items } = node as {
      [key: string]: { [key: string]: { description?: string; $ref?: string } }
    }
    for (const [name, field] of Object.entries(properties ?? {})) {
      const referred = schema['definitions'][field.$ref?.split('/').at(-1) ?? ''] as
        { description?: string } | undefined
      if ((field.description ?? referred?.description) === undefined) bare.push(`${path}.${name}`)
      walk(field, `${path}.${name}`)
    }
    for (const [name, definition] of Object.entries(definitions ?? {})) walk(definition, name)
    walk(items, `${path}[]`)
  }
  walk(schema, '')
  assert.deepEqual(bare, [])
})

test('accept the configuration that is deployed', () => {
  const file = new URL('../../deploy/config.yaml', import.meta.url)
  const { data } = parse(readFileSync(file, 'utf8')) as { data: { 'config.yaml': string } }
  const result = validateConfig(data['config.yaml'], { file: 'config.yaml' })
  assert.ok('config' in result, JSON.stringify(result))
})
