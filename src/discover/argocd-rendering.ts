/** How Argo CD renders one source of an Application (reposerver/repository, util/kustomize, util/helm). */
import type { Json, JsonObject, KubeObject } from '../model/json.ts'
import { fieldOf, isObject, stringifyJson } from '../object/json.ts'
import type { KustomizationEdit } from '../git/kustomize-edit.ts'
import type { HelmSpec, SourceSpec } from '../git/source-spec.ts'
import type { ClusterFacts } from './discovered.ts'
import { at, entriesAt, filled, isTrue, listAt, objectAt, textAt, textsAt } from './reading.ts'

export interface AboutSource {
  application: KubeObject
  /** All sources of the Application. */
  all: readonly Json[]
  /** The Application's name. */
  name: string
  cluster?: ClusterFacts | undefined
}

type Rendering = Pick<SourceSpec, 'renderer' | 'kustomize' | 'helm' | 'directory' | 'refuses'>

/** Why it cannot be rendered, or how it is. */
export function renderingOf(source: Json, about: AboutSource): Rendering | string {
  if (at(source, 'plugin') !== undefined) return 'is rendered by a plugin, which is not run here'
  if (stringifyJson(source).includes('ARGOCD_APP_REVISION'))
    return 'puts the commit into what it renders ($ARGOCD_APP_REVISION), which is not done here'
  const refuses = ['.argocd-source.yaml', `.argocd-source-${about.name}.yaml`]
  const kustomize = objectAt(source, 'kustomize')
  const helm = objectAt(source, 'helm')
  const directory = objectAt(source, 'directory')
  if (kustomize !== undefined)
    return { renderer: 'kustomize', refuses, kustomize: { edit: kustomizationEdit(kustomize, about) } }
  const values = helmOf(helm ?? {}, source, about)
  if (typeof values === 'string') return values
  if (helm !== undefined) return { renderer: 'helm', refuses, helm: values }
  // What the folder is decides, unless a directory is what it is said to be.
  return {
    renderer: directory === undefined ? 'auto' : 'plain',
    refuses,
    helm: values,
    directory: {
      recurse: isTrue(directory, 'recurse'),
      include: textAt(directory, 'include'),
      exclude: textAt(directory, 'exclude'),
    },
  }
}

function kustomizationEdit(options: JsonObject, about: AboutSource): KustomizationEdit {
  const labels = objectAt(options, 'commonLabels')
  const annotations = objectAt(options, 'commonAnnotations')
  const replaced = (values: JsonObject | undefined, really: boolean): JsonObject =>
    Object.fromEntries(
      entriesAt(values ?? {}).map(([key, text]) => [key, really ? environment(text, about) : text]),
    )
  const withoutSelector = isTrue(options, 'labelWithoutSelector')
  const pairs = replaced(labels, true)
  const folders = textsAt(options, 'components')
  return {
    set: filled({
      namePrefix: textAt(options, 'namePrefix'),
      nameSuffix: textAt(options, 'nameSuffix'),
      namespace: textAt(options, 'namespace'),
    }),
    merge: {
      images: textsAt(options, 'images').map((text) => imageOf(environment(text, about))),
      replicas: listAt(options, 'replicas').map((replica) => ({
        name: textAt(replica, 'name'),
        count: Number(at(replica, 'count')),
      })),
    },
    assign: {
      ...(labels === undefined || withoutSelector ? {} : { commonLabels: pairs }),
      ...(annotations === undefined
        ? {}
        : { commonAnnotations: replaced(annotations, isTrue(options, 'commonAnnotationsEnvsubst')) }),
    },
    append: {
      patches: listAt(options, 'patches').map((patch) => (isObject(patch) ? patch : {})),
      ...(labels !== undefined && withoutSelector
        ? { labels: [{ pairs, includeTemplates: isTrue(options, 'labelIncludeTemplates') }] }
        : {}),
    },
    ...(folders.length === 0
      ? {}
      : { components: { folders, ignoreMissing: isTrue(options, 'ignoreMissingComponents') } }),
  }
}

