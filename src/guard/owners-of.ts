import { ownersIn, ownersOfFile, type OwnerRule } from '../git/codeowners.ts'
import type { Policy } from '../model/policy.ts'
import type { Violation } from '../model/violation.ts'
import { groupOf } from '../object/identity.ts'
import { fieldOf } from '../object/json.ts'

const ANNOTATION = 'gitops-guard.dev/owner'

/** What Git says. */
export interface OwnerFacts {
  policy: Pick<Policy, 'declared'>
  codeowners(source: string): readonly OwnerRule[]
}

/**
 * The violation with those who own its object: whom its manifest's annotation names, else CODEOWNERS for its file. Both are Git's:
 * what a live object says of its owner counts for nothing.
 */
export function withOwners(violation: Violation, { policy, codeowners }: OwnerFacts): Violation {
  const { apiVersion, kind, namespace, name } = violation.object
  const manifest = policy.declared({ group: groupOf(apiVersion), kind, namespace, name })?.manifest
  const written = fieldOf(fieldOf(manifest?.object.metadata, 'annotations'), ANNOTATION)
  const named = typeof written === 'string' ? ownersIn(written) : []
  const file = violation.origin?.file ?? manifest?.origin.file
  const owners =
    named.length > 0 || file === undefined || violation.source === undefined
      ? named
      : ownersOfFile(codeowners(violation.source), file)
  return owners.length === 0 ? violation : { ...violation, owners }
}
