/** Violations by time, person and object. */
import { h, nameOf, svg, toneOf } from './dom.js'

const ORDER = [
  'denied',
  'unrepairable',
  'trouble',
  'warned',
  'drift',
  'break-glass',
  'audited',
  'repaired',
  'resolved',
]
const [WIDTH, HEIGHT] = [960, 140]

/** Stacked bars, and the same as a sentence for those who do not see them. `to` makes the link of an event. */
export function chart({ from, bucketMs, buckets, total }, to) {
  const sums = buckets.map((bucket) => Object.values(bucket).reduce((sum, count) => sum + count, 0))
  const most = Math.max(1, ...sums)
  const events = ORDER.filter((event) => buckets.some((bucket) => bucket[event] > 0))
  const step = WIDTH / buckets.length
  const bars = buckets.flatMap((bucket, index) => {
    let below = 0
    const start = new Date(Date.parse(from) + index * bucketMs)
    return events.flatMap((event) => {
      const count = bucket[event] ?? 0
      if (count === 0) return []
      const height = Math.max(2, (count / most) * (HEIGHT - 6))
      below += height
      const label = `${start.toLocaleString([], { weekday: 'short', hour: '2-digit', minute: '2-digit' })}: ${count} ${nameOf(event)}`
      return svg(
        'rect',
        { x: index * step + 1, y: HEIGHT - below, width: step - 2, height, class: toneOf(event) },
        svg('title', {}, label),
      )
    })
  })
  const summary = events.map((event) => {
    const count = buckets.reduce((sum, bucket) => sum + (bucket[event] ?? 0), 0)
    return { event, text: `${count.toLocaleString()} ${nameOf(event)}` }
  })
  const said = `${total} violations since ${new Date(from).toLocaleString()}: ${summary.map(({ text }) => text).join(', ') || 'none'}`
  return h(
    'figure',
    {},
    svg(
      'svg',
      {
        class: 'chart',
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': said,
      },
      svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
      bars,
    ),
    h(
      'figcaption',
      {},
      summary.length === 0 && h('span', { class: 'soft' }, 'Nothing was violated.'),
      summary.map(({ event, text }) =>
        to === undefined
          ? h('span', { class: `key ${toneOf(event)}` }, text)
          : h('a', { class: `key ${toneOf(event)}`, href: to(event) }, text),
      ),
      h(
        'span',
        { class: 'soft' },
        `since ${new Date(from).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' })}`,
      ),
    ),
  )
}

/** Names with a bar each. */
export function topList(rows) {
  if (rows.length === 0) return h('p', { class: 'soft' }, 'Nobody.')
  const most = rows[0].count
  return h(
    'table',
    { class: 'bars' },
    h(
      'tbody',
      {},
      rows.map(({ label, count }) =>
        h(
          'tr',
          {},
          h('td', {}, label),
          h('td', {}, count.toLocaleString()),
          h('td', {}, h('meter', { min: 0, max: most, value: count, 'aria-hidden': 'true' })),
        ),
      ),
    ),
  )
}
