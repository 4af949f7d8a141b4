//! Configuration to paste: what each kind of software calls issuer, client and secret.

use serde_json::json;

use crate::protocol::client::{Client, ClientAuthMethod};
use crate::protocol::discovery::{AUTHORIZE, JWKS, LOGOUT, TOKEN, USERINFO};

/// What a service is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stack {
    Django,
    Symfony,
    Node,
    Spring,
    Keycloak,
    /// Anything else that knows OpenID Connect.
    #[default]
    Other,
}

/// Stands where the secret goes, once it is not shown any more.
const SECRET: &str = "SECRET_HERE";

impl Stack {
    pub const ALL: [Stack; 6] = [
        Stack::Django,
        Stack::Symfony,
        Stack::Node,
        Stack::Spring,
        Stack::Keycloak,
        Stack::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Stack::Django => "django",
            Stack::Symfony => "symfony",
            Stack::Node => "node",
            Stack::Spring => "spring",
            Stack::Keycloak => "keycloak",
            Stack::Other => "autre",
        }
    }

    pub fn parse(name: &str) -> Option<Stack> {
        Stack::ALL.into_iter().find(|stack| stack.as_str() == name)
    }

    /// The software's own name; what has none is `None`.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Stack::Django => "Django (mozilla-django-oidc)",
            Stack::Symfony => "Symfony, PHP (drenso/symfony-oidc-bundle)",
            Stack::Node => "Node.js (openid-client)",
            Stack::Spring => "Spring Boot (Spring Security)",
            Stack::Keycloak => "Keycloak",
            Stack::Other => return None,
        })
    }
}

/// A file and what to put into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    pub file: &'static str,
    pub text: String,
}

struct Facts<'a> {
    issuer: &'a str,
    id: &'a str,
    /// `None` for a client that has none.
    secret: Option<&'a str>,
    redirect_uri: &'a str,
    scope: String,
    alg: &'static str,
    post: bool,
}

/// The configuration of this client for a stack. `secret` is the one just made; later a word stands in its place.
pub fn configuration(stack: Stack, issuer: &str, client: &Client, secret: Option<&str>) -> Vec<Snippet> {
    let scopes = client.scopes.iter().filter(|scope| *scope != "openid");
    let facts = Facts {
        issuer,
        id: &client.id,
        secret: client.has_secret().then(|| secret.unwrap_or(SECRET)),
        redirect_uri: client.redirect_uris.first().map_or("", String::as_str),
        scope: std::iter::once("openid")
            .chain(scopes.map(String::as_str))
            .collect::<Vec<_>>()
            .join(" "),
        alg: client.id_token_signed_response_alg.as_str(),
        post: client.auth_methods.len() == 1 && client.auth_methods.contains(&ClientAuthMethod::ClientSecretPost),
    };
    match stack {
        Stack::Django => django(&facts),
        Stack::Symfony => symfony(&facts),
        Stack::Node => node(&facts),
        Stack::Spring => spring(&facts),
        Stack::Keycloak => keycloak(&facts),
        Stack::Other => other(&facts),
    }
}

fn snippet(file: &'static str, lines: Vec<String>) -> Snippet {
    Snippet {
        file,
        text: lines.join("\n"),
    }
}

