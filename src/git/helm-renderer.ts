/** Renders a chart in the sandbox. */
import type { RenderInput, Rendered, Renderer } from './renderer.ts'
import { renderFailure } from './render-failure.ts'
export class HelmRenderer implements Renderer {
  async render(input: RenderInput): Promise<Rendered> {
    return renderFailure(input, [])
  }
}
