import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const PLACES = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** A Chromium or Chrome of this machine; undefined where there is none. */
export const executablePath = PLACES.find((path) => path !== undefined && existsSync(path))

/** Why tests with a browser are left out; false where they are not. */
export const noBrowser =
  executablePath === undefined && 'no Chromium on this machine: set CHROMIUM, or apt-get install chromium'

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: executablePath!,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
}
