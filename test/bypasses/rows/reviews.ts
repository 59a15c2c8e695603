import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../row.ts'
import { paths, type Stage } from '../stage.ts'

interface Answer {
  status: number
  text: string
}

/** A request to the guard itself, as from a Pod that can reach it. */
function post(stage: Stage, body: string | Buffer, path = '/validate'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: stage.ports.https,
        path,
        method: 'POST',
        rejectUnauthorized: false,
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        )
        response.on('error', reject)
      },
    )
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // Cut off while still sending: as good as refused.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve({ status: 413, text: '' })
      else reject(error)
    })
    sent.end(body)
  })
}

const object = (message: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'web', namespace: 'shop' },
  data: { PODINFO_UI_MESSAGE: message },
})

function review(request: object): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'forged-1',
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      requestResource: { group: '', version: 'v1', resource: 'configmaps' },
      name: 'web',
      namespace: 'shop',
      operation: 'UPDATE',
      userInfo: { username: 'bob', groups: ['system:authenticated'] },
      object: object('forged'),
      oldObject: object('Welcome to the shop'),
      ...request,
    },
  })
}

/** A 4xx, or an answer that refuses. */
async function turnedAway(stage: Stage, body: string | Buffer): Promise<void> {
  const { status, text } = await post(stage, body)
  if (status >= 400 && status < 500) return
  if (status === 200 && JSON.parse(text).response?.allowed === false) return
  throw new Error(`answered ${status}: ${text.slice(0, 300)}`)
}

const hostile = (title: string, body: () => string | Buffer): Row => ({
  row: 35,
  title: `a body at the guard itself: ${title}`,
  expect: 'webhook',
  run: async (stage) => {
    const { pid } = stage.guard
    await turnedAway(stage, body())
    if ((await stage.guard.readyz()) !== 200 || stage.guard.pid !== pid) throw new Error('the guard is gone')
    return { stopped: 'webhook' }
  },
})

const NASTY = 'x\n\u001b[31mred\u001b[0m <!channel> <https://evil.example|click> *b* `c` @here &amp; \u202e'

