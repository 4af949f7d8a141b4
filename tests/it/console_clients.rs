//! Clients in the console, as partners meet them: made, tried, changed, looked after and ended. Another partner's client is
//! nobody's here.

use http::Method;
use serde_json::json;
use tchap_connect::console::clients::MAX_SANDBOXES;
use tchap_connect::domain::role::Role;
use tchap_connect::jobs::logout_delivery::deliver_due;
use tchap_connect::protocol::client::{Client, LogoutUris};
use tchap_connect::protocol::standing::{ClientStage, Standing};
use tchap_connect::secret::random_id;

use crate::console::recorded;
use crate::support::homeserver::Account;
use crate::support::logout_receiver::with_receivers;
use crate::support::relying_party::RelyingParty;
use crate::support::{Browser, EMAIL, JEAN, MARIES_EMAIL, PASSWORD, Page, TestApp, client, marie, refreshing};

const HOME: &str = "/console/services";
const MARIE: &str = "@marie.martin-beta.gouv.fr:agent.dinum.tchap.test";

/// Jean, signed in to the console.
async fn jean(app: &TestApp) -> Browser {
    let browser = Browser::new(app);
    let page = browser.sign_in(HOME, EMAIL).await;
    assert!(page.has("services"), "{} {}", page.url, page.body);
    browser
}

async fn mary(app: &TestApp) -> Browser {
    app.homeserver.add(marie());
    let browser = Browser::new(app);
    browser.sign_in(HOME, MARIES_EMAIL).await;
    browser
}

/// The value that forms of this browser's pages post.
async fn shown(browser: &Browser) -> String {
    let page = browser.open("/console/services/nouveau").await;
    page.form("metadata-form").fields[0].1.clone()
}

/// What a new client is made from.
const NEW: &[(&str, &str)] = &[
    ("name", "Annuaire des agents"),
    ("purpose", "Retrouver un collègue"),
    ("redirect_uris", "https://annuaire.example/callback\r\n"),
    ("application_type", "web"),
    ("stack", "django"),
    ("scope_email", "on"),
    ("why_email", "Pour écrire à l’agent"),
];

async fn create(browser: &Browser, changes: &[(&str, &str)]) -> Page {
    let (shown, once) = (shown(browser).await, random_id().unwrap());
    let mut fields = vec![("shown", shown.as_str()), ("envoi", once.as_str())];
    fields.extend(NEW);
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes);
    browser.post("/console/services/nouveau", &fields).await
}

/// A client made by the pages, with its secret.
async fn made(app: &TestApp, browser: &Browser, changes: &[(&str, &str)]) -> (Client, Option<String>) {
    let page = create(browser, changes).await;
    assert_eq!(page.status, 200, "{} {}", page.url, page.body);
    assert!(page.has("client-id"), "{}", page.body);
    let client = app
        .app
        .store
        .find_client(&page.text("client-id"))
        .await
        .unwrap()
        .unwrap();
    let secret = page.has("client-secret").then(|| page.text("client-secret"));
    (client, secret)
}

/// A form of a client's page, with what it needs.
async fn post(browser: &Browser, client_id: &str, form: &str, fields: &[(&str, &str)]) -> Page {
    let (shown, once) = (shown(browser).await, random_id().unwrap());
    let mut sent = vec![("shown", shown.as_str()), ("envoi", once.as_str())];
    sent.retain(|(name, _)| !fields.iter().any(|(changed, _)| changed == name));
    sent.extend(fields);
    let fields = sent;
    browser.post(&format!("{HOME}/{client_id}/{form}"), &fields).await
}

async fn version(app: &TestApp, client_id: &str) -> String {
    let kept = app.app.store.find_kept_client(client_id).await.unwrap().unwrap();
    kept.version.to_string()
}

/// All fields of the form of a client, with some changed.
async fn edit(browser: &Browser, app: &TestApp, client_id: &str, changes: &[(&str, &str)]) -> Page {
    let kept = app.app.store.find_kept_client(client_id).await.unwrap().unwrap();
    let (client, version) = (kept.client, kept.version.to_string());
    let scopes: Vec<String> = client.scopes.iter().map(|scope| format!("scope_{scope}")).collect();
    let redirects = client.redirect_uris.join("\n");
    let mut fields = vec![
        ("version", version.as_str()),
        ("name", client.name.as_str()),
        ("redirect_uris", redirects.as_str()),
        ("application_type", "web"),
        ("id_token_signed_response_alg", "RS256"),
    ];
    fields.extend(scopes.iter().map(|scope| (scope.as_str(), "on")));
    fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    fields.extend(changes);
    post(browser, client_id, "modifier", &fields).await
}

