// A service written with openid-client (npm), as its documentation shows: node openid_client.mjs SETTINGS
// SETTINGS, in JSON: issuer, port, client_id, client_secret, scope.
import * as client from 'openid-client'
import { serve, signedIn } from './site.mjs'

const settings = JSON.parse(process.argv[2])
const home = `http://127.0.0.1:${settings.port}`

const metadata = { id_token_signed_response_alg: 'ES256' }
const authentication = client.ClientSecretBasic(settings.client_secret)
const config = await client.discovery(new URL(settings.issuer), settings.client_id, metadata, authentication, {
  // Plain http, because this issuer is on this machine; and signatures checked even where TLS alone would do (Core 3.1.3.7).
  execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
})

/** What the library has checked goes into the session. */
async function keep(session, tokens) {
  session.tokens = { ...session.tokens, ...tokens }
  session.claims = tokens.claims() ?? session.claims
  session.userinfo = await client.fetchUserInfo(config, tokens.access_token, session.claims.sub)
}

function shown({ claims, userinfo, tokens }) {
  return { claims, userinfo, id_token: tokens.id_token, access_token: tokens.access_token, expires_in: tokens.expires_in }
}

serve(settings.port, 'openid_client', {
  async '/login'({ url, session }) {
    session.checks = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
    }
    return client.buildAuthorizationUrl(config, {
      ...Object.fromEntries(url.searchParams),
      redirect_uri: `${home}/callback`,
      scope: settings.scope,
      state: session.checks.expectedState,
      nonce: session.checks.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(session.checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
  },
  async '/callback'({ url, session }) {
    const tokens = await client.authorizationCodeGrant(config, url, { ...session.checks, idTokenExpected: true })
    await keep(session, tokens)
    return new URL(`${home}/me`)
  },
  '/me': ({ session }) => shown(signedIn(session)),
})
