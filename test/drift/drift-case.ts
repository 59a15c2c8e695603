import type { Status } from '../../src/commands/diff.ts'
import type { Json, KubeObject } from '../../src/model/json.ts'
import { cloneJson, fieldOf, isObject } from '../../src/object/json.ts'
import { messageOf, type Stage } from './stage.ts'

/** What somebody who changes a live object has at hand. */
export interface Tools {
  stage: Stage
  namespace: string
  /** The first manifest of the case. */
  object: KubeObject
  path: string
}

export type Change = (tools: Tools) => Promise<unknown>

/** One case: what Git says, how the agent brings it in, what happens then, what the guard is to find. */
export interface DriftCase {
  /** Of the list of what is drift and what is not. */
  row: number
  name: string
  /** Manifests in YAML. `$NS` stands for the case's own namespace, which is also that of manifests that name none. */
  git: string
  /** Created first, not in Git. */
  setup?: string
  /** Default: server-side apply of the text as it stands. A text is applied in its stead. */
  agent?: 'client-side' | 'create' | 'none' | { text: string }
  /** Before anybody changes anything. Default: all is in sync. */
  first?: Status
  /** Once the agent is done. */
  live?: Change
  /** What the first manifest's object differs in then: `replace /spec/replicas`. */
  drift?: readonly string[]
  /** Default: modified where `drift` says so, else in sync. */
  status?: Status
  /** Of the rows that are not the first manifest's; default: all in sync. */
  others?: readonly Status[]
  undeclared?: 'warn' | 'deny'
  /** Of the case's namespace. */
  labels?: { [key: string]: string }
}

const patch =
  (type: string) =>
  (body: Json, subresource = ''): Change =>
  ({ stage, path }) =>
    stage.must('PATCH', path + subresource, body, type)

/** What `kubectl patch` does, as an administrator. */
export const merge = patch('application/merge-patch+json')
export const strategic = patch('application/strategic-merge-patch+json')
export const json = patch('application/json-patch+json')

export const remove: Change = ({ stage, path }) => stage.must('DELETE', path)

/** What `kubectl edit` does. */
export const edit =
  (how: (object: KubeObject) => void, query = ''): Change =>
  async ({ stage, path }) => {
    for (let attempt = 0; ; attempt++) {
      const object = cloneJson(await stage.must('GET', path))
      how(object)
      const answer = await stage.send('PUT', path + query, object)
      if (answer.status < 300) return
      if (answer.status !== 409 || attempt > 5) throw new Error(`PUT ${path}: ${messageOf(answer)}`)
    }
  }

/** Deletes the object and creates it as it is in Git, with something done to it. */
export const recreate =
  (how: (object: KubeObject) => void): Change =>
  async ({ stage, path, object }) => {
    await stage.must('DELETE', `${path}?gracePeriodSeconds=0&propagationPolicy=Background`)
    const copy = cloneJson(object)
    how(copy)
    for (let attempt = 0; ; attempt++) {
      const answer = await stage.send('POST', stage.collection(copy), copy)
      if (answer.status < 300) return
      if (answer.status !== 409 || attempt > 50) throw new Error(`create ${path}: ${messageOf(answer)}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

export const kubectl =
  (...args: string[]): Change =>
  ({ stage, namespace }) =>
    stage.kubectl(['-n', namespace, ...args])

/** Creates something that is in no source. */
export const create =
  (yaml: string): Change =>
  async ({ stage, namespace }) => {
    for (const { manifest } of stage.documents({
      name: 'extra',
      namespace,
      yaml: yaml.replaceAll('$NS', namespace),
    }))
      await stage.must('POST', stage.collection(manifest.object), manifest.object)
  }

export const all =
  (...changes: Change[]): Change =>
  async (tools) => {
    for (const change of changes) await change(tools)
  }

/** Waits until the live object is as it should be. */
export const until =
  (is: (object: KubeObject) => boolean): Change =>
  async ({ stage, path }) => {
    const end = Date.now() + 20_000
    for (;;) {
      if (is(await stage.must('GET', path))) return
      if (Date.now() > end) throw new Error(`${path} did not become as expected`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

/** The value at a path of keys and numbers. */
export function at(value: Json, ...path: (string | number)[]): Json | undefined {
  let current: Json | undefined = value
  for (const step of path) {
    if (typeof step === 'number') current = Array.isArray(current) ? current[step] : undefined
    else current = isObject(current) ? fieldOf(current, step) : undefined
  }
  return current
}
