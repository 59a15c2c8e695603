import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HTTP, type CloudEvent } from 'cloudevents'
import { cloudEvents } from './cloudevents.ts'
import { httpStandIn } from './testing/http-stand-in.ts'
import { someViolation } from './testing/violations.ts'

for (const mode of ['structured', 'binary'] as const) {
  test(`the SDK of CloudEvents reads and validates an event, ${mode}, whatever the names in it are`, async (context) => {
    const server = await httpStandIn()
    context.after(() => server.close())
    const provider = cloudEvents({ url: { read: () => Promise.resolve(server.url) }, mode })
    for (const name of ['web', 'wéb "1" %41\u{1f986}']) {
      const violation = someViolation({
        id: `id-${name.length}`,
        object: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name },
        owners: ['@org/shop'],
      })
      await provider.send(violation, AbortSignal.timeout(10_000))
      const { headers, body } = server.received.at(-1)!
      const event = HTTP.toEvent({ headers, body }) as CloudEvent<unknown>
      assert.equal(event.validate(), true)
      assert.equal(event.id, violation.id)
      assert.equal(event.type, 'dev.gitops-guard.violation.v1')
      assert.equal(event.source, '/gitops-guard/sources/shop')
      assert.equal(Date.parse(String(event.time)), Date.parse(violation.time))
      // The SDK leaves the percent-encoding of headers to whoever reads them.
      const subject = mode === 'binary' ? decodeURIComponent(event.subject!) : event.subject
      assert.equal(subject, `shop/Deployment/${name}`)
      assert.deepEqual(event.data, violation)
    }
  })
}
