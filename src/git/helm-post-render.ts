/** Sends what Helm rendered through kustomizations, as Flux's post-renderers do, and keeps from which template each object came. */
import type { Json, JsonObject } from '../model/json.ts'
import { fieldOf, isObject, stringifyJson } from '../object/json.ts'
import { sourceOf } from './helm-origins.ts'
import { readRendered } from './rendered-documents.ts'
import { SandboxFolder } from './sandbox-folder.ts'
import { runInSandbox } from './sandbox.ts'

/** Says through a kustomization which template an object is of; taken out again. */
const TEMPLATE = 'gitops-guard.dev/template'
const OUTPUT = 'helm-output.yaml'

export interface PostRendering {
  /** Kustomize. */
  program: string
  kustomizations: readonly JsonObject[]
  /** Milliseconds. */
  timeout: number | undefined
  signal: AbortSignal | undefined
}

/**
 * @param output what `helm template` printed
 * @returns the same in the same form: CRDs of `crds/` first, which no post-renderer sees, and without hooks. The message says why where it failed.
 */
export async function postRender(
  output: string,
  { program, kustomizations, timeout, signal }: PostRendering,
): Promise<{ ok: true; stdout: string } | { ok: false; message: string }> {
  const crds: string[] = []
  let rendered: string[] = []
  let from = ''
  for (const { values, comment, error } of await readRendered(output)) {
    if (error !== undefined) return { ok: false, message: `what was rendered cannot be read: ${error}` }
    from = sourceOf(comment) ?? from
    for (const value of values) {
      if (from.includes('/crds/')) crds.push(printed(value, from))
      else
        for (const object of listed(value))
          if (!isHook(object)) rendered.push(`---\n${stringifyJson(marked(object, from))}\n`)
    }
  }
  for (const kustomization of kustomizations) {
    if (rendered.length === 0) break
    const folder = await SandboxFolder.make()
    try {
      await folder.write(OUTPUT, rendered.join(''))
      const whole = {
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        ...kustomization,
        resources: [OUTPUT],
      }
      await folder.write('kustomization.yaml', stringifyJson(whole))
      const args = (path: (file: string) => string) => ['build', path('repository')]
      const { ok, stdout, message } = await runInSandbox({
        program,
        folder: folder.path,
        args,
        timeout,
        signal,
      })
      if (!ok) return { ok: false, message }
      rendered = [`---\n${stdout}`]
    } finally {
      await folder.remove()
    }
  }
  const finished: string[] = []
  for (const { values } of await readRendered(rendered.join(''))) {
    for (const value of values) {
      const { template, object } = unmarked(value)
      finished.push(printed(object, template))
    }
  }
  return { ok: true, stdout: [...crds, ...finished].join('') }
}

/** They come and go, and no difference of theirs counts. */
export function isHook(value: Json): boolean {
  return fieldOf(fieldOf(fieldOf(value, 'metadata'), 'annotations'), 'helm.sh/hook') !== undefined
}

function printed(value: Json, template: string): string {
  return `---\n# Source: ${template}\n${stringifyJson(value)}\n`
}

/** Kustomize takes Lists apart, and loses what is written on the List. */
function listed(value: Json): Json[] {
  const items = fieldOf(value, 'items')
  return Array.isArray(items) && fieldOf(value, 'kind') === 'List' ? items.flatMap(listed) : [value]
}

function marked(value: Json, template: string): Json {
  if (!isObject(value)) return value
  const metadata = fieldOf(value, 'metadata')
  const annotations = fieldOf(metadata, 'annotations')
  return {
    ...value,
    metadata: {
      ...(isObject(metadata) ? metadata : {}),
      annotations: { ...(isObject(annotations) ? annotations : {}), [TEMPLATE]: template },
    },
  }
}

function unmarked(value: Json): { template: string; object: Json } {
  const metadata = fieldOf(value, 'metadata')
  const annotations = fieldOf(metadata, 'annotations')
  if (!isObject(value) || !isObject(metadata) || !isObject(annotations))
    return { template: '', object: value }
  const { [TEMPLATE]: template, ...others } = annotations
  const about = { ...metadata, annotations: others }
  return {
    template: typeof template === 'string' ? template : '',
    object: { ...value, metadata: Object.keys(others).length === 0 ? without(about) : about },
  }
}

function without(metadata: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== 'annotations'))
}
