import type { Agent, Allowance } from '../model/policy.ts'
import { agentPreset } from './presets/agents.ts'

const made = new Map<string, Allowance>()

/** The labels and annotations that these agents write on what they bring in: never compared where Git lacks them. */
export function stampAllowances(agents: readonly Agent[]): readonly Allowance[] {
  return agents.flatMap(({ name }) => {
    const preset = agentPreset(name)
    if (preset === undefined) return []
    let allowance = made.get(name)
    if (allowance === undefined) {
      const { labels, annotations } = preset.stamps
      allowance = {
        name: `${name}-stamps`,
        reason: `${preset.title} marks what it brought in`,
        users: preset.users,
        objects: {},
        fields: [
          ...labels.map((key) => `/metadata/labels/${key.replaceAll('/', '~1')}`),
          ...annotations.map((key) => `/metadata/annotations/${key.replaceAll('/', '~1')}`),
        ],
        bookkeeping: true,
        unlessDeclared: true,
      }
      made.set(name, allowance)
    }
    return [allowance]
  })
}
