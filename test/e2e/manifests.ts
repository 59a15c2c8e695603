/** Manifests of the tests, as text: what a person would write into Git. */

export function namespace(name: string): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${name}\n`
}

export function configMap(name: string, data: Record<string, string> = { key: 'x' }): string {
  const lines = Object.entries(data).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n${lines.join('')}`
}

export function deployment(name: string, { image = 'web:1', replicas = 2 } = {}): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${replicas}
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      containers:
        - name: app
          image: ${image}
`
}

export function autoscaler(name: string): string {
  return `apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: ${name}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: ${name}
  minReplicas: 2
  maxReplicas: 5
`
}

/** The same manifest with its namespace written out, as the agent applies it. */
export function inNamespace(namespace: string, manifest: string): string {
  return manifest.replace(/^metadata:\n {2}name: (.*)$/m, `metadata:\n  name: $1\n  namespace: ${namespace}`)
}
