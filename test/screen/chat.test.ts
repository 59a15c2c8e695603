/** Messages in a real Chromium: Teams' cards by Microsoft's renderer, mails as the HTML that they are. `PICTURES=1` writes docs/pictures anew. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { emailHtml } from '../../src/report/email-html.ts'
import { makeMessage, type Message } from '../../src/report/message.ts'
import { teamsMessage } from '../../src/report/teams.ts'
import { hostileViolations } from '../../src/report/testing/hostile.ts'
import { someViolation } from '../../src/report/testing/violations.ts'
import { launchBrowser, noBrowser } from './browser.ts'

const options = { skip: noBrowser }
const library = createRequire(import.meta.url).resolve('adaptivecards/dist/adaptivecards.min.js')

/** Teams' light theme, by the names that Microsoft's host configuration has. */
const HOST = {
  fontFamily: '"Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif',
  fontSizes: { small: 12, default: 14, medium: 14, large: 18, extraLarge: 24 },
  spacing: { small: 8, default: 12, medium: 16, large: 20, extraLarge: 24, padding: 16 },
  containerStyles: {
    default: {
      backgroundColor: '#ffffff',
      foregroundColors: {
        default: { default: '#242424', subtle: '#616161' },
        attention: { default: '#c4314b', subtle: '#c4314b' },
        good: { default: '#237b4b', subtle: '#237b4b' },
        warning: { default: '#835c00', subtle: '#835c00' },
      },
    },
  },
  actions: { actionsOrientation: 'horizontal', actionAlignment: 'left', buttonSpacing: 8, maxActions: 6 },
}

let browser: Browser
let page: Page

before(async () => {
  if (noBrowser) return
  browser = await launchBrowser()
  page = await browser.newPage({ viewport: { width: 760, height: 900 } })
})

after(() => browser?.close())

/** Shows a message's card, and says what it looks like to the page. */
async function showCard(message: Message): Promise<Locator> {
  await page.setContent(
    '<body style="margin:12px;background:#f5f5f5"><div id="card" style="width:700px"></div>',
  )
  await page.addScriptTag({ path: library })
  const card = teamsMessage(message).attachments[0]!.content
  await page.evaluate(
    `{ const card = new AdaptiveCards.AdaptiveCard()
       card.hostConfig = new AdaptiveCards.HostConfig(${JSON.stringify(HOST)})
       card.parse(${JSON.stringify(card)})
       document.getElementById('card').append(card.render()) }`,
  )
  return page.locator('#card')
}

async function picture(place: Locator, name: string): Promise<void> {
  if (process.env['PICTURES'] === undefined) return
  await place.screenshot({ path: join(import.meta.dirname, `../../docs/pictures/${name}.png`) })
}

const refused = makeMessage(
  [
    someViolation({
      actor: { username: 'alice@shop.example', groups: [], authenticated: true },
      owners: ['@shop/web-team'],
      changes: [
        { path: '/spec/replicas', op: 'replace', desired: 2, live: 9 },
        {
          path: '/spec/template/spec/containers/0/image',
          op: 'replace',
          desired: 'ghcr.io/shop/web:1.4.2',
          live: 'ghcr.io/shop/web:latest',
        },
      ],
    }),
  ],
  { repositoryOf: () => 'https://github.com/shop/clusters' },
)

test(
  "a refusal as Microsoft's renderer shows it: who, what, why, and buttons into Git",
  options,
  async () => {
    const card = await showCard(refused)
    const text = await card.innerText()
    for (const part of [
      'Refused: Deployment shop/web',
      'Who: alice@shop.example',
      'spec.replicas: 2 → 9',
      'Change clusters/prod/web.yaml, line 12, instead.',
      'Owner: @shop/web-team',
    ])
      assert.ok(text.includes(part), `${part} is not in ${text}`)
    const buttons = await card.getByRole('button').or(card.getByRole('link')).allInnerTexts()
    assert.deepEqual(buttons, ['File clusters/prod/web.yaml:12', 'Commit 0123456789ab'])
    await picture(card, 'chat-teams')
  },
)

test('text that tries to be more is text: no element, no link, no script comes of it', options, async () => {
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('dialog', (dialog) => problems.push(dialog.message()))
  const seen = hostileViolations().filter(([name]) => !/flood|file of|cut/.test(name))
  assert.ok(seen.length > 15)
  for (const [name, violations] of seen) {
    const card = await showCard(makeMessage(violations))
    assert.equal(await card.locator('a, img, script, iframe, button, h1, ul, b, strong').count(), 0, name)
  }
  assert.deepEqual(problems, [])
})

test('a mail is seen as it is sent, and nothing in it is live but its links into Git', options, async () => {
  await page.setContent(emailHtml(refused))
  const body = page.locator('body')
  assert.match(await body.innerText(), /alice@shop\.example/)
  const links = await body.locator('a').evaluateAll((all) => all.map((a) => a.getAttribute('href')))
  assert.ok(
    links.length > 0 && links.every((link) => link!.startsWith('https://github.com/shop/clusters/')),
    String(links),
  )
  await page.setViewportSize({ width: 760, height: 480 })
  await picture(body, 'chat-email')
})
