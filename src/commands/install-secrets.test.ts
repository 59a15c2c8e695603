import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wantedSecrets } from './install-secrets.ts'

test('find every secret by name, and no plain value', () => {
  const configuration = `
sources:
  - name: env
    path: file
    auth: { ssh: { key: { file: /var/run/secrets/gitops-guard/id }, knownHosts: { file: hosts } } }
notify:
  - slack: { url: { env: SLACK_URL } }
  - webhook: { url: { env: HOOK }, secret: { env: SLACK_URL } }
`
  assert.deepEqual(wantedSecrets(configuration), {
    env: ['HOOK', 'SLACK_URL'],
    files: ['/var/run/secrets/gitops-guard/id', 'hosts'],
  })
})

test('find none in an empty configuration', () => {
  assert.deepEqual(wantedSecrets(''), { env: [], files: [] })
})
