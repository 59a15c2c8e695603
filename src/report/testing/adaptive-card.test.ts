import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { adaptiveCardProblems } from './adaptive-card.ts'

const text = { type: 'TextBlock', text: 'hello' }
const card = (over: object) => ({ type: 'AdaptiveCard', version: '1.4', body: [text], ...over })

describe("the checker of Adaptive Cards says what Microsoft's library says", () => {
  test('nothing against a card of its version', () => {
    assert.deepEqual(adaptiveCardProblems(card({})), [])
    const table = { type: 'Table', columns: [{ width: 1 }], rows: [] }
    assert.deepEqual(adaptiveCardProblems(card({ version: '1.5', body: [table] })), [])
  })

  for (const [name, over, wanted] of [
    ['an element of a later version', { body: [{ type: 'Table' }] }, /Unknown element type "Table"/],
    ['an element that is none', { body: [{ type: 'Txt' }] }, /Unknown element type "Txt"/],
    ['a property that is none', { body: [{ ...text, colour: 'Good' }] }, /TextBlock\.colour is unknown/],
    ['a property of a later version', { body: [{ ...text, style: 'heading' }] }, /"style"|style is unknown/],
    ['a property of an inline', { body: [rich({ colour: 'Good' })] }, /TextRun\.colour is unknown/],
    ['a value that is none', { body: [{ ...text, size: 'Huge' }] }, /Invalid value "Huge"/],
    ['a value of an inline', { body: [rich({ weight: 'Heavy' })] }, /Invalid value "Heavy"/],
    ['an action without its URL', { actions: [{ type: 'Action.OpenUrl' }] }, /"url" must be set/],
    ['a property of the card', { title: 'x' }, /AdaptiveCard\.title is unknown/],
    ['no version', { version: 'x' }, /version/],
  ] as const) {
    test(`something against ${name}`, () => {
      assert.match(adaptiveCardProblems(card(over)).join('\n'), wanted)
    })
  }
})

function rich(over: object) {
  return { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'x', ...over }] }
}
