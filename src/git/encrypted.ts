/** Leaves out what was generated from files that SOPS has encrypted: the agent decrypts them first, nobody else can. */
import type { Manifest, Problem } from '../model/desired.ts'
import type { Json } from '../model/json.ts'
import { fieldOf, isObject } from '../object/json.ts'
import { formatRef } from '../object/identity.ts'

/** How a value begins that SOPS has encrypted. */
const MARK = 'ENC[AES256_GCM,'

/**
 * Without generated Secrets and ConfigMaps that hold encrypted text, and without what names one of them whose name ends in a hash: that is of
 * the decrypted content, so nobody here knows it.
 */
export function withoutEncrypted(
  { manifests, problems }: { manifests: Manifest[]; problems: Problem[] },
  source: string,
): { manifests: Manifest[]; problems: Problem[] } {
  const encrypted = manifests.filter(({ ref, object }) => ref.group === '' && isEncrypted(ref.kind, object))
  if (encrypted.length === 0) return { manifests, problems }
  const hashed = new Set(
    encrypted.map(({ ref }) => ref.name).filter((name) => /-[bcdfghkm2456789t]{10}$/.test(name)),
  )
  const kept: Manifest[] = []
  const said = [...problems]
  for (const manifest of manifests) {
    const { ref, object, origin } = manifest
    const why = encrypted.includes(manifest)
      ? 'is made of a file that SOPS has encrypted, and only the agent can decrypt it'
      : names(object, hashed)
        ? 'names an object by the hash of a file that SOPS has encrypted'
        : undefined
    if (why === undefined) kept.push(manifest)
    else
      said.push({
        source,
        file: origin.file,
        line: origin.line,
        message: `${formatRef(ref)} ${why}: it is not guarded`,
      })
  }
  return { manifests: kept, problems: said }
}

function isEncrypted(kind: string, object: Json): boolean {
  if (kind !== 'Secret' && kind !== 'ConfigMap') return false
  const texts = (field: string) =>
    Object.values(isObject(fieldOf(object, field)) ? (fieldOf(object, field) as object) : {})
  const plain = [...texts('stringData'), ...(kind === 'ConfigMap' ? texts('data') : [])]
  const coded = [...texts('binaryData'), ...(kind === 'Secret' ? texts('data') : [])]
  return (
    plain.some((text) => typeof text === 'string' && text.includes(MARK)) ||
    coded.some(
      (text) => typeof text === 'string' && Buffer.from(text, 'base64').toString('latin1').includes(MARK),
    )
  )
}

function names(value: Json, wanted: ReadonlySet<string>): boolean {
  if (typeof value === 'string') return wanted.has(value)
  if (Array.isArray(value)) return value.some((item) => names(item, wanted))
  return isObject(value) && Object.values(value).some((item) => names(item, wanted))
}
