import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'
import importX from 'eslint-plugin-import-x'

/**
 * The arrows of the architecture: what each folder of src/ may import from the others (docs/architecture.md).
 * guard.ts and cli.ts wire everything and may import all.
 */
const arrows = {
  model: [],
  object: ['model'],
  policy: ['model', 'object'],
  drift: ['model', 'object'],
  doctor: ['model', 'object', 'policy'],
  git: ['model', 'object'],
  discover: ['model', 'object', 'git'],
  cluster: ['model', 'object'],
  admission: ['model', 'object', 'policy'],
  reconcile: ['model', 'object', 'policy', 'drift'],
  sync: ['model', 'object', 'policy', 'cluster', 'reconcile'],
  report: ['model', 'object'],
  screen: ['model', 'object', 'report'],
  tls: ['model'],
  config: ['model', 'object'],
  telemetry: ['model', 'object'],
}

const folders = Object.keys(arrows)

/** Nothing pure may reach for a clock, the environment, files, the network or a logger. */
const edges = [
  'node:*',
  'express',
  '@kubernetes/*',
  'simple-git',
  'pino',
  'node-forge',
  'prom-client',
  'yaml',
]
const pure = ['model', 'object', 'policy', 'drift', 'doctor', 'discover']

const architecture = folders.map((folder) => ({
  files: [`src/${folder}/**/*.ts`],
  ignores: ['**/*.test.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: [
              ...folders.filter((other) => other !== folder && !arrows[folder].includes(other)),
              'guard.ts',
              'cli.ts',
              'commands',
            ].map((other) => (other.endsWith('.ts') ? `**/${other}` : `../**/${other}/**`)),
            message: `src/${folder} may import only: ${arrows[folder].join(', ') || 'nothing'} (eslint.config.js, docs/architecture.md).`,
          },
          ...(pure.includes(folder)
            ? [{ group: edges, message: `src/${folder} is pure: facts in, value out.` }]
            : []),
        ],
      },
    ],
  },
}))

export default defineConfig(
  { ignores: ['node_modules/', 'dist/', 'docs/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strict],
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver': { node: { extensions: ['.ts'] } } },
    rules: {
      'import-x/no-cycle': 'error',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      'no-restricted-properties': [
        'error',
        ...['env'].map((property) => ({
          object: 'process',
          property,
          message: 'Only src/config reads the environment.',
        })),
      ],
    },
  },
  { files: ['src/config/**', 'test/**', '**/*.test.ts'], rules: { 'no-restricted-properties': 'off' } },
  ...architecture,
)
