import { stringify } from 'yaml'
import type { DesiredState } from '../model/desired.ts'
import type { KubeObject } from '../model/json.ts'
import { stringifyJson } from '../object/json.ts'
import { maskObject } from '../object/mask.ts'
import { escapeText } from '../object/text.ts'
import { chosenSources, readAllSettings, readSources, type CommonOptions } from './context.ts'

/** `gitops-guard render`: what the sources declare; without a cluster, unless it is to be looked for sources. */
export async function render(options: CommonOptions & { showSecrets?: boolean }): Promise<number> {
  const settings = await readAllSettings(options)
  const states = await readSources(chosenSources(settings, options.source))
  const show = (object: KubeObject) => (options.showSecrets === true ? object : maskObject(object))
  if (options.output === 'json') console.log(stringifyJson(asJson(states, show)))
  else for (const state of states) process.stdout.write(asText(state, show))
  for (const { file, line, message } of states.flatMap(({ problems }) => problems)) {
    console.error(escapeText(`${file}:${line}: ${message}`, 2000))
  }
  return 0
}

type Show = (object: KubeObject) => KubeObject

function asJson(states: readonly DesiredState[], show: Show) {
  return {
    sources: states.map(({ source, revision }) => ({ name: source, revision })),
    objects: states.flatMap(({ source, manifests }) =>
      manifests.map(({ origin: { file, line, approximate = false }, object }) => ({
        source,
        origin: { file, line, approximate },
        manifest: show(object),
      })),
    ),
    problems: states.flatMap(({ problems }) => problems),
  }
}

/** A stream that kubectl can apply: texts that YAML 1.1 would read as something else are quoted. */
function asText({ source, revision, manifests }: DesiredState, show: Show): string {
  return manifests
    .map(({ origin, object }) => {
      const place = escapeText(`${origin.file}:${origin.line}`, 1000)
      return `---\n# ${source} ${place} at ${revision.slice(0, 12)}\n${stringify(show(object), { version: '1.1', lineWidth: 0 })}`
    })
    .join('')
}
