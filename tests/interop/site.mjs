// What the two JavaScript sites share: a web server with sessions, and nothing of OpenID Connect.
import { createServer } from 'node:http'
import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'

const sessions = new Map()

/** The sessions of everybody, for a logout that the provider asks for. */
export const everySession = () => [...sessions.values()]

/**
 * Serves `routes`, a table from path to a function of { url, body, session }. It returns where to redirect to (a URL),
 * what to answer (an object), or nothing (204). What it throws is answered 400, as JSON.
 */
export function serve(port, cookie, routes) {
  const home = `http://127.0.0.1:${port}`
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, home)
    const id = request.headers.cookie?.match(`${cookie}=([\\w-]+)`)?.[1] ?? randomUUID()
    const session = sessions.get(id) ?? sessions.set(id, {}).get(id)
    const answer = (status, body, headers = {}) => {
      const kept = { 'set-cookie': `${cookie}=${id}; HttpOnly; SameSite=Lax; Path=/`, 'cache-control': 'no-store' }
      response.writeHead(status, { ...kept, 'content-type': 'application/json', ...headers }).end(body)
    }
    try {
      const route = routes[url.pathname]
      if (!route) return answer(404, '{"error":"not found"}')
      const result = await route({ url, body: await text(request), session })
      if (result instanceof URL) return answer(303, '', { location: result.href })
      answer(result ? 200 : 204, result && JSON.stringify(result))
    } catch (error) {
      console.error(error)
      const why = { error: error.error ?? error.code ?? error.name, description: String(error.cause ?? error) }
      answer(400, JSON.stringify(why))
    }
  })
  server.listen(port, '127.0.0.1')
}

/** Throws what a person without a session gets. */
export function signedIn(session) {
  if (!session.claims) throw Object.assign(new Error('sign in first'), { error: 'signed_out' })
  return session
}

/** Forgets who it was. */
export function signOut(session) {
  session.claims = session.userinfo = session.tokens = undefined
}