#[tokio::test]
async fn a_partner_has_a_working_client_in_one_form_and_signs_in_with_it() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let page = browser.open("/console/services/nouveau").await;
    assert!(
        page.has("name") && page.has("scope_email") && page.has("why_email"),
        "{}",
        page.body
    );
    let page = create(&browser, &[]).await;
    assert_eq!(page.text("service"), "Annuaire des agents");
    assert_eq!(page.text("stage"), "en test");
    let (id, secret) = (page.text("client-id"), page.text("client-secret"));
    // The configuration to paste has both in it, and it works.
    assert!(
        page.text("stack-django")
            .contains(&format!("OIDC_RP_CLIENT_SECRET = \"{secret}\""))
    );
    let client = app.app.store.find_client(&id).await.unwrap().unwrap();
    assert_eq!(client.sector, client.id, "a sector of its own");
    assert!(client.standing.testers.contains(JEAN));
    let service = RelyingParty::new(&app, client, Some(secret.clone()));
    let page = browser.open(&service.url(&[("scope", "openid email")])).await;
    assert!(page.has("in-test"), "{}", page.body);
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    assert_eq!(service.claims(&tokens).await["email"], EMAIL);

    let page = browser.open(&format!("{HOME}/{id}")).await;
    assert!(
        !page.body.contains(&secret) && page.body.contains("SECRET_HERE"),
        "shown once"
    );
    let page = browser.open(HOME).await;
    assert!(page.text("services-table").contains("Annuaire des agents"));
    let acts = app.app.store.list_audit_acts((0, 0), 100).await.unwrap();
    let acts: Vec<_> = acts
        .iter()
        .map(|act| (act.action.as_str(), act.object_id.as_str()))
        .collect();
    assert!(acts.contains(&("client.created", id.as_str())), "{acts:?}");
}

#[tokio::test]
async fn what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let changes = [
        ("name", "  "),
        (
            "redirect_uris",
            "https://annuaire.example/callback\nhttp://annuaire.example/x",
        ),
        ("why_email", ""),
        ("token_endpoint_auth_method", "private_key_jwt"),
        ("purpose", "Une phrase <b>"),
    ];
    let page = create(&browser, &changes).await;
    assert_eq!(page.status, 200);
    assert!(page.text("error-message").starts_with("Donnez un nom"), "{}", page.body);
    assert!(page.text("redirect_uris-error").starts_with("Ligne 2"), "{}", page.body);
    assert!(page.text("token_endpoint_auth_method-error").contains("clés publiques"));
    assert!(page.text("why_email-error").contains("une phrase"), "all at once");
    assert!(
        page.text("redirect_uris").contains("http://annuaire.example/x"),
        "{}",
        page.body
    );
    assert!(page.text("purpose").contains("Une phrase <b>"));
    let page = create(&browser, &[("why_email", "")]).await;
    assert!(page.text("error-message").contains("une phrase"), "{}", page.body);
    let page = create(&browser, &[("application_type", "robot"), ("jwks", "{")]).await;
    assert!(page.has("error-message") && page.has("jwks-error"), "{}", page.body);
    assert_eq!(app.app.store.list_clients().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_key_set_is_looked_at_before_it_is_taken() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let method = ("token_endpoint_auth_method", "private_key_jwt");
    let private = json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}).to_string();
    let page = create(&browser, &[method, ("jwks", &private)]).await;
    assert!(
        page.text("error-message").contains("privée ou symétrique"),
        "{}",
        page.body
    );
    // Nobody answers there, and an address inside our network is not even asked.
    let page = create(&browser, &[method, ("jwks_uri", "https://10.0.0.1/jwks")]).await;
    assert!(
        page.has("error-message") && page.form("metadata-form").id == "metadata-form",
        "{}",
        page.body
    );
    assert_eq!(app.app.store.list_clients().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_partner_makes_so_many_sandboxes_and_no_more() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    for number in 0..MAX_SANDBOXES {
        made(&app, &browser, &[("name", &format!("Service {number}"))]).await;
    }
    let page = create(&browser, &[]).await;
    assert!(page.has("console-alert"), "{}", page.body);
    let clients = app.app.store.list_clients().await.unwrap();
    assert_eq!(clients.len() as i64, MAX_SANDBOXES);
}

/// Threat 30: what a partner does not look after is not there for them, whatever the address.
#[tokio::test]
async fn a_partners_client_does_not_exist_for_another_partner() {
    let app = TestApp::start().await;
    let (browser, stranger) = (jean(&app).await, mary(&app).await);
    let (client, _) = made(&app, &browser, &[]).await;
    let secret = app
        .app
        .store
        .list_client_secrets(&client.id, app.app.clock.now())
        .await
        .unwrap();
    let retire = format!("secrets/{}/retirer", secret[0].id);
    for page in ["", "/modifier", "/historique", "/essai", "/essai/resultat"] {
        let answer = stranger.get(&format!("{HOME}/{}{page}", client.id)).await;
        assert_eq!(answer.status, 404, "{page}: {}", answer.body);
        let nobody = stranger.get(&format!("{HOME}/nobody{page}")).await;
        assert_eq!(nobody.status, 404, "{page}");
    }
    let version = version(&app, &client.id).await;
    let forms = [
        "modifier",
        "essai",
        "demande",
        "demande/approuver",
        "demande/repondre",
        "demande/retirer",
        "secrets",
        &retire,
        "testeurs",
        "personnes",
        "personnes/annuler",
        "personnes/retirer",
        "desactiver",
        "activer",
        "supprimer",
    ];
    for form in forms {
        let fields = [
            ("version", version.as_str()),
            ("name", "Mine"),
            ("confirmation", client.name.as_str()),
            ("matrix_id", MARIE),
            ("testers", MARIE),
        ];
        let answer = post(&stranger, &client.id, form, &fields).await;
        assert_eq!(answer.status, 404, "{form}: {}", answer.body);
    }
    // Without an invitation there is nothing to take up.
    let answer = post(&stranger, &client.id, "invitation", &[]).await;
    assert_eq!(answer.header("location"), HOME);
    assert_eq!(stranger.get(&format!("{HOME}/{}", client.id)).await.status, 404);
    assert_eq!(
        app.app.store.find_client(&client.id).await.unwrap().unwrap(),
        client,
        "untouched"
    );
    let page = stranger.open(&format!("{HOME}?nom={}&qui=tous", client.id)).await;
    assert!(page.has("services-none"), "{}", page.body);
    let queue = stranger.get("/console/services/demandes").await;
    assert_eq!(queue.status, 404);
}

