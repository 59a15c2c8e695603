import { checkGit } from './check-git.ts'
import { checkOthers } from './check-others.ts'
import { checkPlatform } from './check-platform.ts'
import { checkRbac } from './check-rbac.ts'
import { checkSync } from './check-sync.ts'
import { checkPolicies, checkWebhook } from './check-webhook.ts'
import type { Facts } from './facts.ts'
import type { Finding, Severity } from './finding.ts'

const order: readonly Severity[] = ['critical', 'warning', 'info']

/** Everything that is wrong, the worst first. */
export function diagnose(facts: Facts): Finding[] {
  const checks = [checkWebhook, checkPolicies, checkRbac, checkOthers, checkGit, checkSync, checkPlatform]
  const findings = checks.flatMap((check) => check(facts))
  return order.flatMap((severity) => findings.filter((finding) => finding.severity === severity))
}
