import type { Row } from '../row.ts'
import { AGENT, OPERATOR, paths } from '../stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }
const APPLY = { contentType: 'application/apply-patch+yaml' }

/** Names that a client may choose are no identity. */
export const writerRows: readonly Row[] = [
  {
    row: 10,
    title: "alice applies with --force-conflicts as the agent's field manager",
    expect: 'webhook',
    run: (stage) =>
      stage.refused(
        'alice',
        ['apply', '--server-side', '--force-conflicts', '--field-manager=deployer', '-n', 'shop', '-f', '-'],
        {
          stdin: JSON.stringify({
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: 'web' },
            data: { PODINFO_UI_MESSAGE: 'hers' },
          }),
        },
      ),
  },
  {
    row: 10,
    title: 'alice gives up a field as the agent: an apply that leaves it out',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        [
          'PATCH',
          `${paths.settings}?fieldManager=deployer&force=true`,
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } },
        ],
        APPLY,
      ),
  },
  {
    row: 42,
    title: "the same past the webhook: Git's tip is asked, then Git's state is back",
    expect: 'watcher',
    run: (stage) =>
      stage.pastAdmission(
        () =>
          stage.raw(
            'alice',
            'PATCH',
            `${paths.settings}?fieldManager=deployer&force=true`,
            {
              apiVersion: 'v1',
              kind: 'ConfigMap',
              metadata: { name: 'web', namespace: 'shop' },
              data: { PODINFO_UI_MESSAGE: 'hers' },
            },
            APPLY,
          ),
        async () =>
          (await stage.raw('admin', 'GET', paths.settings)).body?.data?.PODINFO_UI_MESSAGE ===
          'Welcome to the shop',
      ),
  },
  {
    row: 43,
    title: "alice writes what an operator's allowance covers, under its field manager",
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', [
        ...['annotate', '-n', 'shop', 'deployment/web', '--field-manager=operator'],
        'ops.example/note=hers',
      ]),
  },
  {
    row: 43,
    title: 'the operator itself may write it, and nothing beside it',
    expect: 'webhook',
    run: async (stage) => {
      await stage.must(OPERATOR, ['annotate', '-n', 'shop', 'deployment/web', 'ops.example/note=its'])
      await stage.must(OPERATOR, ['annotate', '-n', 'shop', 'deployment/web', 'ops.example/note-'])
      return stage.refused(OPERATOR, ['annotate', '-n', 'shop', 'deployment/web', 'ops.example/other=its'])
    },
  },
  {
    row: 0,
    title: 'the operator writes its annotation, and smuggles an image in the same PATCH',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        OPERATOR,
        [
          'PATCH',
          paths.web,
          { metadata: { annotations: { 'ops.example/note': 'its' } }, spec: { paused: true } },
        ],
        MERGE,
      ),
  },
  {
    row: 0,
    title: 'a user whose name only begins as the agent’s',
    expect: 'webhook',
    run: (stage) => stage.refused(`${AGENT}-2`, ['scale', '-n', 'shop', 'deployment/api', '--replicas=9']),
  },
  {
    row: 0,
    title: 'a user named by certificate as a service account’s group',
    expect: 'webhook',
    run: async (stage) => {
      await stage.plane.user('mallory', {
        groups: ['system:serviceaccounts', 'system:serviceaccounts:ci', 'system:nodes', 'system:masters'],
      })
      return stage.refused('mallory', ['scale', '-n', 'shop', 'deployment/api', '--replicas=9'])
    },
  },
]