/// Threat 25: no act without the page that it was shown on.
#[tokio::test]
async fn nothing_is_done_without_the_page_that_shows_it() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let (client, _) = made(&app, &browser, &[]).await;
    let before = app.app.store.find_kept_client(&client.id).await.unwrap();
    let other = Browser::new(&app);
    other.sign_in(HOME, EMAIL).await;
    let from_elsewhere = shown(&other).await;
    for stale in ["", "nonsense", from_elsewhere.as_str()] {
        for form in [
            "secrets",
            "supprimer",
            "desactiver",
            "testeurs",
            "personnes",
            "demande",
            "modifier",
            "essai",
        ] {
            let fields = [
                ("shown", stale),
                ("version", "0"),
                ("confirmation", client.name.as_str()),
            ];
            let answer = browser.post(&format!("{HOME}/{}/{form}", client.id), &fields).await;
            assert_eq!(answer.status, 303, "{form}");
            assert!(
                answer.header("location").starts_with(&format!("{HOME}/{}", client.id)),
                "{form}"
            );
        }
        let answer = browser.post("/console/services/nouveau", &[("shown", stale)]).await;
        assert_eq!(answer.header("location"), HOME);
    }
    let cross = [("sec-fetch-site", "cross-site")];
    let fields = [("shown", shown(&browser).await)];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser
        .post_with(
            &format!("{}{HOME}/{}/secrets", app.base_url, client.id),
            &cross,
            &fields,
        )
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(app.app.store.find_kept_client(&client.id).await.unwrap(), before);
}

#[tokio::test]
async fn of_two_editors_the_later_one_is_told_and_loses_nothing() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let (client, _) = made(&app, &browser, &[]).await;
    let seen = version(&app, &client.id).await;
    app.advance(1);
    let answer = edit(&browser, &app, &client.id, &[("name", "First")]).await;
    assert!(
        answer.header("location").ends_with("fait=enregistre"),
        "{}",
        answer.body
    );
    let page = edit(&browser, &app, &client.id, &[("version", &seen), ("name", "Second")]).await;
    assert_eq!(page.status, 200);
    assert!(page.text("stale").contains("Nom du service"), "{}", page.body);
    assert_eq!(page.value("name"), "Second", "what was typed stays");
    let stored = app.app.store.find_client(&client.id).await.unwrap().unwrap();
    assert_eq!(stored.name, "First", "nothing is lost");
    assert_eq!(recorded(&app, "client.changed").await.len(), 1, "what was done");
    let next = page
        .form("metadata-form")
        .fields
        .iter()
        .find(|(name, _)| name == "version")
        .cloned()
        .unwrap();
    app.advance(1);
    let answer = edit(&browser, &app, &client.id, &[("version", &next.1), ("name", "Second")]).await;
    assert_eq!(answer.status, 303, "knowingly: {}", answer.body);

    let page = browser.open(&format!("{HOME}/{}/historique", client.id)).await;
    let history = page.text("revision-1");
    assert!(
        history.contains("First") && history.contains("Second") && history.contains(JEAN),
        "{history}"
    );
    assert!(page.has("revision-3") && !page.has("revision-4"), "{}", page.body);
    let stranger = browser
        .get(&format!("{HOME}/{}/historique?avant=MQo.x", client.id))
        .await;
    assert_eq!(stranger.status, 400, "an altered place");
}

#[tokio::test]
async fn a_partner_cannot_say_what_only_operators_say() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let (client, _) = made(
        &app,
        &browser,
        &[
            ("consent", "none"),
            ("subject_type", "public"),
            ("sector", "victim.example"),
        ],
    )
    .await;
    let forged = [
        ("no_consent", "on"),
        ("subject_type", "public"),
        ("sector", "victim.example"),
        ("resources", "https://api.example"),
        ("stage", "production"),
        ("self_registered", "on"),
        ("require_pkce", "on"),
    ];
    edit(&browser, &app, &client.id, &forged).await;
    let stored = app.app.store.find_client(&client.id).await.unwrap().unwrap();
    let expected = Client {
        require_pkce: true,
        ..client
    };
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn secrets_live_side_by_side_are_shown_once_and_retired_one_by_one() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let (client, first) = made(&app, &browser, &[]).await;
    let once = [("duree", "90"), ("envoi", "once")];
    let page = post(&browser, &client.id, "secrets", &once).await;
    let second = page.text("client-secret");
    // The page loaded again makes no other one, and shows none.
    let again = post(&browser, &client.id, "secrets", &once).await;
    assert!(again.header("location").ends_with("?fait=deja"), "{}", again.body);
    let page = browser.follow(again).await;
    assert!(page.has("console-done") && !page.has("client-secret"), "{}", page.body);
    assert!(page.has("secret-2") && !page.has("secret-3"), "{}", page.body);
    // Nor does a new client come twice; what came to nothing may be sent again.
    let form = [("envoi", "another"), ("name", "")];
    for _ in 0..2 {
        assert!(create(&browser, &form).await.has("error-message"));
    }
    made(&app, &browser, &[("envoi", "another")]).await;
    let again = create(&browser, &[("envoi", "another")]).await;
    assert_eq!(again.header("location"), format!("{HOME}?fait=deja"));
    assert_eq!(app.app.store.list_clients().await.unwrap().len(), 2);
    let service = |secret: &str| RelyingParty::new(&app, client.clone(), Some(secret.to_owned()));
    let is_taken = async |secret: &str| {
        let answer = service(secret)
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", "x"),
                ("redirect_uri", "y"),
            ])
            .await;
        answer.json()["error"] == "invalid_grant"
    };
    assert!(is_taken(first.as_deref().unwrap()).await && is_taken(&second).await);
    let secrets = app
        .app
        .store
        .list_client_secrets(&client.id, app.app.clock.now())
        .await
        .unwrap();
    let old = secrets.iter().find(|secret| secret.expires_at.is_none()).unwrap();
    let answer = post(&browser, &client.id, &format!("secrets/{}/retirer", old.id), &[]).await;
    assert!(answer.header("location").ends_with("secret-retire"));
    assert!(!is_taken(first.as_deref().unwrap()).await && is_taken(&second).await);
    for _ in 0..4 {
        post(&browser, &client.id, "secrets", &[]).await;
    }
    let page = post(&browser, &client.id, "secrets", &[]).await;
    assert!(
        page.has("console-alert") && !page.has("client-secret"),
        "five at a time"
    );
    app.advance(90 * 86_400 + 1);
    assert!(!is_taken(&second).await, "it ended");
}

