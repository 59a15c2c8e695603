/** What the page asks the guard. The token is kept for this tab only. */

const KEY = 'gitops-guard-token'

export class NeedsToken extends Error {}

export function setToken(token) {
  if (token) sessionStorage.setItem(KEY, token)
  else sessionStorage.removeItem(KEY)
}

export function hasToken() {
  return sessionStorage.getItem(KEY) !== null
}

function headers() {
  const token = sessionStorage.getItem(KEY)
  // Not Authorization: the API server's proxy takes that off.
  return token === null ? {} : { 'x-gitops-guard-token': token }
}

/** JSON of a path below api/; undefined where there is no such thing. */
export async function ask(path, query = {}, signal) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(given).toString()
  const answer = await fetch(`api/${path}${text && `?${text}`}`, { headers: headers(), signal })
  if (answer.status === 401 || answer.status === 403) throw new NeedsToken((await answer.text()).trim())
  if (answer.status === 404) return undefined
  if (!answer.ok) throw new Error((await answer.text()).trim() || `the guard answered ${answer.status}`)
  return await answer.json()
}

/** Calls when something changed, and when the connection comes or goes; for ever. */
export async function follow({ changed, connected }) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      const answer = await fetch('api/live', { headers: headers() })
      if (!answer.ok) throw new Error(String(answer.status))
      connected(true)
      wait = 500
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        text += part.value
        const events = text.split('\n\n')
        text = events.pop()
        if (events.some((event) => event.startsWith('event: changed'))) changed()
      }
    } catch {
      // Told below; tried again.
    }
    connected(false)
    await new Promise((resolve) => setTimeout(resolve, wait))
    changed()
  }
}
