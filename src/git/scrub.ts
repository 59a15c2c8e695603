/** Takes secrets out of text that people will read. */

const MASK = '***'

/** `text` without any of the secrets, in the forms that git and servers repeat them in, and without passwords in URLs. */
export function scrub(text: string, secrets: Iterable<string> = []): string {
  let clean = text
  for (const secret of secrets) {
    for (const form of forms(secret)) clean = clean.replaceAll(form, MASK)
  }
  return clean.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s'"]*:[^/@\s'"]*@/gi, `$1${MASK}@`)
}

function forms(secret: string): string[] {
  const trimmed = secret.trim()
  if (trimmed.length < 4) return []
  const base64 = Buffer.from(trimmed).toString('base64')
  return [trimmed, encodeURIComponent(trimmed), base64, base64.replace(/=+$/, '')]
}
