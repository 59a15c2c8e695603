import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { substitute, SubstitutionError } from './envsubst.ts'

interface Fixtures {
  variables: [string, string][]
  rows: [text: string, result?: string][]
}

const { variables, rows } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/envsubst.json'), 'utf8'),
) as Fixtures
const known = new Map(variables)

test('replace what Flux replaces, as Flux does, and refuse what it refuses', () => {
  const wrong = rows.filter(([text, result]) => outcomeOf(text) !== result)
  assert.deepEqual(
    wrong.map(([text, result]) => ({ text, flux: result, here: outcomeOf(text) })),
    [],
  )
})

test('say nothing of a value in an error', () => {
  const secret = new Map([['token', 'hunter2']])
  assert.throws(
    () => substitute('${token:0:-9}', secret),
    (error: Error) => error instanceof SubstitutionError && !error.message.includes('hunter2'),
  )
})

function outcomeOf(text: string): string | undefined {
  try {
    return substitute(text, known)
  } catch (error) {
    assert.ok(error instanceof SubstitutionError)
    return undefined
  }
}