#[tokio::test]
async fn testers_are_whole_matrix_ids_and_at_most_twenty() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let browser = jean(&app).await;
    let (client, secret) = made(&app, &browser, &[]).await;
    let seen = version(&app, &client.id).await;
    let many: Vec<_> = (0..21)
        .map(|number| format!("@agent{number}:agent.dinum.tchap.test"))
        .collect();
    for wrong in ["marie", "@marie", MARIES_EMAIL, "@a:b\u{202e}c", &many.join("\n")] {
        let page = post(
            &browser,
            &client.id,
            "testeurs",
            &[("version", &seen), ("testers", wrong)],
        )
        .await;
        assert!(page.has("error-message"), "{wrong}: {}", page.body);
    }
    let both = format!("{JEAN}\r\n {MARIE} \r\n");
    let answer = post(
        &browser,
        &client.id,
        "testeurs",
        &[("version", &seen), ("testers", &both)],
    )
    .await;
    assert!(answer.header("location").ends_with("testeurs"), "{}", answer.body);
    let client = app.app.store.find_client(&client.id).await.unwrap().unwrap();
    let service = RelyingParty::new(&app, client, secret);
    let tester = Browser::new(&app);
    let page = tester.open(&service.url(&[("scope", "openid")])).await;
    let page = tester.log_in(&page, MARIES_EMAIL, PASSWORD).await;
    assert!(page.has("consent-form"), "{}", page.body);
}

#[tokio::test]
async fn an_invitation_is_for_one_account_for_a_day_and_the_last_owner_stays() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    mary(&app).await;
    let (client, _) = made(&app, &browser, &[]).await;
    let me = app.app.store.list_client_owners(&client.id).await.unwrap()[0].0.clone();
    let page = post(&browser, &client.id, "personnes", &[("matrix_id", "marie")]).await;
    assert!(page.has("error-message"), "{}", page.body);
    post(&browser, &client.id, "personnes/retirer", &[("agent", &me)]).await;
    assert_eq!(
        app.app.store.list_client_owners(&client.id).await.unwrap().len(),
        1,
        "the last one stays"
    );
    post(&browser, &client.id, "personnes", &[("matrix_id", MARIE)]).await;
    app.advance(24 * 3600 + 1);
    let invited = Browser::new(&app);
    invited.sign_in(HOME, MARIES_EMAIL).await;
    post(&invited, &client.id, "invitation", &[]).await;
    assert_eq!(
        app.app.store.list_client_owners(&client.id).await.unwrap().len(),
        1,
        "a day is over"
    );

    let browser = jean(&app).await;
    post(&browser, &client.id, "personnes", &[("matrix_id", MARIE)]).await;
    post(&browser, &client.id, "invitation", &[]).await;
    assert_eq!(
        app.app.store.list_client_owners(&client.id).await.unwrap().len(),
        1,
        "nobody else takes it up"
    );
    let page = invited.open(HOME).await;
    assert!(page.text("invitation-1").contains(&client.name), "{}", page.body);
    let answer = post(&invited, &client.id, "invitation", &[]).await;
    let page = invited.follow(answer).await;
    assert_eq!(page.text("service"), client.name);
    let answer = post(&invited, &client.id, "personnes/retirer", &[("agent", &me)]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        browser.get(&format!("{HOME}/{}", client.id)).await.status,
        404,
        "out of Jean's hands"
    );
}

