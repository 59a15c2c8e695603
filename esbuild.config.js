/**
 * Bundles the command line into dist/: what the image and npm ship. It starts faster and holds far less memory than the
 * packages by themselves, most of all as the models of @kubernetes/client-node stay out: the guard works on raw JSON.
 */
import { cp, writeFile } from 'node:fs/promises'
import { build } from 'esbuild'
import { thirdParty } from './supply-chain/third-party.ts'

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

const { metafile } = await build({
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
  metafile: true,
  plugins: [withoutModels],
  banner: {
    js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
  },
})

// Minified, the bundle has lost the notices that its packages ask for.
await writeFile('dist/THIRD-PARTY.txt', await thirdParty(metafile, import.meta.dirname))
