import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { StagedSource } from './stage.ts'

/** Manifests that a project publishes, as its Go module has them: nothing of them is kept here. */
interface Published {
  name: string
  module: string
  version: string
  /** A Go module of this repository that pins it, where the checksum database does not know it. */
  within?: string
  files: readonly string[]
  /** Where its instructions say to install it. */
  namespace: string
}

/**
 * Characters. The API server takes seconds to check a larger definition, three times for each comparison. All of them were
 * tried once: PUBLISHED_ALL=1 does it again.
 */
const LARGEST = process.env['PUBLISHED_ALL'] === '1' ? Infinity : 80_000

const PUBLISHED: readonly Published[] = [
  {
    name: 'argo-cd',
    module: 'github.com/argoproj/argo-cd/v3',
    version: 'v3.1.0',
    files: ['manifests/install.yaml'],
    namespace: 'argocd',
  },
  {
    name: 'argo-rollouts',
    module: 'github.com/argoproj/argo-rollouts',
    version: 'v1.8.3',
    files: ['manifests/install.yaml', 'manifests/notifications-install.yaml'],
    namespace: 'argo-rollouts',
  },
  {
    name: 'prometheus-operator',
    module: 'github.com/prometheus-operator/prometheus-operator',
    version: 'v0.84.0',
    files: ['bundle.yaml', 'example/rbac/**/*.yaml', 'example/user-guides/**/*.yaml'],
    namespace: 'monitoring',
  },
  {
    name: 'contour',
    module: 'github.com/projectcontour/contour',
    version: 'v1.32.0',
    files: ['examples/render/contour.yaml'],
    namespace: 'projectcontour',
  },
  {
    name: 'traefik',
    module: 'github.com/traefik/traefik/v3',
    version: 'v3.5.0',
    files: ['docs/content/reference/dynamic-configuration/kubernetes-*.yml'],
    namespace: 'traefik',
  },
  {
    name: 'kyverno',
    module: 'github.com/kyverno/kyverno',
    version: 'v1.14.4',
    files: ['config/install-latest-testing.yaml'],
    namespace: 'kyverno',
  },
  {
    name: 'flagger',
    module: 'github.com/fluxcd/flagger',
    version: 'v1.41.0',
    files: ['artifacts/flagger/*.yaml'],
    namespace: 'flagger-system',
  },
  {
    name: 'flux-kustomize',
    module: 'github.com/fluxcd/kustomize-controller',
    version: '',
    within: 'test/agents/build/kustomize-controller',
    files: ['config/crd/bases/*.yaml', 'config/manager/deployment.yaml', 'config/samples/*.yaml'],
    namespace: 'flux-system',
  },
  {
    name: 'external-dns',
    module: 'sigs.k8s.io/external-dns',
    version: 'v0.18.0',
    files: ['kustomize/*.yaml', 'docs/contributing/crd-source/*.yaml'],
    namespace: 'external-dns',
  },
  {
    name: 'external-secrets',
    module: 'github.com/external-secrets/external-secrets',
    version: 'v0.19.2',
    files: ['config/crds/bases/*.yaml'],
    namespace: 'external-secrets',
  },
  {
    name: 'metallb',
    module: 'go.universe.tf/metallb',
    version: 'v0.15.2',
    files: ['config/manifests/metallb-native.yaml'],
    namespace: 'metallb-system',
  },
  {
    name: 'keda',
    module: 'github.com/kedacore/keda/v2',
    version: 'v2.17.2',
    files: [
      'config/crd/bases/*.yaml',
      'config/rbac/role*.yaml',
      'config/manager/manager.yaml',
      'config/samples/*.yaml',
    ],
    namespace: 'keda',
  },
  {
    name: 'tekton',
    module: 'github.com/tektoncd/pipeline',
    version: 'v1.3.0',
    files: ['config/*.yaml', 'config/300-crds/*.yaml'],
    namespace: 'tekton-pipelines',
  },
  {
    name: 'knative',
    module: 'knative.dev/serving',
    version: 'v0.46.0',
    files: ['config/core/*.yaml', 'config/core/*/*.yaml'],
    namespace: 'knative-serving',
  },
  {
    name: 'gateway-api',
    module: 'sigs.k8s.io/gateway-api',
    version: 'v1.3.0',
    files: ['config/crd/standard/*.yaml'],
    namespace: 'gateway',
  },
]

/** Those that can be had here, and why others cannot. */
export async function publishedSources(): Promise<{ sources: StagedSource[]; missing: string[] }> {
  const sources: StagedSource[] = []
  const missing: string[] = []
  for (const one of PUBLISHED) {
    try {
      sources.push(await sourceOf(one))
    } catch (error) {
      missing.push(`${one.name}: ${(error as Error).message.split('\n')[0]}`)
    }
  }
  return { sources, missing }
}

async function sourceOf({
  name,
  module,
  version,
  within,
  files,
  namespace,
}: Published): Promise<StagedSource> {
  const directory = await moduleDirectory(within === undefined ? `${module}@${version}` : module, within)
  const paths = globSync([...files], { cwd: directory, exclude: ['**/kustomization.yaml'] }).toSorted()
  if (paths.length === 0) throw new Error(`${module}@${version} has no ${files.join(', ')}`)
  const texts = await Promise.all(paths.map((path) => readFile(join(directory, path), 'utf8')))
  const documents = texts.join('\n---\n').split(/^---.*$/m)
  const kept = documents.filter(
    (text) => text.length < LARGEST || !text.includes('kind: CustomResourceDefinition'),
  )
  return { name, namespace, yaml: kept.join('\n---\n') }
}

/** Where Go has the module's files, fetched on first use. */
async function moduleDirectory(module: string, within: string | undefined): Promise<string> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], {
    cwd: within === undefined ? '/' : new URL(`../../${within}`, import.meta.url).pathname,
    timeout: 60_000,
  })
  const { Dir } = JSON.parse(stdout) as { Dir: string }
  return Dir
}
