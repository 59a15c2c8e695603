/** The real cert-manager with its cainjector and its webhook: issues, renews, injects, and keeps what an Ingress asks for. */
import assert from 'node:assert/strict'
import type { Attempt } from './persistent-alice.ts'
import { certManager } from './cert-manager.ts'
import { namespace, tellDay } from './operator-day.ts'
import type { Stage } from './stage.ts'

const CERT_MANAGER = '/apis/cert-manager.io/v1'
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1'

tellDay({
  title: 'cert-manager under the guard',
  operator: certManager,
  proposes: ['cert-manager'],
  skip: 'cainjector of build/cert-manager does not inject a renewed authority; nothing was denied or repaired until there',
  work: async (stage, day) => {
    await issue(stage, day)
    await inject(stage, day)
    await renew(stage, day)
    await answerIngress(stage, day)
  },
  end,
  attempts: (day) => [
    patch(`${CERT_MANAGER}/namespaces/${day}/certificates/web`, { spec: { dnsNames: ['evil.example'] } }),
    patch(`${CERT_MANAGER}/namespaces/${day}/issuers/ca`, { spec: { ca: { secretName: 'evil' } } }),
    patch(`/api/v1/namespaces/${day}/secrets/declared-tls`, { data: { 'tls.crt': 'ZXZpbA==' } }),
    patch(`/api/v1/namespaces/${day}/secrets/declared-tls`, { data: { more: 'ZXZpbA==' } }),
    patch(`${REGISTRATION}/validatingwebhookconfigurations/${day}.example.com`, {
      metadata: { annotations: { 'cert-manager.io/inject-ca-from': 'evil/evil' } },
    }),
    patch(crdOf(day), { spec: { conversion: { webhook: { clientConfig: { caBundle: 'ZXZpbA==' } } } } }),
    patch(`/apis/networking.k8s.io/v1/namespaces/${day}/ingresses/web`, {
      metadata: { annotations: { 'cert-manager.io/issuer': 'evil' } },
    }),
    { method: 'DELETE', path: `${CERT_MANAGER}/namespaces/${day}/certificates/web` },
  ],
})

function patch(path: string, body: object): Attempt {
  return { path, body }
}

const crdOf = (day: string) =>
  `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${day}.example.com`

/** A certificate authority of a SelfSigned issuer, an issuer of that, and certificates of it: one in a Secret that Git holds. */
async function issue(stage: Stage, day: string): Promise<void> {
  await stage.roll('A certificate authority', {
    [`${day}/0-namespace.yaml`]: [namespace(day)],
    [`${day}/authority.yaml`]: [
      issuer(day, 'self', { selfSigned: {} }),
      certificate(day, 'authority', { isCA: true, commonName: day, issuerRef: { name: 'self' } }),
      issuer(day, 'ca', { ca: { secretName: 'authority-tls' } }),
    ],
    [`${day}/certificates.yaml`]: [
      certificate(day, 'web', { dnsNames: ['web.example'] }),
      certificate(day, 'declared', {
        dnsNames: ['declared.example'],
        subject: { organizations: ['Shop'] },
        ipAddresses: ['10.0.0.1'],
        additionalOutputFormats: [{ type: 'CombinedPEM' }, { type: 'DER' }],
      }),
    ],
    // Its label is the team's; what is in it is cert-manager's.
    [`${day}/secret.yaml`]: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'declared-tls', namespace: day, labels: { team: 'shop' } },
        type: 'Opaque',
      },
    ],
  })
  for (const name of ['authority', 'web', 'declared']) await ready(stage, day, name)
  await stage.becomes(
    'the declared Secret is filled',
    `/api/v1/namespaces/${day}/secrets/declared-tls`,
    (secret) =>
      ['tls.crt', 'tls.key', 'ca.crt', 'tls-combined.pem', 'key.der'].every((key) => secret.data?.[key]),
  )
}

/** cainjector fills webhooks, a conversion and an API service, from a Certificate and from a Secret. */
async function inject(stage: Stage, day: string): Promise<void> {
  const from = { 'cert-manager.io/inject-ca-from': `${day}/authority` }
  const clientConfig = { service: { name: 'web', namespace: day, path: '/' } }
  const rules = [
    {
      apiGroups: [`${day}.example.com`],
      apiVersions: ['v1'],
      operations: ['CREATE'],
      resources: ['widgets'],
    },
  ]
  const webhook = (name: string) => ({
    name: `${name}.${day}.example.com`,
    clientConfig,
    rules,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Ignore',
  })
  const metadata = { name: `${day}.example.com`, annotations: from }
  await stage.roll('Webhooks', {
    [`${day}/webhooks.yaml`]: [
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingWebhookConfiguration',
        metadata,
        webhooks: [webhook('one'), webhook('two')],
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingWebhookConfiguration',
        metadata: {
          ...metadata,
          annotations: { 'cert-manager.io/inject-ca-from-secret': `${day}/authority-ca` },
        },
        webhooks: [webhook('one')],
      },
      definition(day, { clientConfig, conversionReviewVersions: ['v1'] }, from),
    ],
    [`${day}/authority-ca.yaml`]: [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 'authority-ca',
          namespace: day,
          annotations: { 'cert-manager.io/allow-direct-injection': 'true' },
        },
        stringData: { 'ca.crt': await authorityOf(stage, day) },
      },
    ],
  })
  for (const kind of ['validating', 'mutating'])
    await stage.becomes(
      `the ${kind} webhook is filled`,
      `${REGISTRATION}/${kind}webhookconfigurations/${day}.example.com`,
      ({ webhooks }) =>
        webhooks.every((one: { clientConfig: { caBundle?: string } }) => one.clientConfig.caBundle),
    )
  await stage.becomes('the conversion is filled', crdOf(day), (crd) =>
    Boolean(crd.spec.conversion.webhook.clientConfig.caBundle),
  )
}

