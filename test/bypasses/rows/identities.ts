import { execFileSync } from 'node:child_process'
import type { Row } from '../row.ts'
import { AGENT, paths, type Stage } from '../stage.ts'

/** A request for a certificate in somebody's name, base64. */
function certificateRequest(stage: Stage, subject: string): string {
  const key = `${stage.directory}/csr.key`
  const options = { stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] }
  return execFileSync(
    'openssl',
    ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-subj', subject],
    options,
  ).toString('base64')
}

const signingRequest = (stage: Stage, name: string, subject: string, signer: string) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: {
    request: certificateRequest(stage, subject),
    signerName: signer,
    usages: ['client auth', 'digital signature'],
  },
})

const csr = (title: string, name: string, subject: string): Row => ({
  row: 41,
  title,
  expect: 'webhook',
  run: (stage) =>
    stage.refusedRaw('alice', [
      'POST',
      '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      signingRequest(stage, name, subject, 'kubernetes.io/kube-apiserver-client'),
    ]),
})

/** As the strictest Pod Security Standard wants it. */
const RESTRICTED = {
  securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
  containers: [
    {
      name: 'c',
      image: 'x',
      securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    },
  ],
}

const pod = (namespace: string, serviceAccountName: string, title: string): Row => ({
  row: 21,
  title,
  expect: namespace === 'gitops-guard' ? 'policy' : 'webhook',
  run: (stage) =>
    stage.refusedRaw('alice', [
      'POST',
      `/api/v1/namespaces/${namespace}/pods`,
      { metadata: { name: 'hers' }, spec: { ...RESTRICTED, serviceAccountName } },
    ]),
})

const bind = (title: string, name: string, roleRef: string, subject: object): Row => ({
  row: 22,
  title,
  expect: 'webhook',
  run: (stage) =>
    stage.refusedRaw('alice', [
      'POST',
      '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
      {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleRef },
        subjects: [subject],
      },
    ]),
})

const impersonate = (title: string, headers: Record<string, string>): Row => ({
  row: 19,
  title,
  expect: 'reported',
  run: async (stage) => {
    const before = stage.sink.violations.length
    const note = String(stage.sink.violations.length)
    const { status, text } = await stage.raw(
      'alice',
      'PATCH',
      paths.settings,
      { metadata: { annotations: { impersonated: note } } },
      { contentType: 'application/merge-patch+json', headers },
    )
    if (status !== 200) throw new Error(`the API server refused it: ${text}`)
    await stage.told('audited', (each) => {
      const isNew = stage.sink.violations.indexOf(each) >= before
      return isNew && each.reason.includes('alice') && each.reason.includes('impersonat')
    })
    // The watcher holds the one behind it to account, and puts Git's state back.
    await stage.settled()
    return { stopped: 'reported', note: 'by the audit webhook; and put back' }
  },
})

