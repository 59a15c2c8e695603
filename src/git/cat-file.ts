/** Takes apart what `git cat-file --batch` prints. */
import { GitError } from './git-error.ts'

/** The contents of `oids` in their order. Throws GitError `corrupt` where one is missing or cut off. */
export function* readBatch(output: Buffer, oids: readonly string[], repository: string): Generator<Buffer> {
  let at = 0
  for (const oid of oids) {
    const end = output.indexOf(0x0a, at)
    const header = end < 0 ? '' : output.toString('latin1', at, end)
    const [hash, type, size] = header.split(' ')
    const length = Number(size)
    if (hash !== oid || type !== 'blob' || !Number.isInteger(length) || end + 1 + length > output.length) {
      throw new GitError('corrupt', `the clone of ${repository} lacks the object ${oid}`)
    }
    yield output.subarray(end + 1, end + 1 + length)
    // A newline follows the contents.
    at = end + 1 + length + 1
  }
}
