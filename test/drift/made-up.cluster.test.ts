/** A real mutating webhook that gives every Deployment a volume of a random name, and mounts it: only that is let be. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Json } from '../../src/model/json.ts'
import { startMutatingWebhook, type MutatingWebhook } from '../support/mutating-webhook.ts'
import { all, at, json, recreate, remove, type Change, type DriftCase } from './drift-case.ts'
import { check, runCases, type Outcome } from './run-cases.ts'
import { Stage } from './stage.ts'

const git = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - { name: app, image: "web:1", volumeMounts: [{ name: own, mountPath: /own }] }
      volumes: [{ name: own, emptyDir: {} }]
`
const VOLUMES = '/spec/template/spec/volumes'
const MOUNTS = '/spec/template/spec/containers/0/volumeMounts'
const host = (name: string) => ({ name, hostPath: { path: '/' } })

/** Writes something at the place of the item that the webhook made up. */
const atMadeUp =
  (list: string, patch: (path: string) => Json[]): Change =>
  async (tools) => {
    const live = await tools.stage.must('GET', tools.path)
    const keys = list.slice(1).split('/')
    const items = at(live, ...keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key))) as {
      name: string
    }[]
    const index = items.findIndex(({ name }) => name.startsWith('token-'))
    assert.ok(index >= 0, 'the webhook put its item there')
    await json(patch(`${list}/${index}`))(tools)
  }

const cases: readonly DriftCase[] = [
  { row: 12, name: 'accept the volume and its mount, whatever they are called', git },
  {
    row: 12,
    name: 'accept them under the name of an object that was made anew',
    git,
    live: recreate(() => {}),
  },
  {
    row: 20,
    name: 'find another volume beside it',
    git,
    live: json([{ op: 'add', path: `${VOLUMES}/-`, value: host('rogue') }]),
    drift: [`add ${VOLUMES}/2`],
  },
  {
    row: 20,
    name: 'find one that is called as the webhook might',
    git,
    live: json([{ op: 'add', path: `${VOLUMES}/-`, value: host('token-abcdef') }]),
    drift: [`add ${VOLUMES}/2`],
  },
  {
    row: 20,
    name: 'find a second one that is like the one of the webhook',
    git,
    live: json([
      { op: 'add', path: `${VOLUMES}/-`, value: { name: 'token-abcdef', emptyDir: { medium: 'Memory' } } },
    ]),
    drift: [`add ${VOLUMES}/2`],
  },
  {
    row: 20,
    name: 'find another mount beside that of the webhook',
    git,
    live: json([{ op: 'add', path: `${MOUNTS}/-`, value: { name: 'own', mountPath: '/rogue' } }]),
    drift: [`add ${MOUNTS}/2`],
  },
  {
    row: 19,
    name: 'find what became of the declared volume',
    git,
    live: json([{ op: 'replace', path: `${VOLUMES}/0`, value: host('own') }]),
    drift: [
      `add ${VOLUMES}/0/hostPath/path`,
      `add ${VOLUMES}/0/hostPath/type`,
      `remove ${VOLUMES}/0/emptyDir`,
    ],
  },
  {
    row: 19,
    name: 'find the volume of the webhook turned into one of the host',
    git,
    live: atMadeUp(VOLUMES, (path) => [
      { op: 'remove', path: `${path}/emptyDir` },
      { op: 'add', path: `${path}/hostPath`, value: { path: '/' } },
    ]),
    // That the webhook's own is gone is as in the next case.
    drift: [`add ${VOLUMES}/1`],
  },
  {
    row: 12,
    name: 'accept one that was made before the webhook came, or lost what it gave: both look the same to who comes later',
    git,
    live: all(
      atMadeUp(MOUNTS, (path) => [{ op: 'remove', path }]),
      atMadeUp(VOLUMES, (path) => [{ op: 'remove', path }]),
    ),
  },
  { row: 19, name: 'find it gone', git, live: remove, status: 'missing' },
]

let stage: Stage
let webhook: MutatingWebhook
let outcomes: Map<DriftCase, Outcome>

before(async () => {
  stage = await Stage.start({ controllers: false })
  webhook = await startMutatingWebhook(() => {
    const name = `token-${randomBytes(3).toString('hex')}`
    return [
      { op: 'add', path: `${VOLUMES}/-`, value: { name, emptyDir: { medium: 'Memory' } } },
      { op: 'add', path: `${MOUNTS}/-`, value: { name, mountPath: '/token' } },
    ]
  })
  const { url, caBundle } = webhook
  await stage.must('POST', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
    metadata: { name: 'tokens' },
    webhooks: [
      {
        name: 'tokens.example.org',
        clientConfig: { url, caBundle },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        rules: [
          { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE'] },
        ],
      },
    ],
  })
  await inForce()
  outcomes = await runCases(stage, cases, '')
})
after(async () => {
  await stage?.stop()
  await webhook?.stop()
})

/** A new configuration is obeyed a moment later. */
async function inForce(): Promise<void> {
  const manifest = stage.manifests({ name: 'try', namespace: 'default', yaml: git })[0]!
  const end = Date.now() + 30_000
  while (webhook.calls === 0 && Date.now() < end) {
    await stage.must('POST', `${stage.collection(manifest.object)}?dryRun=All`, manifest.object)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

for (const one of cases) test(`row ${one.row}: ${one.name}`, () => check(one, outcomes.get(one)!))
