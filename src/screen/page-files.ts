import type { Express } from 'express'
import { readFileSync, readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

const TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** Beside this file: in src/ as in the bundle. */
const FOLDER = join(import.meta.dirname, 'page')

/** Serves the files of the page at `/`: they are read once, and hold nothing but the page itself, so they take no token. */
export function servePage(app: Express): void {
  for (const name of readdirSync(FOLDER)) {
    const type = TYPES[extname(name)]
    if (type === undefined) continue
    const content = readFileSync(join(FOLDER, name))
    const packed = gzipSync(content)
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 20)}"`
    app.get(name === 'index.html' ? '/' : `/${name}`, (request, response) => {
      response.set({ ...HEADERS, ETag: etag, 'Cache-Control': 'no-cache', Vary: 'Accept-Encoding' })
      if (request.headers['if-none-match'] === etag) return void response.status(304).end()
      response.set('Content-Type', type)
      if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return void response.end(content)
      response.set('Content-Encoding', 'gzip').end(packed)
    })
  }
}
