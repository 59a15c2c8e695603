/** The views: each asks for what it shows and makes elements of it. */
import { ask } from './client.js'
import { chart, topList } from './chart.js'
import { ago, groupOf, h, objectLink, outside, refText, status, when } from './dom.js'

const SPANS = { '1h': 3600e3, '24h': 24 * 3600e3, '7d': 7 * 24 * 3600e3, '30d': 30 * 24 * 3600e3 }
const PAGE = 200

export const VIEWS = {
  '': { title: 'Overview', load: overview },
  objects: { title: 'Objects', load: objects },
  violations: { title: 'Violations', load: violations },
  environments: { title: 'Environments', load: environments },
  object: { title: 'Object', load: object, hidden: true },
}

function short(revision) {
  return revision ? revision.slice(0, 10) : 'not read yet'
}

function counts(objects, current) {
  const chips = Object.entries(objects).map(([word, count]) =>
    h(
      'li',
      {},
      h(
        'a',
        {
          class: 'chip',
          href: `#/objects?status=${word}`,
          'aria-current': current === word ? 'true' : undefined,
        },
        status(word),
        h('b', {}, count.toLocaleString()),
      ),
    ),
  )
  return h('ul', { class: 'chips' }, chips)
}

async function overview(_query, signal) {
  const [facts, activity] = await Promise.all([
    ask('overview', {}, signal),
    ask('activity', { ms: SPANS['24h'] }, signal),
  ])
  const wrong = facts.conditions.filter(({ ok }) => !ok)
  const late = Object.entries(facts.waiting).filter(([, count]) => count > 0)
  const tone = !facts.ready ? 'bad' : facts.degraded ? 'warning' : 'good'
  const word = !facts.ready
    ? 'Not ready'
    : facts.degraded
      ? 'Ready, though something is wrong'
      : 'All is well'
  return [
    h('h1', {}, 'Overview'),
    h(
      'section',
      { class: `banner ${tone}`, 'aria-label': 'Health' },
      h('h2', {}, word),
      wrong.length > 0 &&
        h(
          'ul',
          { class: 'plain' },
          wrong.map(({ name, reason }) => h('li', {}, h('code', {}, name), ` ${reason ?? ''}`)),
        ),
      facts.exceptions.map(({ namespace, name, openedBy, reason, until }) =>
        h(
          'p',
          { class: 'small' },
          `Break-glass ${namespace}/${name} is open until ${new Date(until).toLocaleTimeString()}, by ${openedBy || 'somebody'}: ${reason}`,
        ),
      ),
      late.map(([provider, count]) => h('p', { class: 'small' }, `${count} violations wait for ${provider}`)),
      facts.queue > 0 && h('p', { class: 'small' }, `${facts.queue} objects wait to be compared`),
      counts(facts.objects),
    ),
    h('div', { class: 'grid' }, facts.sources.map(source)),
    facts.sources.length === 0 && h('p', { class: 'soft' }, 'No source is configured.'),
    h(
      'section',
      {},
      h('h2', {}, `Violations in the last 24 hours: ${activity.total.toLocaleString()}`),
      chart(activity),
    ),
  ]
}