/** Ways to become somebody whom the guard lets pass. */
export const identityRows: readonly Row[] = [
  impersonate('alice writes --as the agent', { 'impersonate-user': AGENT }),
  impersonate('alice writes --as the agent, with its groups and every extra of a bound token', {
    'impersonate-user': AGENT,
    'impersonate-group': 'system:serviceaccounts:ci',
    'impersonate-extra-authentication.kubernetes.io%2Fpod-name': 'deployer-0',
    'impersonate-extra-authentication.kubernetes.io%2Fpod-uid': '11111111-1111-1111-1111-111111111111',
  }),
  impersonate('alice writes --as system:kube-controller-manager', {
    'impersonate-user': 'system:serviceaccount:kube-system:deployment-controller',
    'impersonate-group': 'system:masters',
  }),
  {
    row: 19,
    title: 'alice makes a role to impersonate the agent',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', [
        ...['create', 'clusterrole', 'as-agent', '--verb=impersonate', '--resource=serviceaccounts'],
        '--resource-name=deployer',
      ]),
  },
  {
    row: 20,
    title: 'alice: kubectl create token for the agent',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['create', 'token', 'deployer', '-n', 'ci']),
  },
  {
    row: 20,
    title: 'alice: kubectl create token for a controller of kube-system',
    expect: 'webhook',
    run: (stage) => stage.refused('alice', ['create', 'token', 'deployment-controller', '-n', 'kube-system']),
  },
  {
    row: 20,
    title: 'alice: kubectl create token for the guard',
    expect: 'policy',
    run: (stage) => stage.refused('alice', ['create', 'token', 'gitops-guard', '-n', 'gitops-guard']),
  },
  {
    row: 20,
    title: 'alice makes a token Secret of the agent',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/api/v1/namespaces/ci/secrets',
        {
          metadata: { name: 'hers', annotations: { 'kubernetes.io/service-account.name': 'deployer' } },
          type: 'kubernetes.io/service-account-token',
        },
      ]),
  },
  pod('ci', 'deployer', 'alice makes a Pod that runs as the agent'),
  pod('flux-system', 'kustomize-controller', 'alice makes a Pod that runs as Flux'),
  pod('kube-system', 'deployment-controller', 'alice makes a Pod that runs as a controller'),
  pod('gitops-guard', 'gitops-guard', 'alice makes a Pod that runs as the guard'),
  {
    row: 21,
    title: 'alice makes a CronJob whose Pods run as the agent',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/batch/v1/namespaces/ci/cronjobs',
        {
          metadata: { name: 'hers' },
          spec: {
            schedule: '* * * * *',
            jobTemplate: {
              spec: {
                template: {
                  spec: {
                    serviceAccountName: 'deployer',
                    restartPolicy: 'Never',
                    containers: [{ name: 'c', image: 'x' }],
                  },
                },
              },
            },
          },
        },
      ]),
  },
  {
    row: 21,
    title: 'a service account with every right makes a Pod that runs as the agent',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('system:serviceaccount:ops:operator', [
        'POST',
        '/api/v1/namespaces/ci/pods',
        {
          metadata: { name: 'its' },
          spec: { serviceAccountName: 'deployer', containers: [{ name: 'c', image: 'x' }] },
        },
      ]),
  },
  bind('alice binds herself to the role of the guard', 'hers', 'gitops-guard', {
    kind: 'User',
    name: 'alice',
    apiGroup: 'rbac.authorization.k8s.io',
  }),
  bind('alice binds herself to the role of the agent', 'hers', 'shop-deployer', {
    kind: 'User',
    name: 'alice',
    apiGroup: 'rbac.authorization.k8s.io',
  }),
  bind('alice gives the agent’s account another role', 'hers', 'view', {
    kind: 'ServiceAccount',
    name: 'deployer',
    namespace: 'ci',
  }),
  {
    row: 22,
    title: 'alice adds herself to the declared binding of the agent',
    expect: 'webhook',
    run: (stage) =>
      stage.refused('alice', ['set', 'subject', 'clusterrolebinding', 'shop-deployer', '--user=alice']),
  },
  {
    row: 22,
    title: 'the same past the webhook: she is out again',
    expect: 'watcher',
    run: (stage) =>
      stage.pastAdmission(
        () =>
          stage.kubectl('alice', ['set', 'subject', 'clusterrolebinding', 'shop-deployer', '--user=alice']),
        async () => (await stage.raw('admin', 'GET', paths.deployer)).body?.subjects?.length === 1,
      ),
  },
  {
    row: 22,
    title: 'alice labels a role of hers so that a declared role takes up its rules',
    expect: 'webhook',
    run: (stage) =>
      stage.refusedRaw('alice', [
        'POST',
        '/apis/rbac.authorization.k8s.io/v1/clusterroles',
        {
          metadata: { name: 'hers', labels: { 'shop.example/aggregate-to-auditor': 'true' } },
          rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
        },
      ]),
  },
  csr(
    'alice asks for a certificate of system:kube-controller-manager',
    'kcm',
    '/CN=system:kube-controller-manager',
  ),
  csr('alice asks for a certificate of the agent', 'agent', `/CN=${AGENT}`),
  csr(
    'alice asks for a certificate of the guard',
    'guard',
    '/CN=system:serviceaccount:gitops-guard:gitops-guard',
  ),
  csr('alice asks for a certificate of a node', 'node', '/O=system:nodes/CN=system:node:node-1'),
  csr('alice asks for two names at once', 'two', `/CN=alice/CN=${AGENT}`),
  {
    row: 41,
    title: 'alice approves a request in the name of the agent that was there before',
    expect: 'webhook',
    run: async (stage) => {
      const object = signingRequest(stage, 'earlier', `/CN=${AGENT}`, 'kubernetes.io/kube-apiserver-client')
      const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
      // As it would be from before the guard: made while the webhook was away.
      for (let tries = 0; tries < 200; tries++) {
        await stage.raw(
          'admin',
          'DELETE',
          '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/gitops-guard',
        )
        await stage.raw(
          'admin',
          'DELETE',
          '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/gitops-guard',
        )
        if ((await stage.raw('alice', 'POST', path, object)).status === 201) break
      }
      await stage.policiesInForce()
      await stage.webhookInForce()
      return stage.refused('alice', ['certificate', 'approve', 'earlier'])
    },
  },
]
