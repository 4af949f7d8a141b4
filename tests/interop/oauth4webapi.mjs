// A public client written with oauth4webapi (npm), as its examples show: node oauth4webapi.mjs SETTINGS
// SETTINGS, in JSON: issuer, port, client_id, scope, resource.
import * as oauth from 'oauth4webapi'
import { serve, signedIn, signOut } from './site.mjs'

const settings = JSON.parse(process.argv[2])
const home = `http://127.0.0.1:${settings.port}`

const overHttp = { [oauth.allowInsecureRequests]: true } // this issuer is on this machine
const issuer = new URL(settings.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, overHttp))
const client = { client_id: settings.client_id }
const publicClient = oauth.None()
const api = `${home}/api` // a resource of this site's own (RFC 8707)

/** What the library has checked goes into the session; `answer` is the token endpoint's. */
async function keep(session, answer, tokens) {
  if (tokens.id_token) await oauth.validateApplicationLevelSignature(as, answer, overHttp)
  session.tokens = { ...session.tokens, ...tokens }
  session.claims = oauth.getValidatedIdTokenClaims(tokens) ?? session.claims
  const userinfo = await oauth.userInfoRequest(as, client, tokens.access_token, overHttp)
  session.userinfo = await oauth.processUserInfoResponse(as, client, session.claims.sub, userinfo)
}

/** New tokens for one resource; the refresh token is replaced each time. */
async function refresh(session, resource) {
  const { refresh_token } = signedIn(session).tokens
  const options = { ...overHttp, additionalParameters: { resource } }
  const answer = await oauth.refreshTokenGrantRequest(as, client, publicClient, refresh_token, options)
  const tokens = await oauth.processRefreshTokenResponse(as, client, answer)
  session.tokens.refresh_token = tokens.refresh_token
  return { answer, tokens }
}

serve(settings.port, 'oauth4webapi', {
  async '/login'({ session }) {
    session.verifier = oauth.generateRandomCodeVerifier()
    session.state = oauth.generateRandomState()
    session.nonce = oauth.generateRandomNonce()
    const to = new URL(as.authorization_endpoint)
    to.search = new URLSearchParams({
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: `${home}/callback`,
      scope: settings.scope,
      state: session.state,
      nonce: session.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(session.verifier),
      code_challenge_method: 'S256',
    })
    to.searchParams.append('resource', settings.issuer) // UserInfo …
    to.searchParams.append('resource', api) // … and an API, each with access tokens of its own
    return to
  },
  async '/callback'({ url, session }) {
    const parameters = oauth.validateAuthResponse(as, client, url, session.state)
    const answer = await oauth.authorizationCodeGrantRequest(
      as, client, publicClient, parameters, `${home}/callback`, session.verifier,
      { ...overHttp, additionalParameters: { resource: settings.issuer } },
    )
    const checks = { expectedNonce: session.nonce, requireIdToken: true }
    await keep(session, answer, await oauth.processAuthorizationCodeResponse(as, client, answer, checks))
    return new URL(`${home}/me`)
  },
  '/me'({ session }) {
    const { claims, userinfo, tokens } = signedIn(session)
    return { claims, userinfo, id_token: tokens.id_token, access_token: tokens.access_token }
  },
  async '/refresh'({ session }) {
    const { answer, tokens } = await refresh(session, settings.issuer)
    await keep(session, answer, tokens)
    return new URL(`${home}/me`)
  },
  /** As the API would see it: the claims of an access token that the library has checked (RFC 9068). */
  async '/api'({ session }) {
    const { tokens } = await refresh(session, api)
    const request = new Request(api, { headers: { authorization: `Bearer ${tokens.access_token}` } })
    return oauth.validateJwtAccessToken(as, request, api, { ...overHttp, signingAlgorithms: ['ES256'] })
  },
  async '/revoke'({ session }) {
    const { refresh_token } = signedIn(session).tokens
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, publicClient, refresh_token, overHttp))
  },
  '/logout'({ session }) {
    const { id_token } = signedIn(session).tokens
    signOut(session)
    const to = new URL(as.end_session_endpoint) // the library has no part in logout
    to.search = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: `${home}/signed-out` })
    return to
  },
  '/signed-out': () => ({ state: true }),
})
