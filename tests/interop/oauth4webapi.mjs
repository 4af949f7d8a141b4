// A public client written with oauth4webapi (npm), as its examples show: node oauth4webapi.mjs SETTINGS
// SETTINGS, in JSON: issuer, port, client_id, scope.
import * as oauth from 'oauth4webapi'
import { serve, signedIn } from './site.mjs'

const settings = JSON.parse(process.argv[2])
const home = `http://127.0.0.1:${settings.port}`

const overHttp = { [oauth.allowInsecureRequests]: true } // this issuer is on this machine
const issuer = new URL(settings.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, overHttp))
const client = { client_id: settings.client_id }

/** What the library has checked goes into the session; `answer` is the token endpoint's. */
async function keep(session, answer, tokens) {
  if (tokens.id_token) await oauth.validateApplicationLevelSignature(as, answer, overHttp)
  session.tokens = { ...session.tokens, ...tokens }
  session.claims = oauth.getValidatedIdTokenClaims(tokens) ?? session.claims
  const userinfo = await oauth.userInfoRequest(as, client, tokens.access_token, overHttp)
  session.userinfo = await oauth.processUserInfoResponse(as, client, session.claims.sub, userinfo)
}

function shown({ claims, userinfo, tokens }) {
  return { claims, userinfo, id_token: tokens.id_token, access_token: tokens.access_token, expires_in: tokens.expires_in }
}

serve(settings.port, 'oauth4webapi', {
  async '/login'({ url, session }) {
    session.verifier = oauth.generateRandomCodeVerifier()
    session.state = oauth.generateRandomState()
    session.nonce = oauth.generateRandomNonce()
    const to = new URL(as.authorization_endpoint)
    to.search = new URLSearchParams({
      ...Object.fromEntries(url.searchParams),
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: `${home}/callback`,
      scope: settings.scope,
      state: session.state,
      nonce: session.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(session.verifier),
      code_challenge_method: 'S256',
    })
    return to
  },
  async '/callback'({ url, session }) {
    const parameters = oauth.validateAuthResponse(as, client, url, session.state)
    const answer = await oauth.authorizationCodeGrantRequest(
      as, client, oauth.None(), parameters, `${home}/callback`, session.verifier, overHttp,
    )
    const checks = { expectedNonce: session.nonce, requireIdToken: true }
    await keep(session, answer, await oauth.processAuthorizationCodeResponse(as, client, answer, checks))
    return new URL(`${home}/me`)
  },
  '/me': ({ session }) => shown(signedIn(session)),
})
