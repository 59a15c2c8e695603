/** Builds the renderers into the cache, where they are not there yet: `node test/renderers/main.ts`. */
import { prepareRenderers } from './prepare-renderers.ts'
import { rendererNames } from './renderers.ts'

const found = await prepareRenderers(rendererNames)
if ('cannot' in found) {
  process.stderr.write(`${found.cannot}\n`)
  process.exitCode = 1
} else {
  for (const [name, file] of Object.entries(found)) console.log(`${name}=${file}`)
}
