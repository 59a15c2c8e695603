/** Elements. Text is always text: no HTML is ever made of what comes from outside. */

const SVG = 'http://www.w3.org/2000/svg'

/** `h('a', { href }, 'text', other)`; what is false, null or undefined is left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children)
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children)
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false),
  )
  return element
}

/** A link out, where it leads to a web page. */
export function outside(text, url) {
  if (!/^https?:\/\//.test(url ?? '')) return h('span', {}, text)
  return h('a', { href: url, rel: 'noopener noreferrer', target: '_blank' }, text)
}

export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000))
  if (!Number.isFinite(seconds)) return ''
  if (seconds < 90) return `${seconds} s ago`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`
  return `${Math.round(seconds / 86_400)} days ago`
}

/** How long ago, with the whole time for those who ask. */
export function when(time) {
  return h('time', { datetime: time, title: new Date(time).toLocaleString() }, ago(time))
}

export const TONES = {
  inSync: 'good',
  pending: 'info',
  modified: 'warning',
  missing: 'warning',
  undeclared: 'warning',
  unattainable: 'warning',
  invalid: 'bad',
  unrepairable: 'bad',
  fight: 'bad',
  denied: 'bad',
  warned: 'warning',
  audited: 'info',
  drift: 'warning',
  repaired: 'good',
  'break-glass': 'warning',
  trouble: 'bad',
  resolved: 'good',
}

const NAMES = {
  inSync: 'in sync',
  fight: 'fought over',
  denied: 'refused',
  audited: 'noted',
  repaired: 'put back',
  unrepairable: 'cannot be put back',
  warned: 'let through with a warning',
}

export function nameOf(word) {
  return Object.hasOwn(NAMES, word) ? NAMES[word] : word
}

export function toneOf(word) {
  return Object.hasOwn(TONES, word) ? TONES[word] : 'info'
}

export function status(word) {
  return h('span', { class: `status ${toneOf(word)}` }, nameOf(word))
}

export function objectLink({ group, kind, namespace, name }, label) {
  const query = new URLSearchParams({ group, kind, namespace, name })
  return h('a', { href: `#/object?${query}` }, label ?? refText({ group, kind, namespace, name }))
}

export function refText({ kind, namespace, name }) {
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`
}

export function groupOf(apiVersion) {
  return apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
}
