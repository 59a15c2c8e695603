import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { loadConfig } from './load.ts'
import { ConfigError } from './problem.ts'

const directory = await mkdtemp(join(tmpdir(), 'guard-config-'))
after(() => rm(directory, { recursive: true }))

async function load(body: string, environment: Record<string, string> = {}) {
  const file = join(directory, 'config.yaml')
  await writeFile(file, `apiVersion: gitops-guard.dev/v1alpha1\nkind: GuardConfig\n${body}`)
  return await loadConfig(file, { environment })
}

const SOURCE = 'name: a, repository: /a, ref: { branch: main }'

describe('defaults', () => {
  test('fill in what is not written', async () => {
    const config = await load(`sources: [{ ${SOURCE} }]`)
    assert.deepEqual(config, {
      mode: 'enforce',
      heal: 'revert',
      sources: [
        {
          name: 'a',
          repository: '/a',
          ref: { branch: 'main' },
          path: '',
          renderer: 'auto',
          undeclared: 'allow',
          poll: 30_000,
          mode: 'enforce',
          heal: 'revert',
          recreate: false,
          sync: false,
          readyWithin: 300_000,
        },
      ],
      agents: [],
      allow: [],
      modes: [],
      connect: 'warn',
      children: 'deny',
      notify: [],
      discover: { repositories: [] },
      mentions: new Map(),
      events: true,
      policyReports: false,
      dashboard: { enabled: true, loopback: true, environments: [] },
      graceSeconds: 60,
      boundTokens: false,
      breakGlass: { maxDuration: 8 * 3_600_000 },
    })
  })

  test('heal by alert where a guard only audits or warns, and nobody wrote otherwise', async () => {
    const heals = async (body: string) => {
      const { heal, sources } = await load(body)
      return [heal, sources[0]!.heal]
    }
    assert.deepEqual(await heals(`mode: audit\nsources: [{ ${SOURCE} }]`), ['alert', 'alert'])
    assert.deepEqual(await heals(`mode: warn\nsources: [{ ${SOURCE} }]`), ['alert', 'alert'])
    assert.deepEqual(await heals(`mode: audit\nsources: [{ ${SOURCE}, mode: enforce }]`), ['alert', 'revert'])
    assert.deepEqual(await heals(`sources: [{ ${SOURCE}, mode: audit }]`), ['revert', 'alert'])
    assert.deepEqual(await heals(`heal: revert\nsources: [{ ${SOURCE}, mode: audit }]`), ['revert', 'revert'])
    assert.deepEqual(await heals(`sources: [{ ${SOURCE}, mode: audit, heal: revert }]`), ['revert', 'revert'])
    assert.deepEqual(await heals(`heal: alert\nsources: [{ ${SOURCE} }]`), ['alert', 'alert'])
  })
})

test('take relative paths from the folder of the file', async () => {
  const config = await load(
    'stateDir: state\nsources: [{ name: a, repository: ./shop, ref: { tag: v1 } }]\nclientCA: { file: ca.pem }',
  )
  assert.equal(config.stateDir, join(directory, 'state'))
  assert.equal(config.sources[0]!.repository, join(directory, 'shop'))
  assert.equal(config.clientCA?.file, join(directory, 'ca.pem'))
})

describe('secrets', () => {
  test('come from the environment and from files, read again when they change', async () => {
    const body = 'notify:\n  - slack: { url: { env: SLACK_URL } }\n  - teams: { url: { file: teams } }\n'
    const { notify } = await load(body, { SLACK_URL: 'https://slack.example/x' })
    const [slack, teams] = notify
    assert.ok(slack !== undefined && 'slack' in slack && 'url' in slack.slack)
    assert.ok(teams !== undefined && 'teams' in teams)
    assert.equal(await slack.slack.url.read(), 'https://slack.example/x')
    await writeFile(join(directory, 'teams'), 'one\n')
    assert.equal(await teams.teams.url.read(), 'one')
    await writeFile(join(directory, 'teams'), 'two\n\n')
    assert.equal(await teams.teams.url.read(), 'two\n')
    assert.equal(
      JSON.stringify(slack),
      '{"slack":{"url":{"env":"SLACK_URL"}},"name":"slack:SLACK_URL","only":{}}',
    )
    assert.deepEqual([slack.name, teams.name], ['slack:SLACK_URL', 'teams:teams'])
  })

  test('name the variable or the file where there is none', async () => {
    const body = 'gitWebhook: { secret: { env: NOT_SET } }\naudit: { token: { file: not-there } }'
    const config = await load(body)
    await assert.rejects(config.gitWebhook!.secret.read(), /environment variable NOT_SET is not set/)
    await assert.rejects(config.audit!.token!.read(), /not-there cannot be read: ENOENT/)
  })
})

test('throw every mistake, with file, line and column', async () => {
  await assert.rejects(load('mode: enforced\nheal: no\n'), (error) => {
    assert.ok(error instanceof ConfigError)
    assert.equal(error.problems.length, 2)
    assert.match(error.message, /config\.yaml:3:7: mode must be one of/)
    return true
  })
})

test('say so where there is no file', async () => {
  await assert.rejects(
    loadConfig(join(directory, 'none.yaml')),
    /none\.yaml: cannot read the configuration as there is no such file/,
  )
})
