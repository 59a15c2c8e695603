import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Secret } from '../model/secret.ts'

/** Where a secret is kept. */
export type SecretRef = { env: string } | { file: string }

/** Shows where it is kept, never what it is: two configurations can be compared. */
export interface ReferredSecret extends Secret {
  toJSON(): unknown
}

/**
 * A reader of a secret. A file is read anew for each use, so that a rotated one is picked up; one newline at its end is no
 * part of the value. Errors name the variable or the file, never a value.
 */
export function secretRef(
  ref: SecretRef,
  where: { environment: Readonly<Record<string, string | undefined>>; directory: string },
): ReferredSecret {
  if ('env' in ref) {
    return {
      toJSON: () => ref,
      read: () => {
        const value = where.environment[ref.env]
        if (value === undefined || value === '') {
          const state = value === undefined ? 'not set' : 'empty'
          return Promise.reject(
            new Error(`cannot read a secret as the environment variable ${ref.env} is ${state}`),
          )
        }
        return Promise.resolve(value)
      },
    }
  }
  const file = resolve(where.directory, ref.file)
  return {
    toJSON: () => ({ file }),
    read: async () => {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        throw new Error(
          `cannot read a secret as the file ${file} cannot be read: ${error.code ?? 'unknown error'}`,
        )
      })
      const value = text.replace(/\r?\n$/, '')
      if (value === '') throw new Error(`cannot read a secret as the file ${file} is empty`)
      return value
    },
  }
}
