import { freePort } from '../control-plane/free-port.ts'
import { operatorProgram } from './operators.ts'
import { operatorFiles, type RealOperator } from './real-operator.ts'

const NAME = 'argo-rollouts'
const BASE = ['sa', 'deployment', 'metrics-service', 'notification-secret', 'config']

/** Argo Rollouts as its cluster-wide installation has it. */
export const argoRollouts: RealOperator = {
  name: NAME,
  program: () => operatorProgram(NAME),
  preset: NAME,
  namespace: NAME,
  manifests: async () => {
    const file = (name: string) => `argo-rollouts-${name}.yaml`
    const crds = ['rollout', 'analysis-run', 'analysis-template', 'cluster-analysis-template', 'experiment']
    const [definitions, base, aggregate, role, binding] = await Promise.all([
      operatorFiles(
        NAME,
        'manifests/crds',
        crds.map((name) => `${name}-crd.yaml`),
      ),
      operatorFiles(NAME, 'manifests/base', BASE.map(file)),
      operatorFiles(NAME, 'manifests/base', [file('aggregate-roles')]),
      operatorFiles(NAME, 'manifests/role', [file('clusterrole')]),
      operatorFiles(NAME, 'manifests/cluster-install', [file('clusterrolebinding')]),
    ])
    const placed = base.map((text) => text.replaceAll(/^metadata:\n/gm, `metadata:\n  namespace: ${NAME}\n`))
    return {
      'crds.yaml': definitions.join('\n---\n'),
      'argo-rollouts.yaml': [...placed, ...aggregate, ...role, ...binding].join('\n---\n'),
    }
  },
  processes: [
    {
      account: NAME,
      command: async (kubeconfig) => ({
        args: [
          `--kubeconfig=${kubeconfig}`,
          `--namespace=${NAME}`,
          `--metricsPort=${await freePort()}`,
          `--healthzPort=${await freePort()}`,
        ],
      }),
    },
  ],
}