function source(facts) {
  const {
    name,
    repository,
    ref,
    path,
    revision,
    link,
    committedAt,
    fetchedAt,
    lastError,
    progress,
    mode,
    heal,
  } = facts
  const lag = progress?.revision !== undefined && progress.revision !== revision
  return h(
    'section',
    { 'aria-label': `Source ${name}` },
    h('h2', {}, name),
    h(
      'dl',
      {},
      h('dt', {}, 'Revision'),
      h(
        'dd',
        {},
        outside(h('code', {}, short(revision)), link),
        committedAt && [' committed ', when(committedAt)],
      ),
      h('dt', {}, 'Git'),
      h('dd', {}, h('span', { class: 'code' }, repository), ` ${ref}`, path && [' in ', h('code', {}, path)]),
      h('dt', {}, 'Answered'),
      h(
        'dd',
        { class: lastError ? 'bad' : undefined },
        fetchedAt ? when(fetchedAt) : 'never',
        lastError && `: ${lastError}`,
      ),
      h('dt', {}, 'Agent'),
      h(
        'dd',
        { class: lag || progress?.state === 'suspended' ? 'warning' : undefined },
        progress === undefined
          ? 'says nothing'
          : [progress.state, progress.revision && [' ', h('code', {}, short(progress.revision))]],
      ),
      h('dt', {}, 'Mode'),
      h('dd', {}, `${mode}, ${heal === 'revert' ? 'drift is put back' : 'drift is told'}`),
      h('dt', {}, 'Objects'),
      h(
        'dd',
        {},
        h('a', { href: `#/objects?q=${encodeURIComponent(name)}` }, facts.objects.toLocaleString()),
      ),
    ),
    facts.problemCount > 0 && [
      h(
        'p',
        { class: 'bad' },
        facts.problemCount === 1
          ? 'A manifest cannot be used'
          : `${facts.problemCount} manifests cannot be used`,
      ),
      h(
        'ul',
        { class: 'plain small' },
        facts.problems.map(({ file, line, message }) =>
          h('li', {}, h('code', {}, `${file}:${line}`), ` ${message}`),
        ),
      ),
    ],
  )
}

async function objects(query, signal) {
  const q = query.get('q') ?? ''
  const wanted = query.get('status') ?? ''
  const found = await ask('objects', { q, status: wanted, limit: PAGE }, signal)
  return [
    h('h1', {}, 'Objects'),
    search('objects', q, { status: wanted }, 'Kind, namespace, name or source'),
    counts(found.counts, wanted),
    wanted && h('p', {}, h('a', { href: `#/objects?q=${encodeURIComponent(q)}` }, 'All statuses')),
    h(
      'p',
      { class: 'soft small', role: 'status' },
      `${found.matched.toLocaleString()} of ${found.total.toLocaleString()} objects${found.matched > PAGE ? `, the first ${PAGE} shown` : ''}`,
    ),
    table(
      ['Status', 'Object', 'Source'],
      found.objects.map(({ ref, status: word, source: name }) => [status(word), objectLink(ref), name]),
    ),
  ]
}

async function object(query, signal) {
  const ref = Object.fromEntries(
    ['group', 'kind', 'namespace', 'name'].map((name) => [name, query.get(name) ?? '']),
  )
  const history = { kind: ref.kind, namespace: ref.namespace, name: ref.name, limit: 50 }
  const [facts, { violations: past }] = await Promise.all([
    ask('object', ref, signal),
    ask('violations', history, signal),
  ])
  const heading = [
    h('p', { class: 'small' }, h('a', { href: '#/objects' }, '← Objects')),
    h('h1', {}, refText(ref)),
  ]
  if (facts === undefined)
    return [
      heading,
      h('p', {}, 'Git declares no such object, and none was found that it should.'),
      list(past),
    ]
  const { finding, origin, fileLink, commitLink } = facts
  return [
    heading,
    h(
      'section',
      { 'aria-label': 'State' },
      h(
        'dl',
        {},
        h('dt', {}, 'Status'),
        h('dd', {}, status(facts.status)),
        h('dt', {}, 'Source'),
        h('dd', {}, facts.source),
        origin && [
          h('dt', {}, 'In Git'),
          h(
            'dd',
            {},
            outside(h('code', {}, `${origin.file}:${origin.line}`), fileLink),
            ' at ',
            outside(h('code', {}, short(origin.revision)), commitLink),
            origin.approximate && ' (approximate: it is rendered)',
          ),
        ],
        finding && [
          h('dt', {}, 'Found'),
          h('dd', {}, `${finding.reason} (`, when(finding.seenAt), ')'),
          h('dt', {}, 'By'),
          h(
            'dd',
            {},
            finding.actor.username === ''
              ? 'unknown'
              : `${finding.actor.authenticated ? '' : 'probably '}${finding.actor.username}`,
          ),
          h('dt', {}, 'Remedy'),
          h('dd', {}, finding.remedy),
        ],
      ),
    ),
    finding && h('section', {}, h('h2', {}, 'What differs from Git'), differences(finding.changes)),
    h('section', {}, h('h2', {}, 'History'), list(past, { withObject: false })),
  ]
}

