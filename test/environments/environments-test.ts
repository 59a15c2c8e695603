/** docs/environments.md, done: one repository, three clusters, a promotion, a hotfix by hand, a rollback. */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../control-plane/run-command.ts'
import { AGENT, Stage } from '../e2e/stage.ts'
import { until } from '../e2e/until.ts'
import type { TestRepository } from '../git/test-repository.ts'
import { programs, skip } from '../renderers/rendering.ts'

const environments = ['dev', 'staging', 'prod'] as const
type Environment = (typeof environments)[number]

/** What differs in the three configurations besides the path. */
const rules: Record<Environment, string> = {
  dev: 'mode: warn\nheal: alert',
  staging: 'mode: enforce\nheal: revert',
  prod: 'mode: enforce\nheal: revert\nconnect: deny',
}

const overlay = (environment: Environment, tag: string, replicas: number) => `namespace: shop
resources: [namespace.yaml, ../../base]
images: [{ name: registry.example/web, newTag: "${tag}" }]
replicas: [{ name: web, count: ${replicas} }]
configMapGenerator:
  - name: settings
    literals: [ENVIRONMENT=${environment}]
`

/**
 * Registers the test.
 *
 * @param sync the guards bring Git in themselves; else an agent does
 */
export function environmentsTest(name: string, { sync }: { sync: boolean }): void {
  const stages = {} as Record<Environment, Stage>
  let git: TestRepository

  before(async () => {
    if (skip) return
    for (const environment of environments) stages[environment] = await Stage.open()
    git = stages.dev.repository()
    git.write('base/kustomization.yaml', 'resources: [web.yaml]\n')
    git.write(
      'base/web.yaml',
      `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: registry.example/web:0
          envFrom: [{ configMapRef: { name: settings } }]
`,
    )
    for (const [index, environment] of environments.entries()) {
      git.write(
        `overlays/${environment}/namespace.yaml`,
        'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n',
      )
      git.write(`overlays/${environment}/kustomization.yaml`, overlay(environment, '1', index + 1))
    }
    stages.dev.settledCommit(git)
    for (const environment of environments) {
      await deliver(environment)
      const guard = await stages[environment].guard(
        'guard',
        `${rules[environment]}
${sync ? '' : `agents: [{ user: "${AGENT}" }]`}
sources:
  - { name: shop, repository: ${git.path}, ref: { branch: main }, path: overlays/${environment}, poll: 1s, sync: ${sync} }
`,
        { GITOPS_GUARD_RENDERERS: dirname(programs.kustomize) },
      )
      await guard.start()
      await runs(environment, '1')
    }
  })

  after(async () => {
    for (const stage of Object.values(stages)) await stage.close()
  })

  /** What an agent does: builds what `main` holds and applies it. */
  async function deliver(environment: Environment): Promise<void> {
    if (sync) return // Its guard does.
    const { code, stdout, stderr } = await runCommand(programs.kustomize, [
      'build',
      `${git.path}/overlays/${environment}`,
    ])
    assert.equal(code, 0, stderr)
    await stages[environment].apply(stdout)
  }

  async function image(environment: Environment): Promise<string> {
    const web = await stages[environment].get('/apis/apps/v1/namespaces/shop/deployments/web')
    return web?.spec.template.spec.containers[0].image
  }

  async function runs(environment: Environment, tag: string): Promise<void> {
    const isThere = async () => (await image(environment)) === `registry.example/web:${tag}`
    await until(`${environment} runs ${tag}`, isThere, { ms: 60_000, seen: () => image(environment) })
  }

  const setImage = (tag: string) => [
    '-n',
    'shop',
    'set',
    'image',
    'deployment/web',
    `web=registry.example/web:${tag}`,
  ]

  /** The guard holds the cluster to `tag`: what somebody does past the webhook is taken back to it. */
  async function heldTo(environment: Environment, tag: string): Promise<void> {
    const wanted = `registry.example/web:${tag}`
    await runs(environment, tag)
    await stages[environment].unseen(setImage('rogue'))
    await until(`${environment} is put back to ${tag}`, async () => (await image(environment)) === wanted, {
      ms: 30_000,
      seen: () => image(environment),
    })
  }

  /** A pull request: one commit on a branch of its own, merged into main. */
  function merge(branch: string, change: () => void): void {
    git.git('checkout', '--quiet', '-b', branch)
    change()
    git.commit(branch)
    git.git('checkout', '--quiet', 'main')
    git.git('merge', '--quiet', '--no-ff', '-m', `Merge ${branch}`, branch)
  }

  test(name, { skip, timeout: 300_000 }, async () => {
    // Version 2 goes through dev and staging; each merge changes the environment that it names and no other.
    for (const environment of environments) {
      merge(`promote-2-to-${environment}`, () =>
        git.write(
          `overlays/${environment}/kustomization.yaml`,
          overlay(environment, '2', environments.indexOf(environment) + 1),
        ),
      )
      await deliver(environment)
      await runs(environment, '2')
      if (environment === 'staging') assert.equal(await image('prod'), 'registry.example/web:1')
      if (environment !== 'dev') await heldTo(environment, '2')
    }

    const inDev = await stages.dev.alice(setImage('debug'))
    assert.equal(inDev.code, 0, inDev.stderr)
    assert.match(inDev.stderr, /Warning: .*Git/)
    for (const environment of ['staging', 'prod'] as const) {
      const hotfix = await stages[environment].alice(setImage('hotfix'))
      assert.equal(hotfix.code, 1)
      assert.match(hotfix.stderr, /base\/web\.yaml/)
      assert.equal(await image(environment), 'registry.example/web:2')
    }

    git.git('revert', '--no-edit', '-m', '1', 'HEAD')
    await deliver('prod')
    await heldTo('prod', '1')
    assert.equal(await image('staging'), 'registry.example/web:2')
  })
}