/// A text as JSON writes it, which Python, JavaScript, YAML and dotenv files read alike.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn django(facts: &Facts<'_>) -> Vec<Snippet> {
    let at = |path: &str| quoted(&format!("{}{path}", facts.issuer));
    let mut lines = vec![
        "INSTALLED_APPS += [\"mozilla_django_oidc\"]".to_owned(),
        "AUTHENTICATION_BACKENDS = [\"mozilla_django_oidc.auth.OIDCAuthenticationBackend\"]".to_owned(),
        format!("OIDC_RP_CLIENT_ID = {}", quoted(facts.id)),
        format!("OIDC_RP_CLIENT_SECRET = {}", quoted(facts.secret.unwrap_or_default())),
        format!("OIDC_RP_SCOPES = {}", quoted(&facts.scope)),
        format!("OIDC_RP_SIGN_ALGO = {}", quoted(facts.alg)),
        format!("OIDC_OP_AUTHORIZATION_ENDPOINT = {}", at(AUTHORIZE)),
        format!("OIDC_OP_TOKEN_ENDPOINT = {}", at(TOKEN)),
        format!("OIDC_OP_USER_ENDPOINT = {}", at(USERINFO)),
        format!("OIDC_OP_JWKS_ENDPOINT = {}", at(JWKS)),
        format!(
            "OIDC_TOKEN_USE_BASIC_AUTH = {}",
            if facts.post { "False" } else { "True" }
        ),
        "OIDC_USE_PKCE = True".to_owned(),
        "OIDC_STORE_ID_TOKEN = True".to_owned(),
        "LOGIN_REDIRECT_URL = \"/\"".to_owned(),
    ];
    lines.push(String::new());
    let urls = vec![
        "urlpatterns += [path(\"oidc/\", include(\"mozilla_django_oidc.urls\"))]".to_owned(),
        format!("# {}", facts.redirect_uri),
    ];
    vec![snippet("settings.py", lines), snippet("urls.py", urls)]
}

