/** The dashboard: shows the view that the address names, and again when something changed. */
import { ask, follow, hasToken, NeedsToken, setToken } from './client.js'
import { h } from './dom.js'
import { VIEWS } from './views.js'

const main = document.getElementById('main')
const live = document.getElementById('live')
let shown
let asking
let following = false
let changedAgain = false

addEventListener('hashchange', () => void show())
addEventListener('keydown', keys)
void show()

function place() {
  const [, path = '', query = ''] = /^#?\/?([^?]*)\??(.*)$/.exec(location.hash) ?? []
  const name = Object.hasOwn(VIEWS, path) ? path : ''
  return { name, query: new URLSearchParams(query) }
}

/** Only the newest question counts: what is typed meanwhile ends the one before. */
async function show() {
  asking?.abort()
  const { signal } = (asking = new AbortController())
  const { name, query } = place()
  const moved = shown !== name
  try {
    const content = await VIEWS[name].load(query, signal)
    if (signal.aborted) return
    document.title = `${VIEWS[name].title} · GitOps Guard`
    put(content, moved && shown !== undefined)
    if (shown === undefined) performance.mark('shown')
    shown = name
    navigation(name)
    if (!following) start()
  } catch (error) {
    if (signal.aborted) return
    if (error instanceof NeedsToken) put(login(error.message), false)
    else if (shown === undefined)
      put([h('h1', {}, 'The guard does not answer'), h('p', {}, String(error.message))], false)
    else live.textContent = `not up to date: ${error.message}`
  }
}

/** Puts a view on the page. What has the focus keeps it, and what is open stays open. */
function put(content, moved) {
  const focused = document.activeElement
  const [id, start, end] = [focused?.id, focused?.selectionStart, focused?.selectionEnd]
  const key = keyOf(focused)
  const value = focused?.value
  const open = new Set(
    [...main.querySelectorAll('details[open]')].map((one) => one.closest('tr')?.textContent),
  )
  const from = content.flat?.(Infinity) ?? [content]
  main.replaceChildren(...from.filter((one) => one instanceof Node))
  if (open.size > 0)
    for (const one of main.querySelectorAll('details'))
      if (open.has(one.closest('tr')?.textContent)) one.open = true
  if (moved) {
    const heading = main.querySelector('h1')
    heading.tabIndex = -1
    heading.focus()
    scrollTo(0, 0)
  } else if (id === 'search') {
    const input = document.getElementById('search')
    // What was typed since the question was asked stays.
    if (value !== undefined && input) input.value = value
    input?.focus()
    input?.setSelectionRange(start, end)
  } else if (key !== undefined)
    [...main.querySelectorAll('a, summary')].find((one) => keyOf(one) === key)?.focus()
}

function keyOf(element) {
  if (!(element instanceof HTMLElement) || !main.contains(element)) return undefined
  return (
    element.getAttribute('href') ??
    (element.tagName === 'SUMMARY' ? element.closest('tr')?.textContent : undefined)
  )
}

function navigation(name) {
  const links = Object.entries(VIEWS)
    .filter(([, { hidden }]) => !hidden)
    .map(([path, { title }]) =>
      h(
        'a',
        {
          href: `#/${path}`,
          'aria-current': path === name || (name === 'object' && path === 'objects') ? 'page' : undefined,
        },
        title,
      ),
    )
  document.getElementById('nav').replaceChildren(...links)
}

function start() {
  following = true
  void ask('overview').then((facts) => {
    document.getElementById('cluster').textContent = facts?.name ?? ''
  })
  void follow({
    connected: (on) => (live.textContent = on ? '● live' : '○ the connection was lost: trying again'),
    changed: soon,
  })
  // Ages grow by themselves.
  setInterval(soon, 30_000)
}

/** At most once a second, and not for a page that nobody sees. */
function soon() {
  if (changedAgain || document.hidden) return
  changedAgain = true
  setTimeout(() => {
    changedAgain = false
    void show()
  }, 300)
}
document.addEventListener('visibilitychange', soon)

function login(message) {
  const input = h('input', {
    type: 'password',
    id: 'token',
    autocomplete: 'off',
    'aria-label': 'Token',
    required: true,
  })
  return [
    h('h1', {}, 'Who are you?'),
    h(
      'section',
      {},
      h(
        'p',
        {},
        hasToken()
          ? `That token does not do: ${message}.`
          : 'A token of this cluster lets you in: of somebody who may get violations.gitops-guard.dev.',
      ),
      h(
        'form',
        {
          onsubmit: (event) => {
            event.preventDefault()
            setToken(input.value.trim())
            void show()
          },
        },
        input,
        h('button', { type: 'submit' }, 'Look'),
      ),
      h(
        'p',
        { class: 'small soft' },
        'Such as: ',
        h(
          'code',
          {},
          "kubectl get secret -n gitops-guard gitops-guard-view -o jsonpath='{.data.token}' | base64 -d",
        ),
        '. It is kept in this tab only.',
      ),
    ),
  ]
}

/** `/` searches, `g` and a letter goes to a view. */
let went = 0
function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    if (event.key === 'Escape') event.target.blur()
    return
  }
  const views = { o: '', b: 'objects', v: 'violations', e: 'environments' }
  if (event.key === '/') {
    event.preventDefault()
    const input = document.getElementById('search')
    if (input) return input.focus()
    location.hash = '#/objects'
    addEventListener('hashchange', () => setTimeout(() => document.getElementById('search')?.focus(), 200), {
      once: true,
    })
  } else if (event.key === 'g') went = Date.now()
  else if (Date.now() - went < 1500 && Object.hasOwn(views, event.key)) {
    went = 0
    location.hash = `#/${views[event.key]}`
  }
}
