/** The operators for tests, by hand: `node test/operators/main.ts [NAME ...]` gets their binaries and prints where they are. */
import { findProgram } from '../control-plane/find-program.ts'
import { operatorNames, operatorProgram, type OperatorName } from './operators.ts'

const names = process.argv.slice(2)
const unknown = names.filter((name) => !operatorNames.includes(name as OperatorName))
if (unknown.length > 0) {
  process.stderr.write(`no operator ${unknown.join(', ')}: there are ${operatorNames.join(', ')}\n`)
  process.exit(2)
}
for (const name of names.length > 0 ? (names as OperatorName[]) : operatorNames)
  console.log(`${name}: ${await findProgram(operatorProgram(name))}`)
