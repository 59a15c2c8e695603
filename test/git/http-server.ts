/** Serves repositories by real `git http-backend` behind node:http, with basic authentication, and can misbehave. */
import { execFileSync, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface GitHttpServer {
  /** `http://127.0.0.1:PORT`. */
  origin: string
  /** User and password that are wanted; none at first. */
  login: { user: string; password: string } | undefined
  /** `hang` answers nothing, `redirect` sends to another server, `fail` answers 500. */
  mode: 'serve' | 'hang' | 'redirect' | 'fail'
  redirectTo: string
  /** Authorization headers seen, decoded. */
  logins: string[]
  /** Paths asked for. */
  requests: string[]
  /** Milliseconds before an answer. */
  delay: number
}

/** @param root folder below which repositories are. */
export async function gitHttpServer(
  context: Pick<TestContext, 'after'>,
  root: string,
): Promise<GitHttpServer> {
  const backend = `${execFileSync('git', ['--exec-path']).toString().trim()}/git-http-backend`
  const state: GitHttpServer = {
    origin: '',
    login: undefined,
    mode: 'serve',
    redirectTo: '',
    logins: [],
    requests: [],
    delay: 0,
  }
  const server = createServer((request, response) => {
    void answer(state, backend, root, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  state.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return state
}

async function answer(
  state: GitHttpServer,
  backend: string,
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', state.origin)
  state.requests.push(`${request.method ?? ''} ${url.pathname}`)
  const header = request.headers.authorization
  if (header) state.logins.push(Buffer.from(header.replace(/^Basic /, ''), 'base64').toString())
  if (state.delay) await new Promise((resolve) => setTimeout(resolve, state.delay))
  if (state.mode === 'hang') return
  if (state.mode === 'fail') {
    response.writeHead(500).end('broken')
    return
  }
  if (state.mode === 'redirect') {
    response.writeHead(302, { location: `${state.redirectTo}${request.url ?? ''}` }).end()
    return
  }
  const { login } = state
  if (login && state.logins.at(-1) !== `${login.user}:${login.password}`) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('no')
    return
  }
  const child = spawn(backend, {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  const chunks: Buffer[] = []
  for await (const chunk of child.stdout) chunks.push(chunk as Buffer)
  const output = Buffer.concat(chunks)
  const end = output.indexOf('\r\n\r\n')
  const headers = output.subarray(0, end).toString().split('\r\n')
  for (const line of headers) {
    const [name = '', value = ''] = line.split(/: (.*)/)
    if (name === 'Status') response.statusCode = Number(value.split(' ')[0])
    else response.setHeader(name, value)
  }
  response.end(output.subarray(end + 4))
}
