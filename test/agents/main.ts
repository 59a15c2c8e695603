/** The agents for tests, by hand: `node test/agents/main.ts [NAME ...]` gets their binaries and prints where they are. */
import { agentNames, agentProgram, type AgentName } from './agents.ts'
import { findProgram } from '../control-plane/find-program.ts'
import { findRedis } from './find-redis.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !agentNames.includes(name as AgentName))
if (unknown.length > 0) {
  process.stderr.write(`no agent ${unknown.join(', ')}: there are ${agentNames.join(', ')}\n`)
  process.exit(2)
}
try {
  for (const name of names.length > 0 ? (names as AgentName[]) : agentNames) {
    if (name === 'argocd') await findRedis()
    console.log(`${name}: ${await findProgram(agentProgram(name))}`)
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exit(1)
}