/** `name`, `name=new`, each with `:tag` and `@digest`, as `kustomize edit set image` reads it. */
function imageOf(text: string): JsonObject {
  const equals = text.indexOf('=')
  const whole = equals < 0 ? text : text.slice(equals + 1)
  const [beforeDigest = '', digest = ''] = whole.split('@', 2)
  // A colon before a slash is a port's.
  const tagAt = beforeDigest.lastIndexOf(':')
  const hasTag = tagAt > beforeDigest.lastIndexOf('/')
  const image = hasTag ? beforeDigest.slice(0, tagAt) : beforeDigest
  const newTag = hasTag ? beforeDigest.slice(tagAt + 1) : ''
  const name = equals < 0 ? image : text.slice(0, equals)
  return filled({ name, newName: image === name ? '' : image, newTag, digest })
}

function helmOf(helm: JsonObject, source: Json, about: AboutSource): HelmSpec | string {
  if (listAt(helm, 'fileParameters').length > 0) return 'has fileParameters, which are not followed here'
  const values: string[] = []
  for (const file of textsAt(helm, 'valueFiles')) {
    const path = valuesPath(environment(file, about), source, about)
    if (typeof path !== 'string') return path.problem
    values.push(path)
  }
  const object = at(helm, 'valuesObject')
  const text =
    isObject(object) && Object.keys(object).length > 0 ? stringifyJson(object) : textAt(helm, 'values')
  const own = textsAt(helm, 'apiVersions')
  const kubeVersion = textAt(helm, 'kubeVersion') || about.cluster?.kubeVersion
  const parameters = (strings: boolean) =>
    listAt(helm, 'parameters')
      .filter((one) => isTrue(one, 'forceString') === strings)
      .map((one) => [textAt(one, 'name'), environment(textAt(one, 'value'), about)] as const)
  return {
    release: textAt(helm, 'releaseName') || about.name,
    values,
    ignoreMissing: isTrue(helm, 'ignoreMissingValueFiles'),
    texts: text === '' ? [] : [text],
    set: parameters(false),
    setString: parameters(true),
    skipCrds: isTrue(helm, 'skipCrds'),
    ...(kubeVersion === undefined ? {} : { kubeVersion }),
    apiVersions: own.length > 0 ? own : (about.cluster?.apiVersions ?? []),
  }
}

/** `$name/path` is a file of the source that bears the name: of this repository and revision only, as one commit is read here. */
function valuesPath(file: string, source: Json, { all }: AboutSource): string | { problem: string } {
  const [, name, path = ''] = /^\$([^/]+)\/(.*)$/.exec(file) ?? []
  if (name === undefined) return file
  const other = all.find((one) => textAt(one, 'ref') === name)
  if (other === undefined) return { problem: `takes values from $${name}, which is no source of it` }
  const same = (field: string) => textAt(other, field) === textAt(source, field)
  if (!same('repoURL') || !same('targetRevision'))
    return {
      problem: `takes values from $${name}, another repository or revision: one is read here for each source`,
    }
  return `/${path}`
}

/** Argo CD's build environment, as far as it does not change with the commit. */
function environment(text: string, { application }: AboutSource): string {
  const { spec } = application
  const source = at(spec, 'source')
  const known: { readonly [name: string]: string } = {
    ARGOCD_APP_NAME: textAt(application.metadata, 'name'),
    ARGOCD_APP_NAMESPACE: textAt(spec, 'destination', 'namespace'),
    ARGOCD_APP_PROJECT_NAME: textAt(spec, 'project'),
    ARGOCD_APP_SOURCE_REPO_URL: textAt(source, 'repoURL'),
    ARGOCD_APP_SOURCE_PATH: textAt(source, 'path'),
    ARGOCD_APP_SOURCE_TARGET_REVISION: textAt(source, 'targetRevision'),
  }
  return text.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, braced: string | undefined, bare: string | undefined) => {
      const name = braced ?? bare ?? ''
      return Object.hasOwn(known, name) ? String(fieldOf(known as JsonObject, name)) : whole
    },
  )
}
