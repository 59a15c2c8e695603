import { CODEOWNERS_BYTES, CODEOWNERS_FILES, parseCodeowners, type OwnerRule } from './codeowners.ts'
import type { Repository } from './repository.ts'

/** The owners of a commit's files; none where there is no such file, or it cannot be read: nothing that guards depends on it. */
export async function readCodeowners(
  repository: Pick<Repository, 'files' | 'blobs'>,
  revision: string,
): Promise<readonly OwnerRule[]> {
  try {
    const found = await Promise.all(CODEOWNERS_FILES.map((path) => repository.files(revision, path)))
    const entry = found.flat().find(({ path, type }) => type === 'file' && CODEOWNERS_FILES.includes(path))
    if (entry === undefined || entry.size > CODEOWNERS_BYTES) return []
    for await (const content of repository.blobs([entry])) return parseCodeowners(content.toString('utf8'))
  } catch {
    // As above.
  }
  return []
}