#[tokio::test]
async fn whoever_deletes_a_client_types_its_name_and_the_service_is_told() {
    let (app, receivers) = with_receivers::<1>().await;
    let browser = jean(&app).await;
    let (made, secret) = made(&app, &browser, &[]).await;
    let told = Client {
        logout: LogoutUris {
            backchannel_logout_uri: Some(receivers[0].url.clone()),
            ..LogoutUris::default()
        },
        grant_types: refreshing("x").grant_types,
        ..made.clone()
    };
    app.update(&told).await;
    let service = RelyingParty::new(&app, told.clone(), secret);
    let page = browser.open(&service.url(&[("scope", "openid email")])).await;
    let tokens = service.redeem(&service.code(&browser.accept(&page).await)).await;
    let seen = version(&app, &made.id).await;
    for wrong in ["", "annuaire des agents", "Annuaire"] {
        let fields = [("version", seen.as_str()), ("confirmation", wrong)];
        let page = post(&browser, &made.id, "supprimer", &fields).await;
        assert!(page.has("error-message"), "{wrong}: {}", page.body);
    }
    // Nobody deletes what they have not seen.
    for stale in ["", "0", "99999999999999999999"] {
        let fields = [("version", stale), ("confirmation", made.name.as_str())];
        let page = post(&browser, &made.id, "supprimer", &fields).await;
        assert!(page.has("console-alert"), "{}", page.body);
    }
    assert!(recorded(&app, "client.deleted").await.is_empty(), "nothing was done");
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 200);
    let fields = [("version", seen.as_str()), ("confirmation", made.name.as_str())];
    let answer = post(&browser, &made.id, "supprimer", &fields).await;
    assert!(answer.header("location").ends_with("fait=supprime"), "{}", answer.body);
    assert_eq!(service.userinfo(&tokens.access_token).await.status, 401);
    assert_eq!(
        service.token(&service.form("x", &[])).await.json()["error"],
        "invalid_client"
    );
    assert_eq!(browser.get(&format!("{HOME}/{}", made.id)).await.status, 404);
    deliver_due(&app.app, app.app.clock.now()).await.unwrap();
    assert_eq!(receivers[0].tokens().len(), 1, "told of the end of the session there");
    app.app
        .store
        .delete_expired(app.app.clock.now() + 86_400, 100)
        .await
        .unwrap();
    assert!(
        app.app.store.find_client_to_tell(&made.id).await.unwrap().is_none(),
        "gone for good"
    );
}

/// What is tried is shown to whoever tries, and given to nobody.
#[tokio::test]
async fn trying_a_client_shows_ones_own_claims_and_makes_no_token() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let (client, _) = made(
        &app,
        &browser,
        &[("scope_profile", "on"), ("why_profile", "Saluer l’agent")],
    )
    .await;
    let answer = post(&browser, &client.id, "essai", &[]).await;
    let page = browser.follow(answer).await;
    assert!(
        page.has("consent-form") && page.has("in-test"),
        "as agents meet it: {}",
        page.body
    );
    let page = browser.accept(&page).await;
    assert!(
        page.url.path().ends_with("/essai/resultat"),
        "{} {}",
        page.url,
        page.body
    );
    assert_eq!(page.url.query(), None, "no code comes along");
    let claims = page.text("trial-claims");
    for part in [
        "email",
        EMAIL,
        "Jean Dupont",
        "selon les règles de confiance",
        "donné par son serveur",
    ] {
        assert!(claims.contains(part), "{part} in {claims}");
    }
    assert!(!claims.contains("siren"), "only what is registered: {claims}");
    assert!(page.text("trial-id-token").contains(&client.id));
    let now = app.app.clock.now();
    let agent = app.app.store.list_client_owners(&client.id).await.unwrap()[0].0.clone();
    assert!(app.app.store.list_authorizations(&agent).await.unwrap().is_empty());
    assert!(
        app.app
            .store
            .find_consent(&agent, &client.id, now)
            .await
            .unwrap()
            .is_none(),
        "nothing is remembered"
    );
    // Nobody begins it from outside, and refusing it is shown as the service would see it.
    let outside = format!(
        "/authorize?client_id=tchap-connect:try:{}&response_type=code&scope=openid",
        client.id
    );
    assert_eq!(browser.get(&outside).await.status, 400);
    let answer = post(&browser, &client.id, "essai", &[]).await;
    let page = browser.follow(answer).await;
    let page = browser.submit(&page, "consent-form", &[("answer", "refuse")]).await;
    assert!(
        page.text("error-message").contains("access_denied"),
        "{} {}",
        page.url,
        page.body
    );
}

/// Whoever is no tester of a sandbox that they look after is refused like anybody, also when they go straight to the end.
#[tokio::test]
async fn trying_a_client_asks_its_admission() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let (client, _) = made(&app, &browser, &[]).await;
    let seen = version(&app, &client.id).await;
    post(
        &browser,
        &client.id,
        "testeurs",
        &[("version", &seen), ("testers", MARIE)],
    )
    .await;
    let answer = post(&browser, &client.id, "essai", &[]).await;
    let page = browser.follow(answer).await;
    assert_eq!(page.text("error-code"), "TC-SANDBOX");
    let page = browser.open(&format!("{HOME}/{}/essai/resultat", client.id)).await;
    assert!(page.has("error-message") && !page.has("trial-claims"), "{}", page.body);
}