function differences(changes) {
  if (changes.length === 0) return h('p', { class: 'soft' }, 'Nothing inside it: the whole object.')
  return h(
    'ul',
    { class: 'diff' },
    changes
      .slice(0, 100)
      .map(({ path, desired, live }) =>
        h(
          'li',
          {},
          h('code', {}, path || 'the object'),
          desired !== undefined && h('del', { class: 'code' }, `Git:  ${text(desired)}`),
          live !== undefined && h('ins', { class: 'code' }, `live: ${text(live)}`),
        ),
      ),
    changes.length > 100 && h('li', { class: 'soft' }, `and ${changes.length - 100} more`),
  )
}

function text(value) {
  const written = typeof value === 'string' ? value : JSON.stringify(value, null, 2)
  return written.length > 2000 ? `${written.slice(0, 2000)}…` : written
}

async function violations(query, signal) {
  const span = Object.hasOwn(SPANS, query.get('since') ?? '') ? query.get('since') : '24h'
  const since = new Date(Date.now() - SPANS[span]).toISOString()
  const filter = {
    user: query.get('user') ?? '',
    namespace: query.get('namespace') ?? '',
    event: query.get('event') ?? '',
  }
  const [activity, found] = await Promise.all([
    ask('activity', { ms: SPANS[span] }, signal),
    ask('violations', { since, limit: PAGE, ...filter }, signal),
  ])
  const to = (changed) => `#/violations?${new URLSearchParams(clean({ since: span, ...filter, ...changed }))}`
  const set = Object.entries(filter).filter(([, value]) => value !== '')
  return [
    h('h1', {}, 'Violations'),
    h(
      'ul',
      { class: 'chips', 'aria-label': 'Time' },
      Object.keys(SPANS).map((name) =>
        h(
          'li',
          {},
          h(
            'a',
            { class: 'chip', href: to({ since: name }), 'aria-current': span === name ? 'true' : undefined },
            `last ${name}`,
          ),
        ),
      ),
      set.map(([name, value]) =>
        h(
          'li',
          {},
          h(
            'a',
            { class: 'chip', href: to({ [name]: '' }), 'aria-label': `${name} ${value}: remove` },
            `${name}: ${value} ✕`,
          ),
        ),
      ),
    ),
    h(
      'section',
      {},
      h('h2', {}, `By time: ${activity.total.toLocaleString()}`),
      chart(activity, (event) => to({ event })),
    ),
    h(
      'div',
      { class: 'grid' },
      h(
        'section',
        {},
        h('h2', {}, 'By person'),
        topList(
          activity.people.map(({ name, count }) => ({
            count,
            label: h('a', { href: to({ user: name === 'unknown' ? '' : name }) }, name),
          })),
        ),
      ),
      h(
        'section',
        {},
        h('h2', {}, 'By object'),
        topList(
          activity.objects.map((one) => ({
            count: one.count,
            label: objectLink({ ...one, group: groupOf(one.apiVersion) }, one.label),
          })),
        ),
      ),
    ),
    h(
      'section',
      {},
      h('h2', {}, set.length > 0 ? 'Those that match' : 'Each'),
      list(found.violations),
      found.truncated &&
        h('p', { class: 'soft' }, `The newest ${PAGE} are shown; kubectl guard violations has more.`),
    ),
  ]
}

function clean(query) {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
}