/** As `cmctl renew` does it, and by a name more in Git; then the authority itself, which goes round to all that trust it. */
async function renew(stage: Stage, day: string): Promise<void> {
  for (const name of ['web', 'authority']) {
    const path = `${CERT_MANAGER}/namespaces/${day}/certificates/${name}`
    const { body } = await stage.get(path)
    const revision = Number(body.status.revision)
    const conditions = [
      ...body.status.conditions,
      {
        type: 'Issuing',
        status: 'True',
        reason: 'ManuallyTriggered',
        message: 'Renewed by hand',
        lastTransitionTime: new Date().toISOString(),
      },
    ]
    const answer = await stage.plane.api(
      'PATCH',
      `${path}/status`,
      { status: { conditions } },
      'application/merge-patch+json',
    )
    assert.equal(answer.status, 200)
    await stage.becomes(`${name} is renewed`, path, ({ status }) => Number(status.revision) > revision)
  }
  const fresh = Buffer.from(await authorityOf(stage, day)).toString('base64')
  await stage.becomes(
    'the new authority is injected',
    `${REGISTRATION}/validatingwebhookconfigurations/${day}.example.com`,
    ({ webhooks }) => webhooks[0].clientConfig.caBundle === fresh,
  )
  await stage.roll('Another name', {
    [`${day}/certificates.yaml`]: [
      certificate(day, 'web', {
        dnsNames: ['web.example', 'shop.example'],
        secretTemplate: { labels: { team: 'shop' } },
      }),
      certificate(day, 'declared', { dnsNames: ['shop.example'] }),
    ],
  })
  const alt = (name: string, names: string) =>
    stage.becomes(
      `${name} bears ${names}`,
      `/api/v1/namespaces/${day}/secrets/${name}-tls`,
      ({ metadata }) => metadata.annotations['cert-manager.io/alt-names'] === names,
    )
  await alt('web', 'shop.example,web.example')
  await alt('declared', 'shop.example')
}

async function answerIngress(stage: Stage, day: string): Promise<void> {
  const ingress = (host: string) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web', namespace: day, annotations: { 'cert-manager.io/issuer': 'ca' } },
    spec: {
      tls: [{ hosts: [host], secretName: 'ingress-tls' }],
      rules: [{ host }],
      defaultBackend: { service: { name: 'web', port: { number: 80 } } },
    },
  })
  for (const host of ['in.example', 'out.example']) {
    await stage.roll(`An Ingress for ${host}`, { [`${day}/ingress.yaml`]: [ingress(host)] })
    await stage.becomes(
      `there is a certificate for ${host}`,
      `/api/v1/namespaces/${day}/secrets/ingress-tls`,
      ({ metadata }) => metadata.annotations['cert-manager.io/alt-names'] === host,
    )
  }
}

/** Git drops the Ingress: its certificate goes with it. */
async function end(stage: Stage, day: string): Promise<void> {
  await stage.roll('No Ingress', { [`${day}/ingress.yaml`]: undefined })
  await stage.vanishes(`${CERT_MANAGER}/namespaces/${day}/certificates/ingress-tls`)
}

async function ready(stage: Stage, day: string, name: string): Promise<void> {
  await stage.becomes(
    `certificate ${name} is ready`,
    `${CERT_MANAGER}/namespaces/${day}/certificates/${name}`,
    ({ status }) =>
      status?.conditions?.some(
        (condition: { type: string; status: string }) =>
          condition.type === 'Ready' && condition.status === 'True',
      ),
  )
}

async function authorityOf(stage: Stage, day: string): Promise<string> {
  const { body } = await stage.get(`/api/v1/namespaces/${day}/secrets/authority-tls`)
  return Buffer.from(body.data['ca.crt'], 'base64').toString()
}

function issuer(namespace: string, name: string, spec: object): object {
  return { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata: { name, namespace }, spec }
}

function certificate(namespace: string, name: string, spec: object): object {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name, namespace },
    spec: {
      secretName: `${name}-tls`,
      issuerRef: { name: 'ca' },
      duration: '1h0m0s',
      renewBefore: '5m0s',
      ...spec,
    },
  }
}

function definition(day: string, webhook: object, annotations: Record<string, string>): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${day}.example.com`, annotations },
    spec: {
      group: `${day}.example.com`,
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
      conversion: { strategy: 'Webhook', webhook },
    },
  }
}