#[tokio::test]
async fn lists_are_read_by_pages_by_name_whatever_the_accents() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let agent = app
        .app
        .store
        .find_open_agent(JEAN.split_once(':').unwrap().1, JEAN)
        .await
        .unwrap()
        .unwrap();
    let now = app.app.clock.now();
    for number in 0..120 {
        let id = format!("client-{number:03}");
        let name = if number % 2 == 0 {
            format!("Élan {number:03}")
        } else {
            format!("Zèbre {number:03}")
        };
        let stage = if number < 10 {
            ClientStage::Sandbox
        } else {
            ClientStage::Production
        };
        let standing = Standing {
            stage,
            ..Standing::default()
        };
        app.update(&Client {
            name,
            standing,
            ..client(&id)
        })
        .await;
        app.app.store.insert_client_owner(&id, &agent.id, now).await.unwrap();
    }
    let rows = |page: &Page| page.body.matches("<tr><th scope=\"row\">").count();
    let first = browser.open(HOME).await;
    assert_eq!(rows(&first), 50);
    assert!(first.text("services-table").contains("Élan 000"));
    let second = browser.open(&first.href("pager-next")).await;
    let third = browser.open(&second.href("pager-next")).await;
    assert_eq!((rows(&second), rows(&third), third.has("pager-next")), (50, 20, false));
    let elan = browser.open(&format!("{HOME}?nom=elan")).await;
    assert!(elan.text("services-table").contains("Élan 000") && !elan.body.contains("Zèbre"));
    let sandbox = browser.open(&format!("{HOME}?nom=z%C3%88B&etape=sandbox")).await;
    assert_eq!(rows(&sandbox), 5, "{}", sandbox.body);
    let one = browser.open(&format!("{HOME}?nom=client-007")).await;
    assert_eq!(rows(&one), 1);
    assert!(one.text("services-table").contains("Zèbre 007"));
    // Threat 29: a place that was altered, cut, or comes from another list is no place.
    let next = first.href("pager-next");
    for altered in [
        next.replace("apres=", "apres=A"),
        next[..next.len() - 1].to_owned(),
        next.replace("qui=miens", "qui=miens&nom=x"),
    ] {
        assert_eq!(browser.get(&altered).await.status, 400, "{altered}");
    }
    for odd in ["etape='%20or%201=1", "qui=%00", "nom=%25_", "etape=x&qui=y"] {
        let status = browser.get(&format!("{HOME}?{odd}")).await.status.as_u16();
        assert!(status == 200 || status == 400, "{odd}: {status}");
    }
    assert_eq!(
        browser
            .http
            .send(browser.http.request(Method::DELETE, &format!("{}{HOME}", app.base_url)))
            .await
            .status,
        405
    );
}

/// Somebody who runs the service, with a second factor given just now.
async fn operator(app: &TestApp) -> Browser {
    app.homeserver.add(Account::new("olga", PASSWORD));
    let matrix_id = "@olga:agent.dinum.tchap.test";
    let browser = Browser::new(app);
    browser.sign_in(HOME, matrix_id).await;
    let (store, now) = (&app.app.store, app.app.clock.now());
    let agent = store
        .find_open_agent("agent.dinum.tchap.test", matrix_id)
        .await
        .unwrap()
        .unwrap();
    store.insert_role(&agent.id, &Role::Operator, None, now).await.unwrap();
    let session = store.list_browser_sessions(&agent.id, now).await.unwrap()[0].id.clone();
    store
        .upsert_factor_enrolment(matrix_id, Some(&agent.id), "code", now + 60)
        .await
        .unwrap();
    let who = (agent.id.as_str(), matrix_id);
    assert!(
        store
            .begin_second_factor(who, "code", &session, "sealed", now)
            .await
            .unwrap()
    );
    assert!(
        store
            .consume_factor_step(&agent.id, "sealed", &session, 1, now)
            .await
            .unwrap()
    );
    browser
}

/// What production asks for besides a sandbox.
const READY: &[(&str, &str)] = &[
    ("contacts", "equipe@annuaire.example"),
    ("policy_uri", "https://annuaire.example/confidentialite"),
];

/// A client of Jean's that an operator brought to production.
async fn in_production(app: &TestApp, browser: &Browser, operator: &Browser) -> (Client, Option<String>) {
    let (client, secret) = made(app, browser, &[]).await;
    edit(browser, app, &client.id, READY).await;
    let seen = version(app, &client.id).await;
    post(
        browser,
        &client.id,
        "demande",
        &[("version", &seen), ("reasons", "Prêt")],
    )
    .await;
    let page = operator.open(&format!("{HOME}/{}", client.id)).await;
    let answer = operator.submit_once(&page, "approuver", &[]).await;
    assert!(answer.header("location").ends_with("approuve"), "{}", answer.body);
    (app.app.store.find_client(&client.id).await.unwrap().unwrap(), secret)
}

#[tokio::test]
async fn an_operator_sees_what_changes_and_opens_a_sandbox_to_everybody() {
    let app = TestApp::start().await;
    app.homeserver.add(marie());
    let (browser, operator) = (jean(&app).await, operator(&app).await);
    let (client, secret) = made(&app, &browser, &[]).await;
    let page = browser.open(&format!("{HOME}/{}", client.id)).await;
    assert!(
        page.text("lacks").contains("Contacts") && !page.has("request-production"),
        "{}",
        page.body
    );
    let seen = version(&app, &client.id).await;
    let page = post(
        &browser,
        &client.id,
        "demande",
        &[("version", &seen), ("reasons", "Prêt")],
    )
    .await;
    assert!(
        page.has("console-alert"),
        "not by going straight to the end: {}",
        page.body
    );
    edit(&browser, &app, &client.id, READY).await;
    let seen = version(&app, &client.id).await;
    post(
        &browser,
        &client.id,
        "demande",
        &[("version", &seen), ("reasons", "Prêt, <b>vraiment</b>")],
    )
    .await;
    // A partner does not grant it to themselves.
    let at = app
        .app
        .store
        .find_client_request(&client.id)
        .await
        .unwrap()
        .unwrap()
        .requested_at
        .to_string();
    let seen = version(&app, &client.id).await;
    let fields = [("version", seen.as_str()), ("demande", at.as_str()), ("answer", "oui")];
    for form in ["demande/approuver", "demande/repondre"] {
        assert_eq!(post(&browser, &client.id, form, &fields).await.status, 404, "{form}");
    }
    let page = operator.open("/console/services/demandes").await;
    assert!(page.text("entry-1").contains("Prêt, <b>vraiment</b>"), "{}", page.body);
    let difference = page.text("entry-1");
    assert!(
        difference.contains("Étape") && difference.contains("en production"),
        "{difference}"
    );
    let page = operator.open(&format!("{HOME}/{}", client.id)).await;
    let answer = operator.submit_once(&page, "approuver", &[]).await;
    assert!(answer.header("location").ends_with("approuve"), "{}", answer.body);
    let stored = app.app.store.find_client(&client.id).await.unwrap().unwrap();
    assert_eq!(stored.standing.stage, ClientStage::Production);
    assert!(stored.standing.testers.is_empty());
    let service = RelyingParty::new(&app, stored, secret);
    let agent = Browser::new(&app);
    let page = agent.open(&service.url(&[("scope", "openid")])).await;
    assert!(!page.has("in-test"));
    assert!(agent.log_in(&page, MARIES_EMAIL, PASSWORD).await.has("consent-form"));
    let page = operator.open("/console/services/demandes").await;
    assert!(page.has("queue-none"));
}

