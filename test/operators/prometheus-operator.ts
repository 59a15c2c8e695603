import { freePort } from '../control-plane/free-port.ts'
import { operatorProgram } from './operators.ts'
import { operatorFiles, type RealOperator } from './real-operator.ts'

const NAME = 'prometheus-operator'
const NAMESPACE = 'monitoring'
const FILES = ['cluster-role', 'cluster-role-binding', 'service-account', 'service', 'deployment']

/** The Prometheus Operator as its repository installs it, in the namespace of kube-prometheus, with the gate that uses finalizers. */
export const prometheusOperator: RealOperator = {
  name: NAME,
  program: () => operatorProgram(NAME),
  preset: NAME,
  namespace: NAMESPACE,
  manifests: async () => {
    const files = FILES.map((file) => `prometheus-operator-${file}.yaml`)
    const [crds, own] = await Promise.all([
      operatorFiles(NAME, 'example/prometheus-operator-crd'),
      operatorFiles(NAME, 'example/rbac/prometheus-operator', files),
    ])
    const moved = own.map((text) => text.replaceAll('namespace: default', `namespace: ${NAMESPACE}`))
    return { 'crds.yaml': crds.join('\n---\n'), 'prometheus-operator.yaml': moved.join('\n---\n') }
  },
  processes: [
    {
      account: NAME,
      command: async (kubeconfig) => ({
        env: [`KUBECONFIG=${kubeconfig}`],
        args: [
          `--web.listen-address=127.0.0.1:${await freePort()}`,
          '--feature-gates=StatusForConfigurationResources=true',
        ],
      }),
    },
  ],
}
