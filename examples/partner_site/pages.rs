//! What the visitor sees: one page in French or English, and what each claim means.

use askama::Template;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

use super::sign_in::{Problem, SignedIn};

#[derive(Clone, Copy, Default, PartialEq)]
pub enum Lang {
    #[default]
    Fr,
    En,
}

impl Lang {
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    pub fn code(self) -> &'static str {
        self.pick("fr", "en")
    }

    fn pick(self, fr: &'static str, en: &'static str) -> &'static str {
        if self == Self::Fr { fr } else { en }
    }
}

pub enum Content<'a> {
    Welcome,
    Claims(&'a SignedIn),
    Problem(&'a Problem),
}

pub fn render(lang: Lang, content: Content<'_>) -> askama::Result<String> {
    let body = match content {
        Content::Welcome => Body::Welcome,
        Content::Claims(person) => Body::claims(lang, person),
        Content::Problem(problem) => Body::problem(lang, problem),
    };
    Page { lang, body }.render()
}

struct Row {
    name: String,
    value: String,
    meaning: &'static str,
}

enum Body {
    Welcome,
    Claims {
        greeting: String,
        userinfo: Vec<Row>,
        id_token: Vec<Row>,
        header: String,
        payload: String,
    },
    Problem {
        title: &'static str,
        advice: &'static str,
        detail: String,
    },
}

impl Body {
    fn claims(lang: Lang, person: &SignedIn) -> Self {
        let userinfo = serde_json::to_value(&person.claims).unwrap_or_default();
        // The token was verified by its text; what is shown is that very text, decoded.
        let compact = person.id_token.to_string();
        let mut parts = compact.split('.').map(decode_part);
        let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Self::Claims {
            greeting: userinfo["name"].as_str().unwrap_or_default().to_owned(),
            userinfo: rows(lang, &userinfo),
            id_token: rows(lang, &payload),
            header: format!("{header:#}"),
            payload: format!("{payload:#}"),
        }
    }

    fn problem(lang: Lang, problem: &Problem) -> Self {
        let (title, advice) = match problem {
            Problem::Refused { error, .. } if error == "access_denied" => (
                lang.pick("Vous n’avez pas été connecté", "You were not signed in"),
                lang.pick(
                    "Vous avez refusé de transmettre vos données, ou votre compte n’est pas admis par ce service. Rien ne nous a été transmis.",
                    "You declined to share your data, or this service does not admit your account. Nothing was shared with us.",
                ),
            ),
            Problem::Refused { error, .. } if error == "login_required" => (
                lang.pick("Une connexion est nécessaire", "You need to sign in"),
                lang.pick(
                    "Tchap Connect n’a pas pu vous reconnaître sans rien vous demander. Utilisez le bouton de connexion.",
                    "Tchap Connect could not recognise you without asking. Use the sign-in button.",
                ),
            ),
            Problem::Refused { .. } => (
                lang.pick("La connexion n’a pas abouti", "Sign-in did not complete"),
                lang.pick(
                    "Tchap Connect a répondu par le refus ci-dessous. Vous pouvez recommencer.",
                    "Tchap Connect answered with the refusal below. You can try again.",
                ),
            ),
            Problem::NotStartedHere => (
                lang.pick("Cette connexion n’a pas commencé ici", "This sign-in did not start here"),
                lang.pick(
                    "La réponse reçue ne correspond à aucune demande de ce navigateur : lien déjà utilisé, ouvert ailleurs, ou trop ancien. Recommencez depuis le bouton.",
                    "The answer matches no request of this browser: a link already used, opened elsewhere, or too old. Start again from the button.",
                ),
            ),
            Problem::Unreachable(_) => (
                lang.pick("Tchap Connect ne répond pas", "Tchap Connect does not answer"),
                lang.pick(
                    "Le fournisseur d’identité est injoignable ou en cours de démarrage. Réessayez dans un instant.",
                    "The identity provider cannot be reached, or is still starting. Try again in a moment.",
                ),
            ),
            Problem::Untrustworthy(_) => (
                lang.pick("La réponse reçue n’est pas fiable", "The answer cannot be trusted"),
                lang.pick(
                    "Une vérification de sécurité a échoué : personne n’a été connecté. Recommencez ; si cela se reproduit, prévenez l’équipe du service.",
                    "A security check failed: nobody was signed in. Start again; if it happens again, tell the service’s team.",
                ),
            ),
        };
        Self::Problem {
            title,
            advice,
            detail: problem.to_string(),
        }
    }
}

fn decode_part(part: &str) -> Value {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn rows(lang: Lang, claims: &Value) -> Vec<Row> {
    let members = claims.as_object().into_iter().flatten();
    members
        .map(|(name, value)| Row {
            name: name.clone(),
            value: readable(name, value),
            meaning: meaning(lang, name),
        })
        .collect()
}

fn readable(name: &str, value: &Value) -> String {
    let instant = matches!(name, "exp" | "iat" | "auth_time" | "updated_at")
        .then(|| value.as_i64())
        .flatten();
    if let Some(moment) = instant.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()) {
        let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
        return moment.format(format).unwrap_or_default();
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .map(|item| readable("", item))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}

#[rustfmt::skip] // one claim a line
fn meaning(lang: Lang, claim: &str) -> &'static str {
    let (fr, en) = match claim {
        "sub" => ("Identifiant stable de l’agent pour ce service : la seule clé à enregistrer", "The agent’s stable identifier for this service: the only key to store"),
        "uid" => ("Même valeur que sub (vocabulaire ProConnect)", "Same value as sub (ProConnect’s word)"),
        "name" => ("Nom affiché dans Tchap, sans l’organisation", "Display name in Tchap, without the organisation"),
        "given_name" => ("Prénom, quand il se déduit sûrement du nom affiché", "Given name, when the display name tells it safely"),
        "family_name" | "usual_name" => ("Nom d’usage, quand il se déduit sûrement du nom affiché", "Family name, when the display name tells it safely"),
        "preferred_username" => ("Partie locale de l’identifiant Matrix ; peut changer", "Local part of the Matrix id; may change"),
        "email" => ("Adresse électronique, garantie par le serveur Tchap de l’administration", "E-mail address, vouched for by the administration’s Tchap server"),
        "email_verified" => ("L’adresse a été vérifiée", "The address was verified"),
        "tchap_user_id" => ("Identifiant Matrix complet", "Full Matrix id"),
        "tchap_homeserver" => ("Serveur Tchap de l’agent", "The agent’s Tchap server"),
        "tchap_guest" => ("Vrai pour un invité externe, qui n’est pas agent public", "True for an external guest, who is no public agent"),
        "administration_domain" => ("Domaine de l’adresse, qui désigne l’administration", "Domain of the address, which names the administration"),
        "administration_name" | "organization_label" => ("Nom de l’administration", "Name of the administration"),
        "siren" => ("SIREN de l’administration (9 chiffres)", "The administration’s SIREN (9 digits)"),
        "siret" => ("SIRET de l’établissement (14 chiffres)", "The establishment’s SIRET (14 digits)"),
        "organizational_unit" => ("Service ou direction", "Unit within the administration"),
        "belonging_population" => ("Population : agent, partenaire…", "Population: agent, partner…"),
        "roles" => ("Fonction publique d’appartenance", "Branch of the public service"),
        "locale" => ("Langue choisie sur les pages de connexion", "Language chosen on the sign-in pages"),
        "updated_at" => ("Dernier changement constaté de ces données", "Last change seen in these data"),
        "iss" => ("Émetteur : doit être exactement celui configuré", "Issuer: must be exactly the one configured"),
        "aud" => ("Destinataire : notre client_id", "Audience: our client_id"),
        "azp" => ("Partie autorisée : notre client_id", "Authorised party: our client_id"),
        "exp" => ("Fin de validité du jeton", "When the token expires"),
        "iat" => ("Date d’émission du jeton", "When the token was issued"),
        "auth_time" => ("Moment où l’agent s’est réellement authentifié", "When the agent really authenticated"),
        "nonce" => ("Valeur aléatoire de notre demande, contre le rejeu", "Random value of our request, against replay"),
        "at_hash" => ("Lie ce jeton au jeton d’accès reçu avec lui", "Ties this token to the access token it came with"),
        "acr" => ("Niveau de garantie atteint", "Level of assurance reached"),
        "amr" => ("Moyens d’authentification connus", "Authentication methods, as far as known"),
        "sid" => ("Session chez le fournisseur, pour la déconnexion", "Session at the provider, for logout"),
        _ => ("", ""),
    };
    lang.pick(fr, en)
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"
{%- macro table(name, rows) -%}
<table>
  <thead><tr><th scope="col">{{ lang.pick("Donnée", "Claim") }}</th><th scope="col">{{ lang.pick("Valeur", "Value") }}</th></tr></thead>
  <tbody>{% for row in rows %}
    <tr id="{{ name }}-{{ row.name }}"><th scope="row"><code>{{ row.name }}</code><span class="meaning">{{ row.meaning }}</span></th><td class="value">{{ row.value }}</td></tr>{% endfor %}
  </tbody>
</table>
{%- endmacro -%}
<!doctype html>
<html lang="{{ lang.code() }}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{{ lang.pick("Service de démonstration", "Demonstration service") }}</title>
  <link rel="stylesheet" href="/style.css">
  <link rel="stylesheet" href="/tchap-button.css">
  <link rel="icon" href="data:,">
</head>
<body>
<header>
  <a class="brand" href="/">{{ lang.pick("Service de démonstration", "Demonstration service") }}</a>
  <nav aria-label="{{ lang.pick("Langue", "Language") }}">
    <a href="/?lang=fr" hreflang="fr" lang="fr"{% if lang.code() == "fr" %} aria-current="true"{% endif %}>Français</a>
    <a href="/?lang=en" hreflang="en" lang="en"{% if lang.code() == "en" %} aria-current="true"{% endif %}>English</a>
  </nav>
</header>
<main>
{%- match body %}
{%- when Body::Welcome %}
<section class="card">
<h1>{{ lang.pick("Bienvenue", "Welcome") }}</h1>
<p>{{ lang.pick("Ce site de démonstration montre la connexion des agents publics avec leur compte Tchap.", "This demonstration site shows how public agents sign in with their Tchap account.") }}</p>
{#- A link, not a form: the page's address changes, nothing is sent; and a form would need the provider in the CSP. #}
<div class="fr-connect-group">
  <a class="fr-connect tchap-connect" id="tchap-connect" href="/se-connecter?lang={{ lang.code() }}">
    <span class="fr-connect__login">{{ lang.pick("Se connecter avec", "Sign in with") }}</span>
    <span class="fr-connect__brand">Tchap</span>
  </a>
  <p><a href="https://tchap.numerique.gouv.fr/" target="_blank" rel="noopener external" title="{{ lang.pick("Qu’est-ce que Tchap ? - nouvelle fenêtre", "What is Tchap? - new window") }}">{{ lang.pick("Qu’est-ce que Tchap ?", "What is Tchap?") }}</a></p>
</div>
</section>
{%- when Body::Claims with { greeting, userinfo, id_token, header, payload } %}
<h1>{{ lang.pick("Bonjour", "Hello") }} {{ greeting }}</h1>
<p>{{ lang.pick("Vous êtes connecté avec Tchap. Voici exactement ce que ce service a reçu de vous.", "You are signed in with Tchap. This is exactly what this service received about you.") }}</p>
<form method="post" action="/se-deconnecter"><button id="sign-out">{{ lang.pick("Se déconnecter", "Sign out") }}</button></form>
<section id="claims">
  <h2>{{ lang.pick("Vos données", "Your data") }}</h2>
  {% call table("userinfo", userinfo) %}{% endcall %}
</section>
<section id="id-token">
  <h2>{{ lang.pick("Le jeton d’identité, vérifié", "The ID token, verified") }}</h2>
  <p>{{ lang.pick("Signature, émetteur, destinataire, durée de validité, nonce et jeton d’accès ont été contrôlés.", "Signature, issuer, audience, lifetime, nonce and access token were checked.") }}</p>
  {% call table("id-token", id_token) %}{% endcall %}
</section>
<details>
  <summary>{{ lang.pick("Voir le jeton brut", "Show the raw token") }}</summary>
  <h3>{{ lang.pick("En-tête", "Header") }}</h3><pre tabindex="0">{{ header }}</pre>
  <h3>{{ lang.pick("Contenu", "Payload") }}</h3><pre tabindex="0">{{ payload }}</pre>
</details>
{%- when Body::Problem with { title, advice, detail } %}
<div class="problem" role="alert">
  <h1>{{ title }}</h1>
  <p>{{ advice }}</p>
  <p class="detail">{{ lang.pick("Détail technique :", "Technical detail:") }} <span id="problem" lang="en">{{ detail }}</span></p>
</div>
<p><a class="plain-button" href="/se-connecter?lang={{ lang.code() }}">{{ lang.pick("Réessayer", "Try again") }}</a> <a href="/">{{ lang.pick("Revenir à l’accueil", "Back to the first page") }}</a></p>
{%- endmatch %}
<aside>
  <h2>{{ lang.pick("Pour essayer le protocole", "To try the protocol") }}</h2>
  <ul>
    <li><a href="/se-connecter?prompt=login&amp;lang={{ lang.code() }}">{{ lang.pick("S’authentifier à nouveau", "Authenticate again") }}</a> <code>prompt=login</code></li>
    <li><a href="/se-connecter?prompt=select_account&amp;lang={{ lang.code() }}">{{ lang.pick("Changer de compte", "Choose another account") }}</a> <code>prompt=select_account</code></li>
    <li><a href="/se-connecter?prompt=consent&amp;lang={{ lang.code() }}">{{ lang.pick("Revoir le consentement", "See the consent again") }}</a> <code>prompt=consent</code></li>
    <li><a href="/se-connecter?prompt=none&amp;lang={{ lang.code() }}">{{ lang.pick("Connexion silencieuse", "Silent sign-in") }}</a> <code>prompt=none</code></li>
  </ul>
</aside>
</main>
<footer>{{ lang.pick("Site d’exemple de Tchap Connect. Un seul cookie, nécessaire à la connexion ; aucune mesure d’audience.", "Example site of Tchap Connect. One cookie, needed to sign in; no audience measurement.") }}</footer>
</body>
</html>"##
)]
struct Page {
    lang: Lang,
    body: Body,
}
