import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'yaml'
import { runCommand } from '../control-plane/run-command.ts'
import { builtCli } from '../e2e/built-cli.ts'
import { refusedToOthers, repairs } from './audit-count.ts'
import { PersistentAlice, type Attempt } from './persistent-alice.ts'
import type { RealOperator } from './real-operator.ts'
import { Stage } from './stage.ts'

export interface OperatorDay {
  title: string
  operator(): RealOperator | Promise<RealOperator>
  /** A day's work, in a namespace of its own: Git's objects under a folder of that name, and waiting for what becomes of them. */
  work(stage: Stage, namespace: string): Promise<void>
  /** How the day ends: Git gives up objects, and what they own is Git's no more. */
  end?(stage: Stage, namespace: string): Promise<void>
  /** What alice tries meanwhile, in that namespace; each would change something. */
  attempts(namespace: string): readonly Attempt[]
  /** Presets that `suggest` proposes, having seen a day in audit mode; nothing beside them. */
  proposes: readonly string[]
  /** Why it is not run yet. */
  skip?: string
}

/** What the guard says of a question that it asks again, and of an object that the agent has not brought in yet: in nobody's way. */
const PASSING = ['failed', 'undone']

/**
 * Three days of one real operator: under `enforce` with its preset, from its first start on; in audit mode with no
 * allowance; and under `enforce` again with what `suggest` proposed after that, and nothing else.
 */
export function tellDay({ title, operator, work, end, attempts, proposes, skip }: OperatorDay): void {
  describe(title, { skip: skip ?? false }, () => {
    let stage: Stage
    let real: RealOperator
    let proposal: Record<string, unknown> | undefined
    /** Days that went well: what follows a bad one says nothing. */
    let good = 0

    before(async () => {
      real = await operator()
      stage = await Stage.open(real, { mode: 'enforce', allow: [{ preset: real.preset }] })
    })

    after(async () => {
      await stage?.close()
    })

    /** A day while alice tries: nobody but her is refused, nothing is put back, and nothing of hers gets through. */
    async function undisturbed(day: string, begin: () => Promise<void>): Promise<void> {
      const from = stage.audit.writes().length
      const told = (await stage.guard.interference()).length
      const alice = new PersistentAlice(stage.plane, () => stage.isKnown())
      try {
        await begin()
        alice.tries(attempts(day))
        const ended = work(stage, day).then(async () => {
          await alice.stop()
          await end?.(stage, day)
        })
        await ended.catch(async (error: unknown) => {
          const logs = await Promise.all(real.processes.map(({ account }) => stage.logOf(account)))
          const refused = refusedToOthers(stage.audit.writes().slice(from), 'alice')
          throw new Error(`${String(error)}\n${JSON.stringify(refused)}\n${logs.join('\n')}`)
        })
        // What a guard that is wrong would do, it does at the next poll of Git.
        await sleep(3000)
      } finally {
        await alice.stop()
      }
      const writes = stage.audit.writes().slice(from)
      assert.deepEqual(refusedToOthers(writes, 'alice'), [])
      assert.deepEqual(repairs(writes), [])
      const interference = (await stage.guard.interference()).slice(told)
      assert.deepEqual(
        interference
          .filter(
            ({ event, actor, user }) => !PASSING.includes(String(event)) && ![actor, user].includes('alice'),
          )
          .map((line) => JSON.stringify(line)),
        [],
      )
      assert.deepEqual(alice.done, [])
      assert.ok(alice.refused >= 20, `alice was refused ${alice.refused} times`)
    }

    it('let it install and work for a day under enforce with its preset, while alice is refused', async () => {
      await undisturbed('monday', async () => {
        await stage.roll(`Install ${real.name}`, {
          [`${real.name}/0-namespace.yaml`]: [namespace(real.namespace)],
          ...Object.fromEntries(
            Object.entries(await real.manifests()).map(([file, text]) => [`${real.name}/${file}`, text]),
          ),
        })
        await stage.start()
      })
      good++
    })

    it('propose its preset and nothing else after a day in audit mode with no allowance', async () => {
      assert.equal(good, 1, 'the day before was no good')
      await stage.configure({ mode: 'audit' })
      await work(stage, 'tuesday')
      await end?.(stage, 'tuesday')
      const args = [await builtCli(), 'suggest', '--url', stage.guard.url, '--config', stage.guard.config]
      const { code, stdout, stderr } = await runCommand(process.execPath, args)
      assert.equal(code, 0, stderr)
      const said = parse(stdout) as Record<string, unknown>
      assert.deepEqual(said, { allow: proposes.map((preset) => ({ preset })) }, stdout)
      assert.doesNotMatch(stdout, /not proposed/)
      proposal = said
    })

    it('let it work for a day under enforce with the proposal alone, while alice is refused', async () => {
      assert.ok(proposal !== undefined, 'the day before was no good')
      await undisturbed('wednesday', () => stage.configure({ mode: 'enforce', ...proposal }))
    })
  })
}

/** For the folder of a day. */
export function namespace(name: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}