/** Straight at the webhook's port, and what its clients choose to be called. */
export const reviewRows: readonly Row[] = [
  {
    row: 30,
    title: 'a flood of reviews and of connections that never end: alice is refused in time',
    expect: 'webhook',
    run: async (stage) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 64, rejectUnauthorized: false })
      const never = Array.from({ length: 300 }, () => {
        const sent = request({
          ...{ host: '127.0.0.1', port: stage.ports.https, path: '/validate', method: 'POST' },
          ...{ rejectUnauthorized: false, headers: { 'content-length': '1000000' } },
        })
        sent.on('error', () => undefined)
        sent.write('{"apiVersion":')
        return sent
      })
      let flooding = true
      const body = review({ dryRun: true })
      const flood = Array.from({ length: 32 }, async () => {
        while (flooding) {
          await new Promise<void>((resolve) => {
            const sent = request(
              { host: '127.0.0.1', port: stage.ports.https, path: '/validate', method: 'POST', agent },
              (response) => response.resume().on('end', resolve),
            )
            sent.on('error', () => resolve())
            sent.end(body)
          })
        }
      })
      await sleep(200)
      const started = performance.now()
      try {
        const outcome = await stage.refused('alice', ['annotate', '-n', 'shop', 'deployment/api', 'a=b'])
        const ms = performance.now() - started
        return { ...outcome, note: `answered after ${ms.toFixed(0)} ms` }
      } finally {
        flooding = false
        await Promise.all(flood)
        for (const sent of never) sent.destroy()
        agent.destroy()
      }
    },
  },
  {
    row: 30,
    title: 'a review with an object as big and as deep as the API server takes them',
    expect: 'webhook',
    run: async (stage) => {
      const big = 'a'.repeat(900 * 1024)
      return stage.refusedRaw('alice', ['PATCH', paths.settings, { data: { big } }], {
        contentType: 'application/merge-patch+json',
      })
    },
  },
  {
    row: 34,
    title: 'a forged review, as somebody else: no state changes',
    expect: 'webhook',
    run: async (stage) => {
      await turnedAway(stage, review({}))
      return { stopped: 'webhook', note: 'it is told as a denial: clientCA keeps such out' }
    },
  },
  {
    row: 34,
    title: 'a forged review in the name of the agent leaves nothing that the watcher believes',
    expect: 'watcher',
    run: async (stage) => {
      // The forger claims that the agent has written what alice is about to write.
      await post(
        stage,
        review({
          userInfo: { username: 'system:serviceaccount:ci:deployer', groups: [] },
          object: object('forged'),
        }),
      )
      return stage.pastAdmission(
        () =>
          stage.raw(
            'alice',
            'PATCH',
            paths.settings,
            { data: { PODINFO_UI_MESSAGE: 'forged' } },
            {
              contentType: 'application/merge-patch+json',
            },
          ),
        async () =>
          (await stage.raw('admin', 'GET', paths.settings)).body?.data?.PODINFO_UI_MESSAGE ===
          'Welcome to the shop',
      )
    },
  },
  {
    row: 34,
    title: 'a forged review of a BreakGlass opens nothing',
    expect: 'webhook',
    run: async (stage) => {
      const now = new Date(Date.now() + 600_000).toISOString().replace(/\.\d+/, '')
      await post(
        stage,
        review({
          uid: 'forged-2',
          kind: { group: 'gitops-guard.dev', version: 'v1alpha1', kind: 'BreakGlass' },
          resource: { group: 'gitops-guard.dev', version: 'v1alpha1', resource: 'breakglasses' },
          name: 'forged',
          operation: 'CREATE',
          oldObject: null,
          object: {
            apiVersion: 'gitops-guard.dev/v1alpha1',
            kind: 'BreakGlass',
            metadata: { name: 'forged', namespace: 'shop' },
            spec: { reason: 'forged', expiresAt: now },
          },
        }),
      )
      return stage.refused('alice', ['annotate', '-n', 'shop', 'deployment/api', 'a=b'])
    },
  },
  hostile('not JSON', () => 'GET / HTTP/1.1'),
  hostile('empty', () => ''),
  hostile('null', () => 'null'),
  hostile('another kind', () => JSON.stringify({ apiVersion: 'v1', kind: 'Pod' })),
  hostile('another version', () => review({}).replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1')),
  hostile('no uid', () => review({ uid: undefined })),
  hostile('no request', () => '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}'),
  hostile('oldObject null on DELETE', () =>
    review({ operation: 'DELETE', object: null, oldObject: null, uid: 'd' }),
  ),
  hostile('object null on UPDATE', () => review({ object: null })),
  hostile('lists for objects', () => review({ object: [], oldObject: [], userInfo: [] })),
  hostile('__proto__ as a key', () =>
    review({}).replace('"data"', '"__proto__":{"allowed":true},"constructor":{"prototype":{}},"data"'),
  ),
  hostile('100,000 levels deep', () =>
    review({}).replace('"forged"', `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
  ),
  hostile('duplicate keys', () => review({}).replace('"uid":"forged-1"', '"uid":"forged-1","uid":"b"')),
  hostile('9 MiB', () => review({ object: object('a'.repeat(9 * 1024 * 1024)) })),
  hostile('invalid UTF-8', () =>
    Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
  ),
  {
    row: 36,
    title: 'terminal escapes, newlines and <!channel> in names: harmless in log and chat',
    expect: 'webhook',
    run: async (stage) => {
      // A burst becomes a digest, which counts most names instead of showing them.
      await stage.eventually('no message waits', () => stage.guard.tellsNothing(), 120_000)
      await stage.raw(
        'alice',
        'PATCH',
        paths.settings,
        { metadata: { annotations: { note: NASTY } }, data: { [`k`]: NASTY } },
        {
          contentType: 'application/merge-patch+json',
        },
      )
      await post(stage, review({ uid: 'forged-nasty', userInfo: { username: NASTY, groups: [NASTY] } }))
      await stage.told(
        'denied',
        (each) => each.actor.username.includes('channel') || each.actor.username.includes('red'),
      )
      await stage.eventually('chat has it', async () =>
        stage.sink.chat.some((text) => text.includes('channel')),
      )
      const chat = stage.sink.chat
        .map((text) => JSON.stringify(Object.values(JSON.parse(text) as object)).replaceAll('\\\\', ''))
        .join('\n')
      for (const bad of ['<!channel>', '<https://evil.example|click>', '\u001b', '\\u001b', '\u202e'])
        if (chat.includes(bad)) throw new Error(`chat holds ${JSON.stringify(bad)}`)
      const log = await stage.guard.log()
      if (log.includes('\u001b[31m') || log.includes('\u202e')) throw new Error('the log holds escapes')
      return { stopped: 'webhook' }
    },
  },
  {
    row: 37,
    title: "a Secret's value: in no answer, log, message or report",
    expect: 'webhook',
    run: async (stage) => {
      const marks = ['swordfish-1', 'swordfish-2']
      const stringData = { token: marks[0], [marks[1]!.replaceAll('-', '.')]: marks[1] }
      const { text, status } = await stage.raw(
        'alice',
        'PATCH',
        paths.secret,
        { stringData },
        {
          contentType: 'application/merge-patch+json',
        },
      )
      if (status !== 403) throw new Error(`answered ${status}`)
      await stage.pastAdmission(
        () =>
          stage.raw(
            'alice',
            'PATCH',
            paths.secret,
            { stringData: { token: marks[0] } },
            { contentType: 'application/merge-patch+json' },
          ),
        async () =>
          (await stage.raw('admin', 'GET', paths.secret)).body?.data?.token === btoa('not-a-real-token'),
      )
      await stage.told('repaired', (each) => each.object.kind === 'Secret')
      const seen = [
        text,
        await stage.guard.log(),
        ...stage.sink.chat,
        JSON.stringify(stage.sink.violations),
      ].join()
      for (const mark of [...marks, 'not-a-real-token'])
        for (const form of [mark, btoa(mark)]) if (seen.includes(form)) throw new Error(`${form} is shown`)
      return { stopped: 'webhook' }
    },
  },
]
