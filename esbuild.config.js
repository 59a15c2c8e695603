/**
 * Bundles the command line into dist/: what the image and npm ship. It starts faster and holds far less memory than the
 * packages by themselves, most of all as the models of @kubernetes/client-node stay out: the guard works on raw JSON.
 */
import { cp } from 'node:fs/promises'
import { build } from 'esbuild'

/**
 * Of the client library only its reader of kubeconfigs: its index brings thousands of models, which take esbuild twenty seconds
 * to find unused.
 */
const withoutModels = {
  name: 'without-models',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^@kubernetes\/client-node$/ }, ({ importer, resolveDir, kind }) =>
      resolve('@kubernetes/client-node/dist/config.js', { importer, resolveDir, kind }),
    )
    onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ resolveDir }) => ({
      path: `${resolveDir}/gen`,
      namespace: 'client-configuration',
    }))
    onLoad({ filter: /.*/, namespace: 'client-configuration' }, ({ path }) => ({
      contents:
        "export { createConfiguration } from './configuration.js'; export { ServerConfiguration } from './servers.js'",
      resolveDir: path,
    }))
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
