import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { validateConfig } from './validate.ts'

const PRESETS = { agents: ['flux', 'argocd', 'flagger'], operators: ['cert-manager', 'keda'] }
const HEAD = 'apiVersion: gitops-guard.dev/v1alpha1\nkind: GuardConfig\n'

function problemsOf(body: string, head = HEAD): string[] {
  const result = validateConfig(head + body, { file: 'guard.yaml', presets: PRESETS })
  if (!('problems' in result)) return []
  return result.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

const one = (body: string) => {
  const problems = problemsOf(body)
  assert.equal(problems.length, 1, problems.join('\n'))
  return problems[0]!
}

const source = (extra = '') =>
  `sources:\n  - name: shop\n    repository: https://git.example/shop.git\n    ref: { branch: prod }\n${extra}`

describe('a valid configuration', () => {
  test('accept everything that the contract names', () => {
    const text = `
mode: enforce
heal: revert
stateDir: /var/lib/gitops-guard
$schema: https://gitops-guard.dev/schema.json
modes:
  - { namespaces: [dev-*], kinds: [apps/*], names: ["*"], mode: warn }
connect: warn
children: deny
graceSeconds: 90
breakGlass: { maxDuration: 4h }
clientCA: { file: /etc/ca.pem, names: [apiserver] }
audit: { token: { env: AUDIT_TOKEN } }
sources:
  - name: shop
    repository: ssh://git@git.example/shop.git
    ref: { branch: prod }
    path: clusters/prod
    renderer: auto
    namespace: shop
    undeclared: allow
    poll: 30s
    recreate: false
    auth: { ssh: { key: { file: id_ed25519 }, knownHosts: { file: known_hosts } } }
    verify: { keys: [{ file: keys.asc }] }
    helm: { release: shop, values: [values-prod.yaml] }
    sync: false
    agents: [{ preset: flux }]
  - { name: b, repository: /srv/b.git, ref: { tag: v1 }, auth: { token: { env: T }, user: x } }
  - name: c
    repository: https://github.com/a/c
    ref: { commit: '0123456789012345678901234567890123456789' }
    auth: { githubApp: { id: 1, installation: 2, key: { file: app.pem } } }
discover:
  flux: { namespaces: ["*"] }
  argocd: { namespaces: [argocd] }
  repositories: [{ url: https://git.example/, auth: { token: { env: GIT_TOKEN } } }]
gitWebhook: { secret: { env: GIT_WEBHOOK_SECRET } }
agents:
  - preset: flux
  - user: system:serviceaccount:ci:deployer
    managers: [deployer]
allow:
  - name: autoscaling
    actors: { users: [system:serviceaccount:kube-system:horizontal-pod-autoscaler] }
    objects: { kinds: [apps/Deployment], namespaces: [shop], names: ["*"] }
    fields: [/spec/replicas, /metadata/finalizers/foo.dev~1x, "/spec/template/spec/containers/[name=app]/image"]
    ops: [replace]
  - preset: cert-manager
notify:
  - slack: { url: { env: SLACK_URL } }
  - slack: { token: { env: SLACK_TOKEN }, channel: "#prod", api: https://slack.com/api }
    only: { sources: [shop], namespaces: [shop], kinds: [apps/Deployment], events: [denied] }
  - teams: { url: { env: A } }
  - discord: { url: { env: A } }
  - mattermost: { url: { env: A } }
  - googlechat: { url: { file: a } }
  - matrix: { homeserver: https://m.example, room: "!id:server", token: { env: A } }
  - webhook: { url: https://example.com/hook, secret: { env: A } }
  - cloudevents: { url: { env: A }, mode: binary }
`
    assert.deepEqual(problemsOf(text), [])
  })

  test('accept the smallest one', () => {
    assert.deepEqual(problemsOf(''), [])
  })
})

describe('a mistake is reported where it is, with what would be right', () => {
  test('name the nearest key for an unknown one, at the key', () => {
    assert.equal(one('mod: warn\n'), '3:1 mod is not known: did you mean mode?')
    assert.match(
      one(source('    rendrer: helm\n')),
      /^7:5 sources\[0\]\.rendrer is not known: did you mean renderer\?/,
    )
  })

  test('list the keys where none is near', () => {
    assert.match(one('xyzzy: 1\n'), /xyzzy is not known: it may have: apiVersion, kind, mode/)
  })

  test('list the values of an enum', () => {
    assert.equal(
      one('mode: enforced\n'),
      '3:7 mode must be one of enforce, warn, audit: current value is "enforced". Did you mean enforce?',
    )
  })

  test('say which type is wanted', () => {
    assert.equal(one('sources: shop\n'), '3:10 sources must be a list: current value is "shop"')
    assert.match(one('graceSeconds: 1m\n'), /graceSeconds must be a whole number: current value is "1m"/)
  })

  test('refuse an inline secret without showing it', () => {
    for (const body of [
      'notify:\n  - slack: { url: https://hooks.slack.com/services/T0/B0/hunter2 }\n',
      'notify:\n  - slack: { url: { env: https://hooks.slack.com/services/T0/B0/hunter2 } }\n',
      'gitWebhook: { secret: hunter2 }\n',
      source('    auth: { token: hunter2 }\n'),
      'notify:\n  - webhook: { url: "https://user:hunter2@example.com/" }\n',
      'sources:\n  - { name: a, repository: "https://x:hunter2@git.example/a", ref: { branch: main } }\n',
      'sources:\n  - { name: a, repository: "https://ghp_hunter2@github.com/a", ref: { branch: main } }\n',
    ]) {
      const problem = one(body)
      assert.match(problem, /from env or file|environment variable, which holds the secret/)
      assert.doesNotMatch(problem, /hunter2/)
    }
  })

  test('say that two sources have one name, and where the first is', () => {
    const two = source() + '  - { name: shop, repository: /b, ref: { tag: v1 } }\n'
    assert.match(
      one(two),
      /^7:13 sources\[1\]\.name: there is a source "shop" already, at sources\[0\]\.name/,
    )
  })

  test('say what a pattern of fields must look like', () => {
    const allow = (field: string) =>
      `allow:\n  - name: a\n    actors: { users: [u] }\n    fields:\n      - ${field}\n`
    assert.match(one(allow('spec.replicas')), /^7:9 allow\[0\]\.fields\[0\]: a field must be a JSON Pointer/)
    assert.match(one(allow('"/spec/containers/[app]"')), /by its keys, such as \[name=app\]/)
  })

  test('list the presets that there are', () => {
    assert.equal(
      one('agents:\n  - preset: fluxx\n'),
      '4:13 agents[0].preset must be one of flux, argocd, flagger: current value is "fluxx". Did you mean flux?',
    )
    assert.match(one('allow:\n  - preset: nope\n'), /must be one of cert-manager, keda/)
  })

  test('refuse two kinds of ref at once, and none', () => {
    const ref = (text: string) => one(`sources:\n  - name: a\n    repository: /a\n    ref: ${text}\n`)
    assert.match(
      ref('{ branch: main, tag: v1 }'),
      /^6:10 sources\[0\]\.ref must have exactly one of branch, tag, commit: it has branch and tag/,
    )
    assert.match(ref('{}'), /must have exactly one of branch, tag, commit/)
    assert.match(ref('{ tag: 1.10 }'), /must be a text: current value is 1\.1\. Put it in quotes/)
    assert.match(ref('{ commit: abc }'), /full hash of 40 hexadecimal digits: current value is "abc"/)
    assert.match(ref(''), /sources\[0\]\.ref must be a map: current value is empty/)
  })

  test('name what a source lacks', () => {
    assert.equal(
      one('sources:\n  - name: a\n    ref: { branch: main }\n'),
      '4:5 sources[0] lacks repository: any Git URL, or a local path',
    )
  })

  test('refuse a target without or with two providers', () => {
    assert.match(
      one('notify:\n  - only: { sources: [a] }\n'),
      /notify\[0\] must have exactly one of slack, teams/,
    )
    const two = 'notify:\n  - slack: { url: { env: A } }\n    teams: { url: { env: A } }\n'
    assert.match(one(two), /: it has slack and teams/)
    assert.match(one('notify:\n  - slack: { token: { env: A } }\n'), /notify\[0\]\.slack lacks channel/)
  })

  test('say that e-mail is not there yet', () => {
    const email = (rest: string, more = '') =>
      one(`notify:\n  - email: { server: "${rest}", from: a@b.example, to: [c@d.example]${more} }\n`)
    assert.match(email('http://a'), /must be smtp:\/\/host:587 or smtps:\/\/host:465/)
    assert.match(email('smtp://u:p@a'), /holds a user or a password/)
    assert.match(email('smtps://a?starttls=never'), /may end with \?starttls=never after smtp:/)
    assert.match(email('smtp://a', ', user: x'), /user and password go together/)
    assert.match(
      email('smtp://a?starttls=never', ', user: x, password: { env: P }'),
      /would be sent in the clear/,
    )
    assert.match(
      one('notify:\n  - email: { server: smtp://a, from: "a@b.example\\nBcc: x@y", to: [c@d.example] }\n'),
      /from/,
    )
    const quiet = (text: string) => one(`notify:\n  - slack: { url: { env: A } }\n    quiet: ${text}\n`)
    assert.match(quiet('{ from: "22:00", to: "22:00" }'), /nothing would ever be told/)
    assert.match(quiet('{ from: "22:00", to: "07:00", zone: Mars/Olympus }'), /must be a time zone/)
  })

  test('refuse two targets with one name', () => {
    const two = 'notify:\n  - slack: { url: { env: A } }\n  - slack: { url: { env: A } }\n'
    assert.match(one(two), /there is a notify target "slack:A" already, at notify\[0\]/)
  })

  test('say how kinds are written', () => {
    const kinds = (kind: string) => one(`modes:\n  - { mode: warn, kinds: [${kind}] }\n`)
    assert.match(kinds('Deployment'), /must name the group: apps\/Deployment/)
    assert.match(kinds('apps/v1/Deployment'), /without a version, such as apps\/Deployment/)
    assert.match(kinds('v1/ConfigMap'), /the Kind alone for the core group, such as ConfigMap/)
    assert.match(kinds('deployments'), /must be group\/Kind/)
  })

  test('say what a duration looks like, and when it is too short', () => {
    assert.match(
      one(source('    poll: 30\n')),
      /sources\[0\]\.poll must be a duration such as 30s, 5m or 1h30m: current value is 30/,
    )
    assert.match(one(source('    poll: 30 s\n')), /must be a duration such as 30s, 5m or 1h30m/)
    assert.match(one(source('    poll: 10ms\n')), /must be at least 1s/)
  })

  test('refuse a path that leaves the repository', () => {
    assert.match(
      one(source('    path: ../other\n')),
      /sources\[0\]\.path must be a path inside the repository/,
    )
  })

  test('report what is no YAML, with its line', () => {
    assert.match(one('sources: [a\nmode: warn\n'), /^\d+:\d+ no valid YAML: /)
    assert.match(one('mode: warn\nmode: audit\n'), /^4:1 no valid YAML: .*unique/)
    assert.match(one('---\nkind: Other\n'), /no valid YAML: .*multiple documents/)
  })

  test('say what an empty file and another version lack', () => {
    assert.match(problemsOf('', '')[0]!, /the configuration is empty/)
    const other = problemsOf('', 'apiVersion: gitops-guard.dev/v9\nkind: GuardConfig\n')
    assert.match(other[0]!, /^1:13 apiVersion must be gitops-guard.dev\/v1alpha1: current value is/)
    assert.match(problemsOf('', 'kind: GuardConfig\n')[0]!, /the configuration lacks apiVersion/)
    assert.match(problemsOf('', '- a\n')[0]!, /the configuration must be a map: current value is a list/)
  })

  test('report all mistakes at once, in the order of the file', () => {
    const problems = problemsOf(`mode: enforced
sources:
  - name: a
    repository: /a
    ref: { branch: main }
    pol: 30s
  - name: b
    repository: https://x:y@h/b
    ref: { branch: main }
agents:
  - preset: fluxy
`)
    const lines = problems.map((problem) => Number(problem.split(':')[0]))
    assert.deepEqual(lines, [3, 8, 10, 13], problems.join('\n'))
  })

  test('find mistakes behind an alias', () => {
    assert.match(one('agents: &a\n  - preset: nope\nsources: []\nnotify: []\n'), /^4:13 agents\[0\]\.preset/)
  })

  test('refuse aliases that multiply', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]']
    for (let n = 1; n < 9; n++)
      lines.push(
        `a${n}: &a${n} [${Array(9)
          .fill(`*a${n - 1}`)
          .join(', ')}]`,
      )
    assert.match(problemsOf(lines.join('\n')).join('\n'), /no valid YAML/)
  })

  test('refuse a key that could poison a prototype, as any other unknown key', () => {
    assert.match(one('__proto__: { mode: audit }\n'), /__proto__ is not known/)
    assert.match(one('constructor: 1\n'), /constructor is not known/)
  })
})

test('never throw, and never be without a place, whatever the file holds', () => {
  const keys = [
    'mode',
    'sources',
    'agents',
    'allow',
    'notify',
    'modes',
    'name',
    'ref',
    'slack',
    'fields',
    'objects',
    'kinds',
  ]
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, 1, true, 'x', 'enforce', '/a'),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...keys), tie('node'), { maxKeys: 4 }),
    ),
  })).node
  fc.assert(
    fc.property(value, (node) => {
      const text = JSON.stringify(
        { apiVersion: 'gitops-guard.dev/v1alpha1', kind: 'GuardConfig', ...(node as object) },
        null,
        1,
      )
      const result = validateConfig(text, { file: 'f', presets: PRESETS })
      if ('problems' in result) {
        assert.ok(result.problems.length > 0)
        for (const { line, column } of result.problems) assert.ok(line >= 1 && column >= 1)
      }
    }),
    { numRuns: 300 },
  )
})
