/** What a commit holds under a path, as `git ls-tree -r -z -l` lists it. */
export interface TreeEntry {
  /** From the repository's root. */
  path: string
  oid: string
  /** Bytes; 0 for a submodule. */
  size: number
  type: 'file' | 'symlink' | 'submodule'
}

/** Sorted by path, code unit by code unit. */
export function parseTree(output: string): TreeEntry[] {
  const entries: TreeEntry[] = []
  for (const record of output.split('\0')) {
    const match = /^(\d+) (\w+) ([0-9a-f]+) +(\d+|-)\t([^]*)$/.exec(record)
    if (!match) continue
    const [, mode = '', type = '', oid = '', size = '', path = ''] = match
    entries.push({
      path,
      oid,
      size: Number(size) || 0,
      type: type === 'commit' ? 'submodule' : mode === '120000' ? 'symlink' : 'file',
    })
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
}
