import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import type { Json, KubeObject } from '../model/json.ts'
import { isObject } from '../object/json.ts'
import { packageRoot } from './package-root.ts'

/** Where `deploy/` lies: beside `src/` and `dist/`, in the image too. */
export const DEPLOY = join(packageRoot(), 'deploy')

/** The objects of the kustomization in `deploy/`, in the order of application. Throws for a file that is not as kustomize wants it. */
export function readDeployManifests(directory: string = DEPLOY): KubeObject[] {
  const kustomization = parse(readFileSync(join(directory, 'kustomization.yaml'), 'utf8')) as Json
  const resources = isObject(kustomization) ? kustomization.resources : undefined
  if (!Array.isArray(resources)) throw new Error(`${directory}kustomization.yaml lists no resources`)
  return resources.flatMap((file) => readManifests(join(directory, String(file))))
}

function readManifests(file: string): KubeObject[] {
  const documents = parseAllDocuments(readFileSync(file, 'utf8'))
  if (!Array.isArray(documents)) return []
  return documents.flatMap((document) => {
    if (document.errors[0]) throw new Error(`${file}: ${document.errors[0].message}`)
    const object = document.toJS() as Json
    if (object === null) return []
    if (!isKubeObject(object)) throw new Error(`${file} holds something that is no Kubernetes object`)
    return [object]
  })
}

function isKubeObject(value: Json): value is KubeObject {
  return (
    isObject(value) &&
    typeof value.apiVersion === 'string' &&
    typeof value.kind === 'string' &&
    isObject(value.metadata) &&
    typeof value.metadata.name === 'string'
  )
}
