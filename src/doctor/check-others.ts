import { fieldOf } from '../object/json.ts'
import type { Facts } from './facts.ts'
import type { Finding } from './finding.ts'

/** Who else changes what Git declares: rewriting webhooks, operators without an allowance, a second guard. */
export function checkOthers(facts: Facts): Finding[] {
  return [...rewriters(facts), ...writers(facts), ...otherGuards(facts)]
}

function rewriters({ rewriters: found }: Facts): Finding[] {
  return found.map(({ object, kinds, declared }) => ({
    check: 'rewrites',
    severity: declared ? 'info' : 'warning',
    subject: object,
    what: `may rewrite declared objects on their way into storage: ${kinds.join(', ')}${declared ? ' (Git declares it)' : ''}`,
    why: 'what it makes of a manifest counts as Git\u2019s state: whoever may change it changes what Git means',
    remedy: 'declare it in Git, and narrow its rules and namespaceSelector to what it is for',
  }))
}

function writers({ writers: found }: Facts): Finding[] {
  return found.map(({ manager, objects, fields }) => ({
    check: 'writer',
    severity: 'warning',
    subject: `field manager ${manager}`,
    what: `owns ${few(fields)} of ${few(objects)}, which Git says otherwise, and no allowance covers that`,
    why: 'an operator that does so will be refused and put back; a person\u2019s edit is drift',
    remedy:
      'run in audit mode and let gitops-guard suggest propose the allowance, or name its preset under allow; if it was a person, gitops-guard diff shows it',
  }))
}

function otherGuards({ admission, guard, policy }: Facts): Finding[] {
  const configurations = (admission?.validatingWebhooks ?? []).filter(({ metadata, webhooks }) => {
    if (metadata['name'] === policy.guard.name || !Array.isArray(webhooks)) return false
    return webhooks.some((each) => String(fieldOf(each, 'name')).endsWith('.gitops-guard.dev'))
  })
  const found = [
    ...configurations.map(({ metadata }) => `ValidatingWebhookConfiguration ${String(metadata['name'])}`),
    ...guard.others.map((name) => `Deployment ${name}`),
  ]
  return found.map((subject) => ({
    check: 'second-guard',
    severity: 'warning',
    subject,
    what: 'is of another guard',
    why: 'two guards that read different configurations refuse and repair each other\u2019s work',
    remedy:
      'keep one: gitops-guard uninstall with the other\u2019s configuration, or --replica for replicas of one guard',
  }))
}

function few(list: readonly string[], most = 3): string {
  const shown = list.slice(0, most).join(', ')
  return list.length > most ? `${shown} and ${list.length - most} more` : shown
}
