/** Uses a rendering again for a commit in which nothing that it read has changed. */
import type { RenderInput, Rendered } from './renderer.ts'

/** Undefined where something has. */
export function unchanged({ rendering, revision }: RenderInput, inputs: string): Rendered | undefined {
  if (rendering?.inputs !== inputs) return undefined
  const manifests = rendering.manifests.map((manifest) => ({
    ...manifest,
    origin: { ...manifest.origin, revision },
  }))
  const { problems } = rendering
  return {
    manifests,
    problems: [...problems],
    files: new Map(),
    rendering: { ...rendering, manifests, revision },
  }
}
