import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Of kube-apiserver: tells the guard of every write in full, with who is behind an impersonation. */
export async function auditArguments(port: number): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'gitops-guard-audit-'))
  const policy = join(directory, 'policy.json')
  await writeFile(
    policy,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [
        { level: 'RequestResponse', verbs: ['create', 'update', 'patch', 'delete'], namespaces: ['shop'] },
        { level: 'None' },
      ],
    }),
  )
  const target = join(directory, 'webhook.json')
  await writeFile(
    target,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'guard',
          cluster: { server: `https://127.0.0.1:${port}/audit`, 'insecure-skip-tls-verify': true },
        },
      ],
      contexts: [{ name: 'guard', context: { cluster: 'guard', user: '' } }],
      'current-context': 'guard',
    }),
  )
  return [
    `--audit-policy-file=${policy}`,
    `--audit-webhook-config-file=${target}`,
    '--audit-webhook-batch-max-wait=200ms',
    '--audit-webhook-initial-backoff=200ms',
  ]
}

/** The guard's configuration on the stage. */
export function configuration({ repository, stateDir }: { repository: string; stateDir: string }): string {
  return `apiVersion: gitops-guard.dev/v1alpha1
kind: GuardConfig
mode: enforce
graceSeconds: 5
stateDir: ${stateDir}
sources:
  - name: shop
    repository: ${repository}
    ref: { branch: main }
    path: prod
    poll: 1s
agents:
  - user: system:serviceaccount:ci:deployer
  - preset: flux
  - preset: argocd
allow:
  - name: notes
    actors: { users: ['system:serviceaccount:ops:operator'] }
    objects: { kinds: [apps/Deployment], namespaces: [shop], names: ['*'] }
    fields: [/metadata/annotations/ops.example~1note]
notify:
  - slack: { url: { env: SLACK_URL } }
  - webhook: { url: { env: HOOK_URL } }
`
}
