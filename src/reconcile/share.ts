/**
 * Which replica works on an object: the one whose name gives the highest hash with the object's key (rendezvous
 * hashing), so that one that comes or goes moves only its own share. Every replica finds the same.
 */
export function ownerOf(key: string, members: readonly string[]): string | undefined {
  let owner: string | undefined
  let highest = -1
  for (const member of members) {
    const hash = hashOf(`${member}\n${key}`)
    if (hash > highest || (hash === highest && member > owner!)) {
      highest = hash
      owner = member
    }
  }
  return owner
}

/** FNV-1a over the text's codes, then mixed, as the last characters alone would decide otherwise. 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
