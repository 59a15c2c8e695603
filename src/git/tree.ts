/** What a commit holds under a path, as `git ls-tree -r -z -l` lists it. */
export interface TreeEntry {
  /** From the repository's root. */
  path: string
  oid: string
  /** Bytes; 0 for a submodule. */
  size: number
  type: 'file' | 'symlink' | 'submodule'
}

/** In git's order, which is that of the paths' bytes. */
export function parseTree(output: string): TreeEntry[] {
  const entries: TreeEntry[] = []
  for (let at = 0; at < output.length;) {
    const tab = output.indexOf('\t', at)
    const end = output.indexOf('\0', tab)
    if (tab < 0 || end < 0) break
    const [mode = '', type = '', oid = '', size = ''] = output.slice(at, tab).split(/ +/)
    entries.push({
      path: output.slice(tab + 1, end),
      oid,
      size: Number(size) || 0,
      type: type === 'commit' ? 'submodule' : mode === '120000' ? 'symlink' : 'file',
    })
    at = end + 1
  }
  return entries
}
