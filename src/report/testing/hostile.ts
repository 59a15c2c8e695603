import type { ReportedChange, Violation } from '../../model/violation.ts'
import { manyViolations, someViolation } from './violations.ts'

const INJECTIONS = [
  '@everyone @here @all @channel @room',
  '<!channel> <!here> <!everyone> <!subteam^S0123ABCD> <@U0123ABCD> <#C0123ABCD>',
  '<@123456789> <@&123456789> <#123456789> <users/all> <at>all</at> @alice:shop.example',
  '[x](javascript:alert(1)) [x](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example|x>',
  '[x]: https://evil.example "t" https://evil.example www.evil.example mailto:a@evil.example',
  '<script>alert(1)</script><img src=x onerror=alert(1)><a href="javascript:alert(1)">x</a>',
  '&lt;b&gt; &amp;amp; &#60; &nbsp; </code></pre></p></blockquote>',
  '```\n# title\n> quote\n- item\n``` ` `` ~~x~~ **x** __x__ ||x|| \\',
  '{{DATE(2026-01-01)}} :rotating_light: <t:1> \u202e\u0000\u001b[2J\ud800',
]

/** Each takes the most room in one of the encodings: JSON, HTML, Slack's, UTF-8. And what a cut may halve. */
const FLOODS = [
  '"',
  "'",
  '&',
  '<',
  '>',
  '\\',
  '`',
  '*',
  '|',
  '\n',
  'a\n',
  '漢',
  '🦆',
  'e\u0301',
  ')',
  '_',
  ' ',
  '\u0000',
  '@room ',
]

/** A violation whose every text is this one. */
function filledWith(text: string, over: Partial<Violation> = {}): Violation {
  const change = (op: ReportedChange['op']): ReportedChange => ({
    path: `/${text.replaceAll('~', '')}`,
    op,
    desired: text,
    live: { [text]: text },
  })
  return someViolation({
    id: text,
    rule: text,
    reason: text,
    source: text,
    actor: { username: text, groups: [text], authenticated: true },
    object: { apiVersion: 'v1', kind: text, namespace: text, name: text },
    origin: { file: text, line: 9, revision: text },
    owners: [text, '@org/shop', `${text}2`, `${text}3`, `${text}4`],
    changes: [change('replace'), change('add'), change('remove')],
    ...over,
  })
}

/** The worst that people, clients and clusters may write, by name; each a list of violations for one message. */
export function hostileViolations(): [name: string, violations: Violation[]][] {
  const floods = FLOODS.flatMap((unit): [string, Violation[]][] => [
    [`floods of ${JSON.stringify(unit)}`, [filledWith(unit.repeat(9000))]],
    // Short enough for a link of its own.
    [
      `a file of ${JSON.stringify(unit)}`,
      [filledWith(unit.repeat(300), { id: 'a', reason: unit.repeat(9000) })],
    ],
    [
      `digest with floods of ${JSON.stringify(unit)}`,
      Array.from({ length: 60 }, (_, n) => filledWith(`${n}${unit.repeat(3000)}`)),
    ],
  ])
  // Characters of two units and entities of five, cut at each place.
  const cuts = Array.from({ length: 12 }, (_, n): [string, Violation[]] => [
    `a cut at unit ${n} of a character or an entity`,
    [filledWith('x'.repeat(n) + '🦆&<'.repeat(2000))],
  ])
  const injections = INJECTIONS.flatMap((text): [string, Violation[]][] => [
    [text, [filledWith(text)]],
    [`digest of ${text}`, Array.from({ length: 5 }, (_, n) => filledWith(`${text} ${n}`))],
  ])
  return [...floods, ...cuts, ...injections, ...big()]
}

function big(): [string, Violation[]][] {
  const changes = Array.from({ length: 10_000 }, (_, n): ReportedChange => ({
    path: `/data/key-${n}`,
    op: 'replace',
    desired: 'a'.repeat(200),
    live: 'b'.repeat(200),
  }))
  const names = { kind: 'K'.repeat(63), namespace: 'n'.repeat(63), name: 'o'.repeat(253) }
  return [
    ['10,000 changed fields', [someViolation({ changes })]],
    ['the longest names', [someViolation({ object: { apiVersion: 'example.dev/v1', ...names } })]],
    ['empty texts', [filledWith('')]],
    ['1,000 objects', manyViolations(1000)],
    ['1,000 times one object', Array.from({ length: 1000 }, (_, n) => someViolation({ id: `v${n}` }))],
    ['every event at once', events()],
  ]
}

function events(): Violation[] {
  const all: Violation['event'][] = [
    'denied',
    'warned',
    'audited',
    'drift',
    'repaired',
    'unrepairable',
    'break-glass',
    'trouble',
    'resolved',
  ]
  return all.map((event, n) => filledWith(`${event} `.repeat(200), { event, id: `${n}` }))
}