function list(past, { withObject = true } = {}) {
  if (past.length === 0) return h('p', { class: 'soft' }, 'Nothing was violated.')
  return table(
    ['When', 'What', 'Who', ...(withObject ? ['Object'] : []), 'Change'],
    past.map(({ time, event, actor, object: of, changes, reason }) => [
      when(time),
      status(event),
      `${actor.username || 'unknown'}${actor.authenticated || actor.username === '' ? '' : ' (probably)'}`,
      ...(withObject ? [objectLink({ ...of, group: groupOf(of.apiVersion) })] : []),
      h(
        'details',
        {},
        h('summary', {}, changes.length > 0 ? brief(changes) : reason.slice(0, 120)),
        h('p', { class: 'small' }, reason),
        changes.length > 0 && differences(changes),
      ),
    ]),
  )
}

function brief(changes) {
  const first = changes[0].path.split('/').slice(-3).join('/')
  return changes.length > 1 ? `${first} and ${changes.length - 1} more` : first
}

async function environments(_query, signal) {
  const [own, others] = await Promise.all([ask('overview', {}, signal), ask('environments', {}, signal)])
  const all = [{ name: own.name || 'this cluster', status: own }, ...others]
  const names = [...new Set(all.flatMap(({ status: facts }) => facts?.sources.map(({ name }) => name) ?? []))]
  const revisionIn = (facts, name) => facts?.sources.find((one) => one.name === name)
  return [
    h('h1', {}, 'Environments'),
    h(
      'div',
      { class: 'grid' },
      all.map(({ name, url, status: facts, error }) =>
        h(
          'section',
          { 'aria-label': name },
          h('h2', {}, url ? outside(name, url) : name),
          error
            ? h('p', { class: 'bad' }, error)
            : [
                h(
                  'p',
                  { class: facts.ready ? (facts.degraded ? 'warning' : 'good') : 'bad' },
                  facts.ready ? (facts.degraded ? 'ready, degraded' : 'ready') : 'not ready',
                ),
                h(
                  'ul',
                  { class: 'chips' },
                  Object.entries(facts.objects).map(([word, count]) =>
                    h('li', { class: 'chip' }, status(word), h('b', {}, String(count))),
                  ),
                ),
              ],
        ),
      ),
    ),
    h(
      'section',
      {},
      h('h2', {}, 'Sources side by side'),
      table(
        ['Source', ...all.map(({ name }) => name)],
        names.map((name) => [
          name,
          ...all.map(({ status: facts }) => {
            const found = revisionIn(facts, name)
            if (found === undefined) return '—'
            const moved = all.some(
              (other) => (revisionIn(other.status, name)?.revision ?? found.revision) !== found.revision,
            )
            return h(
              'span',
              {},
              h('code', { class: moved ? 'warning' : undefined }, short(found.revision)),
              found.committedAt ? h('span', { class: 'soft small' }, ` ${ago(found.committedAt)}`) : '',
            )
          }),
        ]),
      ),
    ),
    others.length === 0 &&
      h(
        'p',
        { class: 'soft' },
        'Other guards are shown here when the configuration names them: dashboard.environments.',
      ),
  ]
}

function search(view, q, kept, label) {
  const go = (value) => {
    location.replace(`#/${view}?${new URLSearchParams(clean({ ...kept, q: value }))}`)
  }
  return h(
    'form',
    { role: 'search', onsubmit: (event) => event.preventDefault() },
    h('input', {
      type: 'search',
      id: 'search',
      value: q,
      placeholder: `${label}   ( / )`,
      'aria-label': label,
      autocomplete: 'off',
      spellcheck: 'false',
      oninput: (event) => go(event.target.value),
    }),
  )
}

function table(heads, rows) {
  return h(
    'div',
    { class: 'table', tabindex: '0', role: 'region', 'aria-label': 'Table' },
    h(
      'table',
      { class: 'rows' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          heads.map((head) => h('th', { scope: 'col' }, head)),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map((cells) =>
          h(
            'tr',
            {},
            cells.map((cell) => h('td', {}, cell)),
          ),
        ),
      ),
    ),
  )
}