#[tokio::test]
async fn what_was_vouched_for_changes_by_an_operators_word_only() {
    let app = TestApp::start().await;
    let (browser, operator) = (jean(&app).await, operator(&app).await);
    let (client, _) = in_production(&app, &browser, &operator).await;
    let page = edit(&browser, &app, &client.id, &[READY, &[("name", "Impots")]].concat()).await;
    assert!(page.has("error-message"), "a reason is asked for: {}", page.body);
    let change = [READY, &[("name", "Impots"), ("reasons", "Nouveau nom")]].concat();
    let answer = edit(&browser, &app, &client.id, &change).await;
    assert!(answer.header("location").ends_with("fait=demande"), "{}", answer.body);
    assert_eq!(
        app.app.store.find_client(&client.id).await.unwrap().unwrap(),
        client,
        "nothing yet"
    );
    let page = edit(&browser, &app, &client.id, &change).await;
    assert!(page.has("console-alert"), "one at a time: {}", page.body);
    // What nobody vouched for applies at once, and the request that was written before is not granted unseen.
    let shown = operator.open(&format!("{HOME}/{}", client.id)).await;
    let answer = edit(&browser, &app, &client.id, &[READY, &[("require_pkce", "on")]].concat()).await;
    assert!(answer.header("location").ends_with("enregistre"), "{}", answer.body);
    let page = operator.submit_once(&shown, "approuver", &[]).await;
    assert!(page.has("console-alert") && page.has("request-stale"), "{}", page.body);
    let page = operator.open(&format!("{HOME}/{}", client.id)).await;
    let page = post_from(&operator, &page, "repondre", "Gardez le nom <connu>").await;
    assert!(page.header("location").ends_with("repondu"), "{}", page.body);
    let page = browser.open(&format!("{HOME}/{}", client.id)).await;
    assert!(
        page.text("request-answer").contains("Gardez le nom <connu>"),
        "{}",
        page.body
    );
    let stored = app.app.store.find_client(&client.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.name.as_str(), stored.require_pkce),
        ("Annuaire des agents", true)
    );
    // An operator's change needs nobody.
    let answer = edit(&operator, &app, &client.id, &[READY, &[("name", "Annuaire")]].concat()).await;
    assert!(answer.header("location").ends_with("enregistre"), "{}", answer.body);
    assert_eq!(
        app.app.store.find_client(&client.id).await.unwrap().unwrap().name,
        "Annuaire"
    );
}

/// Threat 30: at their own client, too, an operator's word counts by a second factor that was given a short time ago.
#[tokio::test]
async fn an_operators_own_client_in_production_is_changed_with_a_fresh_factor_only() {
    let app = TestApp::start().await;
    let operator = operator(&app).await;
    let (client, _) = in_production(&app, &operator, &operator).await;
    let url = format!("{HOME}/{}", client.id);
    app.advance(301);
    let change = [READY, &[("redirect_uris", "https://elsewhere.example/callback")]].concat();
    let asked = edit(&operator, &app, &client.id, &change).await;
    assert!(asked.has("factor-form") && asked.has("kept"), "{}", asked.body);
    let seen = version(&app, &client.id).await;
    let asked = post(&operator, &client.id, "desactiver", &[("version", &seen)]).await;
    assert!(asked.has("factor-form"), "{}", asked.body);
    assert_eq!(app.app.store.find_client(&client.id).await.unwrap().unwrap(), client);
    let answer = operator.get(&format!("{url}/modifier")).await;
    assert!(answer.header("location").contains("second-facteur"), "{}", answer.body);
    // Without the factor at all it is no more; and an access to the API would do the same by a program.
    let bare = Browser::new(&app);
    bare.sign_in(HOME, "@olga:agent.dinum.tchap.test").await;
    for (browser, kept) in [(&operator, true), (&bare, false)] {
        let page = post(browser, &client.id, "secrets", &[("days", "90")]).await;
        assert!(!page.has("client-secret"), "{}", page.body);
        let (shown, once) = (shown(browser).await, random_id().unwrap());
        let fields = [
            ("shown", shown.as_str()),
            ("envoi", &once),
            ("name", "x"),
            ("scope_clients:write", "1"),
        ];
        let page = browser.post("/console/api/nouveau", &fields).await;
        assert!(!page.has("client-secret"), "{}", page.body);
        assert_eq!(page.has("kept"), kept, "{}", page.body);
    }
    let secrets = app.app.store.list_client_secrets(&client.id, app.app.clock.now()).await;
    assert_eq!(secrets.unwrap().len(), 1);
    // To try one's own sandbox out takes no role.
    let (sandbox, _) = made(&app, &operator, &[]).await;
    assert!(!sandbox.standing.stage.is_production());
}

