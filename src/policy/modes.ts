import type { ObjectRef } from '../model/identity.ts'
import type { Policy, SourcePolicy } from '../model/policy.ts'
import type { Mode } from '../model/verdict.ts'
import { selects } from '../object/selectors.ts'
import type { RuleVerdict } from './rule.ts'

const strictness: { readonly [mode in Mode]: number } = { audit: 0, warn: 1, enforce: 2 }

/** The strictest of some modes; `otherwise` where there are none. */
function strictest(modes: readonly Mode[], otherwise: Mode): Mode {
  return (
    modes.reduce<Mode | undefined>(
      (so, mode) => (so === undefined || strictness[mode] > strictness[so] ? mode : so),
      undefined,
    ) ?? otherwise
  )
}

/**
 * What is done with a violation: what the first matching override says, else the mode of the source that it is about,
 * else the strictest of the namespace's sources, else the configuration's. What protects the guard and the identities
 * that it trusts follows the strictest mode there is anywhere: one door is enough to get in.
 */
export function modeFor(
  { declared, source, everywhere }: Pick<RuleVerdict, 'declared' | 'source' | 'everywhere'>,
  ref: ObjectRef,
  policy: Policy,
): Mode {
  if (everywhere === true) {
    const all = [...policy.sources.map(({ mode }) => mode), ...policy.modes.map(({ mode }) => mode)]
    return strictest([policy.mode, ...all], policy.mode)
  }
  const override = policy.modes.find(({ objects }) => selects(objects, ref))
  if (override !== undefined) return override.mode
  const about = declared?.source ?? source
  if (about !== undefined) return about.mode
  return strictest(modesOf(policy.sourcesOf(ref.namespace)), policy.mode)
}

const modesOf = (sources: readonly SourcePolicy[]): readonly Mode[] => sources.map(({ mode }) => mode)
