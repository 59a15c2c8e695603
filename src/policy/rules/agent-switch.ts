import type { FieldChange } from '../../model/path.ts'
import { agentPresets } from '../presets/agents.ts'

const switches = new Map(
  agentPresets.flatMap((preset) => preset.switches.map((each) => [each.key, preset.name] as const)),
)

/**
 * Some labels and annotations tell an agent to leave an object alone, so that drift would stay: writing one is a change
 * of what Git declares like any other (rule `declared`), but worth its own name and reason. Returns the first such key
 * that was written.
 */
export function switchedOff(changes: readonly FieldChange[]): string | undefined {
  for (const { path, op } of changes) {
    const [first, second, key] = path
    if (op === 'remove' || first !== 'metadata' || (second !== 'annotations' && second !== 'labels')) continue
    if (typeof key === 'string' && switches.has(key)) return key
  }
  return undefined
}
