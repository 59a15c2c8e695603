/** A Kubernetes object, as far as it is looked at. */
interface Kube {
  metadata: {
    annotations?: Record<string, string>
    managedFields?: { manager: string; operation: string; subresource?: string; time?: string }[]
  }
  [key: string]: unknown
}

/** Of the deployment controller: it counts rollouts. */
const REVISION = 'deployment.kubernetes.io/revision'

/** An object less what changes with every write and every rollout: versions, generations, status, times in managedFields. */
export function comparable(object: Kube): object {
  const entries = (object.metadata.managedFields ?? [])
    .filter(({ subresource, manager }) => subresource !== 'status' && manager !== 'kube-controller-manager')
    .map((entry) => ({ ...entry, time: undefined }))
    .toSorted((a, b) => `${a.manager} ${a.operation}`.localeCompare(`${b.manager} ${b.operation}`))
  const annotations = { ...object.metadata.annotations, [REVISION]: undefined }
  const passing = { resourceVersion: undefined, generation: undefined, annotations }
  return JSON.parse(
    JSON.stringify({
      ...object,
      status: undefined,
      metadata: { ...object.metadata, ...passing, managedFields: entries },
    }),
  ) as object
}
