import { stringify } from 'yaml'
import type { JsonObject } from '../model/json.ts'
import { webhookConfiguration, type ConfigurationFacts } from './configuration.ts'
import { guardingPolicies, type PolicyFacts } from './policies.ts'

/** A file to write, by its path below the directory. */
export interface StaticManifest {
  path: string
  text: string
}

/** What the manifests are made from. */
export interface StaticFacts {
  policies: PolicyFacts
  /** With a URL: static webhooks know no Services. Absent: policies only. */
  webhook?: ConfigurationFacts
  /** Where the directory will be on the machines of the API servers, absolute. */
  directory: string
  /** Kubeconfig file by which webhooks are called there, absolute: required in a webhook's configuration. */
  kubeConfigFile?: string
}

const SUFFIX = '.static.k8s.io'

/**
 * Admission from files (Kubernetes 1.36, alpha, feature gate ManifestBasedAdmissionControlConfig): what these say cannot
 * be seen or removed through the API. The files, and the AdmissionConfiguration for `--admission-control-config-file`,
 * whose name is `admission-configuration.yaml`. Each plugin has a folder of its own: it refuses kinds of others.
 */
export function staticManifests(facts: StaticFacts): StaticManifest[] {
  const { directory, webhook, kubeConfigFile } = facts
  const policies = [...guardingPolicies(facts.policies), ...guardedPolicies(facts.policies)].map(makeStatic)
  const plugins = [
    {
      name: 'ValidatingAdmissionPolicy',
      configuration: {
        apiVersion: 'apiserver.config.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyConfiguration',
        staticManifestsDir: `${directory}/policies`,
      },
    },
    ...(webhook === undefined
      ? []
      : [
          {
            name: 'ValidatingAdmissionWebhook',
            configuration: {
              apiVersion: 'apiserver.config.k8s.io/v1',
              kind: 'WebhookAdmissionConfiguration',
              kubeConfigFile: kubeConfigFile ?? '',
              staticManifestsDir: `${directory}/webhooks`,
            },
          },
        ]),
  ]
  const configuration = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins }
  return [
    { path: 'admission-configuration.yaml', text: stringify(configuration, { lineWidth: 0 }) },
    { path: 'policies/gitops-guard.yaml', text: documents(policies) },
    ...(webhook === undefined
      ? []
      : [
          {
            path: 'webhooks/gitops-guard.yaml',
            text: documents([makeStatic(webhookConfiguration(webhook))]),
          },
        ]),
  ]
}

/** What only a static policy can: keep the policies and bindings that are in the API. */
function guardedPolicies(facts: PolicyFacts): JsonObject[] {
  const [policy, binding] = guardingPolicies(facts)
  const spec = policy!.spec as JsonObject
  const constraints = spec.matchConstraints as JsonObject
  const name = `${facts.policy.guard.name}-policies`
  return [
    {
      ...policy!,
      metadata: { name },
      spec: {
        ...spec,
        matchConstraints: {
          ...constraints,
          resourceRules: [
            {
              apiGroups: ['admissionregistration.k8s.io'],
              apiVersions: ['*'],
              operations: ['CREATE', 'UPDATE', 'DELETE'],
              resources: ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
              scope: '*',
            },
          ],
        },
      },
    },
    { ...binding!, metadata: { name }, spec: { policyName: name, validationActions: ['Deny'] } },
  ]
}

function makeStatic(object: JsonObject): JsonObject {
  const metadata = object.metadata as JsonObject
  const spec = object.spec as JsonObject | undefined
  return {
    ...object,
    metadata: { ...metadata, name: `${String(metadata.name)}${SUFFIX}` },
    ...(typeof spec?.policyName === 'string'
      ? { spec: { ...spec, policyName: `${spec.policyName}${SUFFIX}` } }
      : {}),
  }
}

function documents(objects: readonly JsonObject[]): string {
  return objects
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n')
}
