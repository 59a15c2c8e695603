/** Manifests that many cases start from. */

/** A Deployment whose Pod has what people write in one. */
export const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: { app: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      initContainers:
        - { name: migrate, image: "shop/migrate:1" }
        - { name: warm, image: "shop/warm:1" }
      containers:
        - name: app
          image: shop/web:1.0
          args: ["--a", "--b"]
          env:
            - { name: BASE, value: /srv }
            - { name: DATA, value: "$(BASE)/data" }
            - { name: LOG, value: info }
          ports:
            - { name: http, containerPort: 8080 }
            - { name: dns, containerPort: 53, protocol: UDP }
            - { name: dns-tcp, containerPort: 53, protocol: TCP }
          resources:
            requests: { cpu: 500m, memory: 64Mi }
            limits: { cpu: "1", memory: 128Mi }
          readinessProbe: { httpGet: { path: /ready, port: http } }
          volumeMounts: [{ name: config, mountPath: /etc/config }]
      tolerations: [{ key: spot, operator: Exists, effect: NoSchedule }]
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app: web } } }
      volumes: [{ name: config, configMap: { name: web } }]
`

export const configMap = `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: "1"
  b: "2"
`

export const service = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: { app: web }
  ports:
    - { name: http, port: 80, targetPort: 8080 }
`

/** A Pod template of one container, with more of its spec. */
export function workload(kind: string, spec: string, more = ''): string {
  return `apiVersion: apps/v1
kind: ${kind}
metadata: { name: db }
spec:
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec:
      containers: [{ name: db, image: "db:1" }]
${more}
${spec}`
}
