import { freePort } from '../control-plane/free-port.ts'
import { filesOf, type RealOperator } from '../operators/real-operator.ts'
import { agentProgram } from './agents.ts'

const NAME = 'flagger'
const NAMESPACE = 'flagger-system'

/** Flagger as its kustomization installs it, for canaries without a mesh: `provider: kubernetes`. */
export const flagger: RealOperator = {
  name: NAME,
  program: () => agentProgram(NAME),
  preset: NAME,
  namespace: NAMESPACE,
  manifests: async () => {
    const [crd, account, rbac, deployment] = await filesOf(agentProgram(NAME), 'kustomize/base/flagger', [
      'crd.yaml',
      'account.yaml',
      'rbac.yaml',
      'deployment.yaml',
    ])
    const placed = deployment!.replace(/^metadata:\n/m, `metadata:\n  namespace: ${NAMESPACE}\n`)
    return { 'crds.yaml': crd!, 'flagger.yaml': [account, rbac, placed].join('\n---\n') }
  },
  processes: [
    {
      account: NAME,
      command: async (kubeconfig) => ({
        args: [
          `-kubeconfig=${kubeconfig}`,
          '-mesh-provider=kubernetes',
          '-control-loop-interval=1s',
          '-log-level=info',
          `-port=${await freePort()}`,
          // Nobody is there: canaries that name no metrics need none.
          '-metrics-server=http://127.0.0.1:1',
        ],
      }),
    },
  ],
}
