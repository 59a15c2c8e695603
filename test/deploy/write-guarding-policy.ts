/** Writes deploy/guarding-policy.yaml from what src/admission makes: `node test/deploy/write-guarding-policy.ts`. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { DEPLOY } from '../../src/commands/install-manifests.ts'
import { shellPolicies } from '../../src/commands/install-policies.ts'

export const HEADER = `# Made by test/deploy/write-guarding-policy.ts from src/admission/policies.ts: change it there.
# Webhooks never see webhook configurations, so policies guard the guard's own. As applied they refuse nothing (Audit). The guard
# sets Deny when it runs, with its agents exempt, and keeps them so.
`

/** The text of the file, in the project's format but for the width of lines. */
export function guardingPolicyText(): string {
  return (
    HEADER +
    shellPolicies()
      .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
      .join('---\n')
  )
}

if (import.meta.main) writeFileSync(join(DEPLOY, 'guarding-policy.yaml'), guardingPolicyText())
