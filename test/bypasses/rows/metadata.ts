import type { Row } from '../row.ts'
import { paths } from '../stage.ts'

const MERGE = { contentType: 'application/merge-patch+json' }

/** Labels and annotations are state. */
export const metadataRows: readonly Row[] = [
  {
    row: 0,
    title: 'alice annotates a declared Deployment',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['annotate', '-n', 'shop', 'deployment/api', 'note=hers']),
  },
  {
    row: 0,
    title: "alice forges kubectl's last-applied-configuration",
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw(
        'alice',
        [
          'PATCH',
          paths.settings,
          {
            metadata: { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{}}' } },
          },
        ],
        MERGE,
      ),
  },
  {
    row: 0,
    title: 'alice empties managedFields, so that the agent loses its ownership',
    expect: 'allowed',
    run: async (stage) => {
      const before = (await stage.raw('admin', 'GET', paths.settings)).body.metadata.managedFields
      const { status, text } = await stage.raw(
        'alice',
        'PATCH',
        paths.settings,
        [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }],
        { contentType: 'application/json-patch+json' },
      )
      if (status !== 200) return stage.refusedRaw('alice', ['PATCH', paths.settings, {}])
      // No state of Git's is in it; the agent takes its fields back with its next apply.
      await stage.agentApplies()
      const after = (await stage.raw('admin', 'GET', paths.settings)).body.metadata.managedFields
      const owns = (fields: { manager: string }[]) => fields.some(({ manager }) => manager === 'deployer')
      if (owns(before) && !owns(after)) throw new Error(`ownership is not back: ${text}`)
      return { stopped: 'allowed', note: 'no state; the next apply owns its fields again' }
    },
  },
]
