import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromEnvironment } from './environment.ts'

test('take what is set, and the usual places for the rest', () => {
  const env = {
    HOME: '/home/a',
    POD_NAME: 'guard-1',
    POD_NAMESPACE: 'guard',
    LOG_LEVEL: 'DEBUG',
    KUBECONFIG: '/a:/b',
  }
  const read = fromEnvironment({ ...env, XDG_CACHE_HOME: 'relative', XDG_STATE_HOME: '/state' })
  assert.equal(read.kubeconfig, '/a:/b')
  assert.equal(read.replica, 'guard-1')
  assert.equal(read.namespace, 'guard')
  assert.equal(read.logLevel, 'debug')
  assert.equal(read.cacheHome, '/home/a/.cache')
  assert.equal(read.stateHome, '/state')
  assert.equal(read.color, true)
  assert.equal(fromEnvironment({ NO_COLOR: '1' }).color, false)
})

test('refuse a log level that is none', () => {
  assert.throws(() => fromEnvironment({ LOG_LEVEL: 'loud' }), /LOG_LEVEL must be one of trace, debug/)
})