/// An answer as typed into the form of a page.
async fn post_from(browser: &Browser, page: &Page, form: &str, answer: &str) -> Page {
    let form = page.form(form);
    let mut fields: Vec<(&str, &str)> = form
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fields.retain(|(name, _)| *name != "answer");
    fields.push(("answer", answer));
    browser
        .post(page.url.join(&form.action).unwrap().as_str(), &fields)
        .await
}

#[tokio::test]
async fn what_an_operator_disabled_no_partner_enables_or_deletes() {
    let app = TestApp::start().await;
    let (browser, operator) = (jean(&app).await, operator(&app).await);
    let (client, _) = made(&app, &browser, &[]).await;
    for (who, form, disabled) in [
        (&browser, "desactiver", true),
        (&browser, "activer", false),
        (&operator, "desactiver", true),
        (&browser, "activer", true),
        (&operator, "activer", false),
    ] {
        let seen = version(&app, &client.id).await;
        post(who, &client.id, form, &[("version", &seen)]).await;
        let stored = app.app.store.find_client(&client.id).await.unwrap().unwrap();
        assert_eq!(stored.disabled, disabled, "{form}");
        if stored.standing.locked {
            let fields = [("version", seen.as_str()), ("confirmation", &client.name)];
            post(&browser, &client.id, "supprimer", &fields).await;
            assert!(app.app.store.find_client(&client.id).await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn a_client_is_told_what_went_wrong_in_words_and_what_is_never_used() {
    let app = TestApp::start().await;
    let browser = jean(&app).await;
    let redirects = "https://annuaire.example/callback\nhttps://annuaire.example/old";
    let (client, secret) = made(&app, &browser, &[("redirect_uris", redirects)]).await;
    let service = RelyingParty::new(&app, client.clone(), secret);
    let page = browser.open(&service.url(&[("scope", "openid")])).await;
    service.redeem(&service.code(&browser.accept(&page).await)).await;
    service.token(&service.form("nonsense", &[])).await;
    let wrong = RelyingParty::new(&app, client.clone(), Some("wrong".to_owned()));
    wrong.token(&wrong.form("nonsense", &[])).await;
    browser
        .get(&service.url(&[("redirect_uri", "https://annuaire.example/callbacks")]))
        .await;
    Browser::new(&app).get(&service.url(&[("prompt", "none")])).await;
    app.app.statistics.write(&app.app.store).await.unwrap();
    let page = browser.open(&format!("{HOME}/{}", client.id)).await;
    let errors = page.text("health-errors");
    for part in [
        "invalid_grant",
        "invalid_client",
        "redirect_uri_mismatch",
        "login_required",
        "caractère par caractère",
    ] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    assert_eq!(page.text("health-unused"), "https://annuaire.example/old");
    assert!(page.text("last-used").contains("UTC"));
    assert!(page.text("health-sign-ins").contains("moins de 5"), "{}", page.body);
    app.app
        .store
        .delete_expired(app.app.clock.now() + 92 * 86_400, 100)
        .await
        .unwrap();
    let rows = app.app.store.list_client_errors(&client.id, 0).await.unwrap();
    assert!(rows.is_empty(), "kept for 90 days");
}

/// Threat 21: what a partner writes stays text on the pages of the console and of the login.
#[tokio::test]
async fn hostile_values_of_a_client_stay_text() {
    const HOSTILE: &str = "\"><script>alert(1)</script>";
    let app = TestApp::start().await;
    let (browser, operator) = (jean(&app).await, operator(&app).await);
    let changes = [("name", HOSTILE), ("purpose", HOSTILE), ("why_email", HOSTILE)];
    let (client, secret) = made(&app, &browser, &changes).await;
    let service = RelyingParty::new(&app, client.clone(), secret);
    edit(&browser, &app, &client.id, &[READY, &[("contacts", HOSTILE)]].concat()).await;
    let seen = version(&app, &client.id).await;
    post(
        &browser,
        &client.id,
        "demande",
        &[("version", &seen), ("reasons", HOSTILE)],
    )
    .await;
    let own = format!("{HOME}/{}", client.id);
    let mut pages = Vec::new();
    for place in ["", "/modifier", "/historique", "/essai"] {
        pages.push(browser.open(&format!("{own}{place}")).await);
    }
    pages.push(operator.open(HOME).await);
    pages.push(operator.open("/console/services/demandes").await);
    pages.push(operator.open(&format!("{HOME}?nom={}", "%22%3E%3Cscript%3E")).await);
    pages.push(Browser::new(&app).open(&service.url(&[])).await);
    pages.push(
        create(
            &browser,
            &[("name", HOSTILE), ("redirect_uris", HOSTILE), ("jwks", HOSTILE)],
        )
        .await,
    );
    for page in pages {
        assert_eq!(page.status, 200, "{}", page.url);
        assert!(page.body.contains("alert(1)"), "{}", page.url);
        assert!(!page.body.contains("<script"), "{} {}", page.url, page.body);
    }
}