fn symfony(facts: &Facts<'_>) -> Vec<Snippet> {
    let env = vec![
        format!(
            "OIDC_WELL_KNOWN_URL={}",
            quoted(&format!("{}/.well-known/openid-configuration", facts.issuer))
        ),
        format!("OIDC_CLIENT_ID={}", quoted(facts.id)),
        format!("OIDC_CLIENT_SECRET={}", quoted(facts.secret.unwrap_or_default())),
    ];
    let bundle = [
        "drenso_oidc:",
        "    clients:",
        "        default:",
        "            well_known_url: '%env(OIDC_WELL_KNOWN_URL)%'",
        "            client_id: '%env(OIDC_CLIENT_ID)%'",
        "            client_secret: '%env(OIDC_CLIENT_SECRET)%'",
        "            code_challenge_method: 'S256'",
    ];
    let controller = vec![
        "// Drenso\\OidcBundle\\OidcClientInterface $oidcClient".to_owned(),
        format!(
            "return $oidcClient->generateAuthorizationRedirect(scopes: [{}]);",
            facts
                .scope
                .split(' ')
                .map(|scope| format!("'{scope}'"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
        format!("// {}", facts.redirect_uri),
    ];
    vec![
        snippet(".env.local", env),
        snippet("config/packages/drenso_oidc.yaml", bundle.map(str::to_owned).to_vec()),
        snippet("src/Controller/LoginController.php", controller),
    ]
}

fn node(facts: &Facts<'_>) -> Vec<Snippet> {
    let authentication = match (facts.secret, facts.post) {
        (None, _) => "client.None()".to_owned(),
        (Some(secret), true) => format!("client.ClientSecretPost({})", quoted(secret)),
        (Some(secret), false) => format!("client.ClientSecretBasic({})", quoted(secret)),
    };
    let lines = vec![
        "import * as client from 'openid-client'".to_owned(),
        String::new(),
        "const config = await client.discovery(".to_owned(),
        format!("  new URL({}),", quoted(facts.issuer)),
        format!("  {},", quoted(facts.id)),
        format!("  {{ id_token_signed_response_alg: {} }},", quoted(facts.alg)),
        format!("  {authentication},"),
        ")".to_owned(),
        "const pkceCodeVerifier = client.randomPKCECodeVerifier()".to_owned(),
        "const expectedState = client.randomState()".to_owned(),
        "const expectedNonce = client.randomNonce()".to_owned(),
        "const login = client.buildAuthorizationUrl(config, {".to_owned(),
        format!("  redirect_uri: {},", quoted(facts.redirect_uri)),
        format!("  scope: {},", quoted(&facts.scope)),
        "  state: expectedState,".to_owned(),
        "  nonce: expectedNonce,".to_owned(),
        "  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),".to_owned(),
        "  code_challenge_method: 'S256',".to_owned(),
        "})".to_owned(),
        "// url: the address that the browser came back to".to_owned(),
        "const tokens = await client.authorizationCodeGrant(config, url, {".to_owned(),
        "  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,".to_owned(),
        "})".to_owned(),
        "const agent = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)".to_owned(),
    ];
    vec![snippet("login.mjs", lines)]
}

fn spring(facts: &Facts<'_>) -> Vec<Snippet> {
    let method = match (facts.secret, facts.post) {
        (None, _) => "none",
        (Some(_), true) => "client_secret_post",
        (Some(_), false) => "client_secret_basic",
    };
    let mut lines: Vec<String> = [
        "spring:",
        "  security:",
        "    oauth2:",
        "      client:",
        "        registration:",
        "          tchap:",
    ]
    .map(str::to_owned)
    .to_vec();
    lines.push(format!("            client-id: {}", quoted(facts.id)));
    lines.extend(
        facts
            .secret
            .map(|secret| format!("            client-secret: {}", quoted(secret))),
    );
    lines.extend([
        format!("            client-authentication-method: {method}"),
        "            authorization-grant-type: authorization_code".to_owned(),
        format!("            redirect-uri: {}", quoted(facts.redirect_uri)),
        format!("            scope: {}", quoted(&facts.scope.replace(' ', ", "))),
        "        provider:".to_owned(),
        "          tchap:".to_owned(),
        format!("            issuer-uri: {}", quoted(facts.issuer)),
    ]);
    vec![snippet("application.yml", lines)]
}

fn keycloak(facts: &Facts<'_>) -> Vec<Snippet> {
    let at = |path: &str| format!("{}{path}", facts.issuer);
    let mut config = json!({
        "issuer": facts.issuer,
        "authorizationUrl": at(AUTHORIZE),
        "tokenUrl": at(TOKEN),
        "userInfoUrl": at(USERINFO),
        "logoutUrl": at(LOGOUT),
        "jwksUrl": at(JWKS),
        "useJwksUrl": "true",
        "validateSignature": "true",
        "pkceEnabled": "true",
        "pkceMethod": "S256",
        "clientId": facts.id,
        "clientAuthMethod": if facts.post { "client_secret_post" } else { "client_secret_basic" },
        "defaultScope": facts.scope,
        "syncMode": "FORCE",
    });
    if let Some(secret) = facts.secret {
        config["clientSecret"] = secret.into();
    }
    let provider = json!({
        "alias": "tchap",
        "displayName": "Tchap",
        "providerId": "oidc",
        "enabled": true,
        "config": config,
    });
    let command = "kcadm.sh create identity-provider/instances -r REALM -f tchap.json";
    vec![
        snippet("tchap.json", vec![format!("{provider:#}")]),
        snippet("shell", vec![command.to_owned()]),
    ]
}

fn other(facts: &Facts<'_>) -> Vec<Snippet> {
    let mut lines = vec![
        format!("issuer={}", facts.issuer),
        format!("discovery={}/.well-known/openid-configuration", facts.issuer),
        format!("client_id={}", facts.id),
    ];
    lines.extend(facts.secret.map(|secret| format!("client_secret={secret}")));
    lines.extend([
        format!("redirect_uri={}", facts.redirect_uri),
        format!("scope={}", facts.scope),
        "response_type=code".to_owned(),
        "code_challenge_method=S256".to_owned(),
        format!("id_token_signed_response_alg={}", facts.alg),
    ]);
    vec![snippet("OpenID Connect", lines)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::tests::client;

    #[test]
    fn every_stack_gets_issuer_client_and_secret_and_nothing_that_breaks_out() {
        let mut client = client();
        client.redirect_uris = vec!["https://service.example/cb?x=\"'\\".to_owned()];
        for stack in Stack::ALL {
            assert_eq!(Stack::parse(stack.as_str()), Some(stack));
            let all = |secret| -> String {
                let snippets = configuration(stack, "https://connect.example", &client, secret);
                snippets.into_iter().map(|snippet| snippet.text).collect()
            };
            let text = all(Some("s3cret"));
            for part in ["https://connect.example", "service", "s3cret"] {
                assert!(text.contains(part), "{stack:?} {part}: {text}");
            }
            assert!(all(None).contains(SECRET), "{stack:?}");
        }
        client.auth_methods = [ClientAuthMethod::None].into();
        for stack in Stack::ALL {
            let snippets = configuration(stack, "https://connect.example", &client, None);
            assert!(
                snippets.iter().all(|snippet| !snippet.text.contains(SECRET)),
                "{stack:?}"
            );
        }
    }
}
