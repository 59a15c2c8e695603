/** Takes a file apart at its lines of `---`, as apimachinery's YAMLReader does, with which kubectl and agents read. */

export interface DocumentText {
  text: string
  /** Of its first line, from 1. */
  line: number
  /** Why it cannot be read, whatever it holds. */
  error?: string
}

/** What Go's strings.TrimSpace takes off. */
const SPACES = /^[\s\u0085]+|[\s\u0085]+$/g
/** @param firstLine is the number of the text's first line. */
export function splitDocuments(text: string, firstLine = 1): DocumentText[] {
  const documents: DocumentText[] = []
  let document: { start: number; line: number; error?: string } = { start: 0, line: firstLine }
  const close = (at: number) => {
    const { start, line, error } = document
    if (error !== undefined) documents.push({ text: '', line, error })
    else if (at > start) documents.push({ text: text.slice(start, at), line })
  }
  for (let at = 0, line = firstLine; at < text.length; line++) {
    // Only LF ends a line here.
    const next = text.indexOf('\n', at) + 1 || text.length
    if (text.startsWith('---', at)) {
      const rest = text.slice(at + 3, next).replace(SPACES, '')
      if (rest !== '' && !rest.startsWith('#')) {
        close(at)
        document = {
          start: next,
          line,
          error: 'a line that begins with --- may go on with nothing but a comment',
        }
      } else if (at > document.start || document.error !== undefined) {
        close(at)
        document = { start: next, line: line + 1 }
      }
    }
    at = next
  }
  close(text.length)
  return documents
}
