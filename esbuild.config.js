/**
 * Bundles the command line into dist/: what the image and npm ship. It starts faster and holds far less memory than the
 * packages by themselves, most of all as the models of @kubernetes/client-node stay out: the guard works on raw JSON.
 */
import { cp } from 'node:fs/promises'
import { build } from 'esbuild'

/** The client library does not say that its modules only define things, so that unused ones can go. */
const withoutModels = {
  name: 'without-models',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /.*/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      const inside = importer.includes('@kubernetes/client-node') && path.startsWith('.')
      if (pluginData === 'resolved' || !(inside || path === '@kubernetes/client-node')) return undefined
      const found = await resolve(path, { importer, resolveDir, kind, pluginData: 'resolved' })
      return { ...found, sideEffects: false }
    })
  },
}

// The dashboard is files as they are.
await cp('src/screen/page', 'dist/page', { recursive: true })

await build({
  entryPoints: ['src/cli.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  legalComments: 'none',
  minifyWhitespace: true,
  logLevel: 'warning',
  plugins: [withoutModels],
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
})
