/** The manifests of a small shop, as JSON, which is YAML. */

export function namespace(name: string): string {
  return manifest({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
}

export function configMap(
  name: string,
  data: Record<string, string>,
  { namespace = 'shop', labels = {} }: { namespace?: string; labels?: Record<string, string> } = {},
): string {
  return manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data })
}

/** @param env more environment variables of the one container. */
export function deployment(
  name: string,
  {
    image,
    env = {},
    labels = {},
  }: { image: string; env?: Record<string, string>; labels?: Record<string, string> },
  namespace = 'shop',
): string {
  const selector = { app: name }
  return manifest({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: { app: name, ...labels } },
    spec: {
      replicas: 1,
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: selector },
        spec: {
          containers: [
            {
              name: 'web',
              image,
              ports: [{ containerPort: 9898 }],
              env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
            },
          ],
        },
      },
    },
  })
}

export function service(name: string, namespace = 'shop'): string {
  const spec = { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 9898 }] }
  return manifest({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec })
}

function manifest(object: object): string {
  return `${JSON.stringify(object, undefined, 2)}\n`
}
