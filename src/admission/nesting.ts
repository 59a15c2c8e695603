const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

/** A body this short nests at most half as deep: no trouble for a stack, and most reviews are as short. */
const HARMLESS_BYTES = 8192

/**
 * True when JSON text nests deeper than `limit`. Parsing deep JSON is safe, walking it is not: comparing and masking
 * call themselves, and a million brackets fit into one request.
 */
export function nestsDeeper(body: Uint8Array, limit: number): boolean {
  if (body.length < HARMLESS_BYTES) return false
  let depth = 0
  let quoted = false
  for (let i = 0; i < body.length; i++) {
    const byte = body[i]
    if (quoted) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) quoted = false
    } else if (byte === QUOTE) {
      quoted = true
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      if (++depth > limit) return true
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth--
    }
  }
  return false
}
