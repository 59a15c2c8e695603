import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../row.ts'

export const dryRunRows: readonly Row[] = [
  {
    row: 15,
    title: 'alice probes with a dry run: the same verdict, and nobody is told',
    expect: 'webhook',
    run: async (stage) => {
      const before = stage.sink.violations.length
      const outcome = await stage.refused('alice', [
        ...['annotate', '-n', 'shop', 'deployment/web', 'probe=dry', '--dry-run=server'],
      ])
      await sleep(300)
      const told = stage.sink.violations
        .slice(before)
        .filter(({ changes }) => changes.some(({ path }) => path.endsWith('/probe')))
      if (told.length > 0) throw new Error('a dry run was told of')
      return outcome
    },
  },
]
