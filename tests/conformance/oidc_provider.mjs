// npm's certified oidc-provider on loopback, for the restated modules of tests/it/conformance: what they ask of our
// provider they ask of this one too. Its own pages carry the element ids of ours, so one browser walks through both.
//
//     node oidc_provider.mjs PORT

import Provider from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;

// The tests move the clock instead of waiting.
const systemTime = Date.now;
let ahead = 0;
Date.now = () => systemTime() + ahead;

const CLAIMS = {
  name: 'Jean Dupont',
  given_name: 'Jean',
  family_name: 'Dupont',
  preferred_username: 'jean.dupont',
  updated_at: 1600000000,
  email: 'jean.dupont@beta.gouv.fr',
  email_verified: true,
  address: { country: 'FR' },
  phone_number: '+33100000000',
  phone_number_verified: true,
};

const page = (body) => `<!DOCTYPE html><html lang="en"><head><title>Test</title></head><body>${body}</body></html>`;
const form = (id, field) => `<form id="${id}" method="post">${field}<button id="submit">Go on</button></form>`;
const LOGIN = form('password-form', '<input name="password">');
const CONSENT = form('consent-form', '<input name="answer">');

const provider = new Provider(issuer, {
  acrValues: ['one', 'two'],
  claims: {
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'updated_at'],
    email: ['email', 'email_verified'],
    address: ['address'],
    phone: ['phone_number', 'phone_number_verified'],
  },
  cookies: { keys: ['only for tests'], long: { sameSite: 'none' } },
  enableHttpPostMethods: true,
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    requestObjects: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, logoutForm) {
        const fields = '<input name="logout" value="yes"><input name="answer"></form>';
        ctx.body = page(logoutForm.replace('op.logoutForm', 'logout-form').replace('</form>', fields));
      },
      postLogoutSuccessSource(ctx) {
        ctx.body = page('<p id="signed-out">Signed out</p>');
      },
    },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...CLAIMS }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => false },
  renderError(ctx, out) {
    ctx.type = 'html';
    ctx.body = page(`<p id="error-message">${out.error}</p>`);
  },
  ttl: {
    AccessToken: 600, AuthorizationCode: 600, Grant: 3600, IdToken: 3600, Interaction: 600, RefreshToken: 3600, Session: 3600,
  },
});

/** The agent says yes to everything, once asked. */
async function finish(ctx) {
  const { prompt: { name, details }, grantId, session, params } = await provider.interactionDetails(ctx.req, ctx.res);
  if (name === 'login') {
    const login = { accountId: 'jean', acr: 'one' };
    return provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope((details.missingOIDCScope ?? []).join(' '));
  grant.addOIDCClaims(details.missingOIDCClaims ?? []);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(ctx.req, ctx.res, { consent }, { mergeWithLastSubmission: true });
}

provider.use(async (ctx, next) => {
  if (ctx.path === '/test/advance') {
    ahead += Number(ctx.query.seconds) * 1000;
    ctx.body = 'ok';
  } else if (!ctx.path.startsWith('/interaction/')) {
    await next();
  } else if (ctx.method === 'POST') {
    await finish(ctx);
  } else {
    const { prompt } = await provider.interactionDetails(ctx.req, ctx.res);
    ctx.body = page(prompt.name === 'login' ? LOGIN : CONSENT);
  }
});

provider.listen(port, '127.0.0.1');
