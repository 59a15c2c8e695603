import { parse } from 'yaml'
import type { Json } from '../model/json.ts'
import { isObject } from '../object/json.ts'

/** Where the Deployment mounts the Secret `gitops-guard-files`. */
export const FILES = '/var/run/secrets/gitops-guard'

/** What a configuration wants from outside the file: names only. */
export interface WantedSecrets {
  /** Environment variables: keys of the Secret `gitops-guard-env`. */
  env: string[]
  /** Paths as written. */
  files: string[]
}

/** Every `{ env: NAME }` and `{ file: PATH }` of a configuration that was found valid. */
export function wantedSecrets(configuration: string): WantedSecrets {
  const wanted = { env: new Set<string>(), files: new Set<string>() }
  const walk = (value: Json): void => {
    if (Array.isArray(value)) return value.forEach(walk)
    if (!isObject(value)) return
    const [only, ...others] = Object.entries(value)
    const isReference = only !== undefined && others.length === 0 && typeof only[1] === 'string'
    if (isReference && only[0] === 'env') wanted.env.add(only[1] as string)
    else if (isReference && only[0] === 'file') wanted.files.add(only[1] as string)
    else Object.values(value).forEach(walk)
  }
  walk((parse(configuration) ?? null) as Json)
  return { env: [...wanted.env].toSorted(), files: [...wanted.files].toSorted() }
}
