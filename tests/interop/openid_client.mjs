// A service written with openid-client (npm), as its documentation shows: node openid_client.mjs SETTINGS
// SETTINGS, in JSON: issuer, port, client_id, private_key (a JWK), scope.
import * as client from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose' // the same author's; openid-client brings it along
import { everySession, serve, signedIn, signOut } from './site.mjs'

const settings = JSON.parse(process.argv[2])
const home = `http://127.0.0.1:${settings.port}`

const { kid, ...jwk } = settings.private_key
const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])
const metadata = {
  id_token_signed_response_alg: 'ES256',
  userinfo_signed_response_alg: 'ES256',
  introspection_signed_response_alg: 'ES256', // so that it asks for the signed form (RFC 9701)
}
const config = await client.discovery(
  new URL(settings.issuer), settings.client_id, metadata, client.ClientSecretBasic(settings.client_secret),
  // Plain http, because this issuer is on this machine; and signatures checked even where TLS alone would do (Core 3.1.3.7).
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
)
const jwks = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))

/** What the library has checked goes into the session. */
async function keep(session, tokens) {
  session.tokens = { ...session.tokens, ...tokens }
  session.claims = tokens.claims() ?? session.claims
  session.userinfo = await client.fetchUserInfo(config, tokens.access_token, session.claims.sub)
}

serve(settings.port, 'openid_client', {
  async '/login'({ session }) {
    session.checks = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
    }
    return client.buildAuthorizationUrl(config, {
      redirect_uri: `${home}/callback`,
      scope: settings.scope,
      prompt: 'consent', // without it, offline_access means nothing (Core 11)
      state: session.checks.expectedState,
      nonce: session.checks.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(session.checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
  },
  async '/callback'({ url, session }) {
    await keep(session, await client.authorizationCodeGrant(config, url, { ...session.checks, idTokenExpected: true }))
    return new URL(`${home}/me`)
  },
  '/me'({ session }) {
    const { claims, userinfo, tokens } = signedIn(session)
    return { claims, userinfo, id_token: tokens.id_token, access_token: tokens.access_token }
  },
  async '/refresh'({ session }) {
    await keep(session, await client.refreshTokenGrant(config, signedIn(session).tokens.refresh_token))
    return new URL(`${home}/me`)
  },
  '/introspect': ({ session }) => client.tokenIntrospection(config, signedIn(session).tokens.access_token),
  '/revoke': ({ session }) => client.tokenRevocation(config, signedIn(session).tokens.refresh_token),
  '/logout'({ session }) {
    const { tokens } = signedIn(session)
    signOut(session)
    return client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token,
      post_logout_redirect_uri: `${home}/signed-out`,
      state: (session.leaving = client.randomState()),
    })
  },
  '/signed-out': ({ url, session }) => ({ state: url.searchParams.get('state') === session.leaving }),
  /** Back-Channel Logout 2.6, with what jose checks of a JWT. */
  async '/backchannel'({ body }) {
    const { payload } = await jwtVerify(new URLSearchParams(body).get('logout_token'), jwks, {
      issuer: settings.issuer,
      audience: settings.client_id,
      typ: 'logout+jwt',
      algorithms: ['ES256'],
      maxTokenAge: '2 minutes',
      requiredClaims: ['jti', 'events', 'exp'],
    })
    if (!payload.events['http://schemas.openid.net/event/backchannel-logout'] || payload.nonce) throw new Error('no logout')
    everySession().filter(({ claims }) => claims?.sid === payload.sid).forEach(signOut)
  },
})
