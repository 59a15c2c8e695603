import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scrub } from './scrub.ts'

test('mask a secret however it is written', () => {
  const secret = 'p@ss/w0rd+='
  const base64 = Buffer.from(secret).toString('base64')
  const text = `a ${secret} b ${encodeURIComponent(secret)} c ${base64} d ${base64.replace(/=+$/, '')}`
  assert.equal(scrub(text, [`${secret}\n`]), 'a *** b *** c *** d ***')
})

test('mask passwords in URLs without knowing them', () => {
  assert.equal(scrub("fatal: 'https://ada:hunter2@host/x' is gone"), "fatal: 'https://***@host/x' is gone")
})

test('leave other text alone', () => {
  assert.equal(scrub('ssh://git@host:22/a@b', ['', 'xy']), 'ssh://git@host:22/a@b')
})
