import { readFile } from 'node:fs/promises'
import { fieldOf, stringifyJson } from '../object/json.ts'
import { escapeText } from '../object/text.ts'
import { askGuards, type HttpOptions } from './guard-http.ts'

export interface DeadLettersOptions extends HttpOptions {
  /** An id, or `all`. */
  send?: string
}

interface Letter {
  id: string
  provider: string
  at: string
  error: string
  violations: string[]
}

/** `gitops-guard dead-letters`: messages that a target would not take, oldest first; `--send` tries them again. */
export async function deadLetters(options: DeadLettersOptions): Promise<number> {
  const answers = await askGuards('/dead-letters', options, { secret: true })
  const letters = answers.flatMap((answer) => fieldOf(answer, 'deadLetters') as unknown as Letter[])
  if (options.send !== undefined) return await sendAgain(letters, options.send, options)
  if (options.output === 'json') {
    console.log(stringifyJson({ deadLetters: letters }))
    return 0
  }
  if (letters.length === 0) console.log('no message was given up')
  for (const { id, provider, at, error, violations } of letters) {
    console.log(
      `${id}  ${escapeText(provider, 80)}  ${at}  ${violations.length} violations  ${escapeText(error, 300)}`,
    )
  }
  return 0
}

async function sendAgain(
  letters: readonly Letter[],
  which: string,
  { url, tokenFile }: DeadLettersOptions,
): Promise<number> {
  if (url === undefined)
    throw new Error('--send goes to one guard: forward its port 8080 and name it with --url')
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim()
  const ids = which === 'all' ? letters.map(({ id }) => id) : [which]
  let failed = 0
  for (const id of ids) {
    const answer = await fetch(`${url.replace(/\/$/, '')}/dead-letters/${encodeURIComponent(id)}/send`, {
      method: 'POST',
      headers: {
        'x-gitops-guard-send': 'yes',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    })
    if (answer.ok) console.log(`${id} is sent again`)
    else {
      failed++
      console.error(`${id}: ${answer.status} ${(await answer.text()).trim().slice(0, 200)}`)
    }
  }
  return failed === 0 ? 0 : 1
}
