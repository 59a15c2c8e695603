import { existsSync } from 'node:fs'
import { fieldPattern } from '../object/field-pattern.ts'
import { stringifyJson } from '../object/json.ts'
import { allowed, suggest as suggestFrom } from '../policy/suggest.ts'
import { refusedLine } from '../guard/enforce-preview.ts'
import { matchUsers } from '../object/match-users.ts'
import { readSettings } from './context.ts'
import { suggestionsAsYaml } from './suggest-yaml.ts'
import { readAllWritten, type WrittenOptions } from './written.ts'

/**
 * `gitops-guard suggest`: what `allow:` could say for the service accounts that were seen in audit mode, and what would
 * be refused without it. What the configuration covers by now is left out, where there is one.
 */
export async function suggest(options: WrittenOptions): Promise<number> {
  const settings = existsSync(options.config) ? await readSettings(options) : undefined
  const written = await readAllWritten(options)
  const { allowances = [], agents = [] } = settings ?? {}
  const suggestions = suggestFrom({ written, allowances, agents })
  const isAgent = matchUsers(agents.flatMap(({ users }) => users))
  const refused = written.filter((record) => !isAgent(record.user) && !allowed(record, allowances))
  if (options.output === 'json') {
    const { presets, allowances: allow, agents: brings, refused: left } = suggestions
    const fields = refused.map(({ path, ...record }) => ({ ...record, field: fieldPattern(path) }))
    console.log(
      stringifyJson({ presets, allow, agents: brings, notProposed: left, refusedInEnforce: fields }),
    )
    return 0
  }
  if (refused.length === 0) {
    console.log('# Nothing was seen in audit or warn mode that enforcing would refuse.')
    return 0
  }
  console.log(
    '# In enforce these would be refused, as seen in audit and warn mode (+ add, ~ replace, - remove):',
  )
  for (const record of refused.toSorted((a, b) => b.count - a.count)) console.log(`# ${refusedLine(record)}`)
  console.log(
    '#\n# What lets them do that and no more, but for presets, which let an operator do all of its job:',
  )
  process.stdout.write(suggestionsAsYaml(suggestions))
  return 0
}
