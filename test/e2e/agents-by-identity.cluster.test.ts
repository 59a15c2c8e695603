/**
 * Agents that need no machinery of their own here, by identity: their accounts apply with kubectl as they do, a person with
 * their field manager does not.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestRepository } from '../git/test-repository.ts'
import type { GuardRun } from './guard-run.ts'
import { configMap, deployment, inNamespace, namespace } from './manifests.ts'
import { Stage } from './stage.ts'
import { until } from './until.ts'

interface Agent {
  name: string
  account: { namespace: string; name: string }
  /** Of the source, as a configuration has it. */
  agents: string
  /** How it applies: what stands before the manifests on stdin. */
  apply: string[]
  /** What it, or who writes for it, puts on each object. */
  label: string
}

const agents: readonly Agent[] = [
  {
    name: 'tekton',
    account: { namespace: 'pipelines', name: 'deploy' },
    agents: '[{ preset: tekton }, { user: "system:serviceaccount:pipelines:deploy" }]',
    apply: ['apply', '-f', '-'],
    label: 'team: web',
  },
  {
    name: 'jenkins-x',
    account: { namespace: 'jx-git-operator', name: 'jx-boot-job' },
    agents: '[{ preset: jenkins-x }]',
    apply: ['apply', '--prune', '--selector=gitops.jenkins-x.io/pipeline=namespaces', '-f', '-'],
    label: 'gitops.jenkins-x.io/pipeline: namespaces',
  },
  {
    name: 'gitkube',
    account: { namespace: 'kube-system', name: 'gitkube' },
    agents: '[{ preset: gitkube }]',
    apply: ['apply', '-f', '-'],
    label: 'team: web',
  },
  {
    name: 'config-sync',
    account: { namespace: 'config-management-system', name: 'root-reconciler' },
    agents: '[{ preset: config-sync }]',
    apply: ['apply', '--server-side', '--force-conflicts', '--field-manager=configsync.gke.io', '-f', '-'],
    label: 'app.kubernetes.io/managed-by: configmanagement.gke.io',
  },
]

let stage: Stage
let repository: TestRepository
let guard: GuardRun

const userOf = ({ account }: Agent) => `system:serviceaccount:${account.namespace}:${account.name}`
const labelled = (manifest: string, label: string) =>
  manifest.replace(/^metadata:\n/m, `metadata:\n  labels: { ${label} }\n`)

function manifests({ name, label }: Agent, image: string, maps: readonly string[]): string[] {
  const objects = [deployment('web', { image }), ...maps.map((map) => configMap(map))]
  return objects.map((manifest) => labelled(inNamespace(name, manifest), label))
}

async function apply(agent: Agent, objects: readonly string[]): Promise<void> {
  const { code, stderr } = await stage.plane.kubectl(userOf(agent), agent.apply, {
    stdin: objects.join('---\n'),
  })
  assert.equal(code, 0, stderr)
}

before(async () => {
  stage = await Stage.open()
  repository = stage.repository()
  for (const agent of agents) {
    const { account, name } = agent
    await stage.plane.serviceAccount(account.namespace, account.name, { clusterAdmin: true })
    const first = manifests(agent, 'web:1', ['keep', 'drop'])
    repository.write(`${name}/namespace.yaml`, namespace(name))
    repository.write(`${name}/all.yaml`, first.join('---\n'))
    await apply({ ...agent, apply: ['apply', '-f', '-'] }, [namespace(name)])
    await apply(agent, first)
  }
  stage.settledCommit(repository)
  const sources = agents.map(
    ({ name, agents: own }) =>
      `  - { name: ${name}, repository: ${repository.path}, ref: { branch: main }, path: ${name}, poll: 1s, agents: ${own} }\n`,
  )
  guard = await stage.guard('guard', `mode: enforce\nsources:\n${sources.join('')}agents: []\n`)
  await guard.start()
})

after(() => stage.close())

for (const agent of agents) {
  test(`${agent.name}: its account updates and prunes, a person with its field manager does not`, async () => {
    const { name } = agent
    const manager =
      agent.apply.find((word) => word.startsWith('--field-manager=')) ??
      '--field-manager=kubectl-client-side-apply'
    const refused = await until('alice is refused', async () => {
      const result = await stage.alice([
        '-n',
        name,
        'set',
        'image',
        'deployment/web',
        'app=evil:1',
        manager,
        '--dry-run=server',
      ])
      return result.code !== 0 && result.stderr
    })
    assert.match(refused, /alice may not change Deployment .*Git declares it/)
    const evil = labelled(inNamespace(name, configMap('keep', { key: 'evil' })), agent.label)
    const forced = ['apply', '--server-side', '--force-conflicts', manager, '-f', '-']
    assert.match((await stage.alice(forced, evil)).stderr, /alice may not change ConfigMap/)

    const second = manifests(agent, 'web:2', ['keep'])
    repository.write(`${name}/all.yaml`, second.join('---\n'))
    const revision = repository.commit()
    await apply(agent, second)
    const deleted = await stage.plane.kubectl(userOf(agent), [
      '-n',
      name,
      'delete',
      'configmap/drop',
      '--ignore-not-found',
    ])
    assert.equal(deleted.code, 0, deleted.stderr)
    await until('the guard has the commit', async () =>
      (await (await fetch(`${guard.url}/status`)).text()).includes(revision),
    )
    // Longer than a repair takes.
    await sleep(1500)
    const web = await stage.get(`/apis/apps/v1/namespaces/${name}/deployments/web`)
    assert.equal(web.spec.template.spec.containers[0].image, 'web:2')
    assert.equal(await stage.get(`/api/v1/namespaces/${name}/configmaps/drop`), undefined)
    const answer = await fetch(`${guard.url}/violations?source=${name}`)
    const { violations } = (await answer.json()) as { violations: { actor: { username: string } }[] }
    assert.ok(violations.length > 0)
    assert.deepEqual([...new Set(violations.map(({ actor }) => actor.username))], ['alice'])
  })
}
