//! How long the pure core takes to judge a request, from its bytes to the decision: `cargo bench --bench
//! request_validation`.

use std::collections::BTreeSet;
use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tchap_connect::domain::agent::{Agent, AgentEmail};
use tchap_connect::domain::claims::{self, SCOPES};
use tchap_connect::domain::flow::{ConsentRule, Progress, SignedIn, Step, next_step};
use tchap_connect::domain::homeserver::{Homeserver, Way};
use tchap_connect::domain::session::BrowserSession;
use tchap_connect::protocol::authorize::{self, AuthorizationRequest};
use tchap_connect::protocol::client::{Client, ClientAuthMethod, ClientSecret};
use tchap_connect::protocol::client_metadata::ClientMetadata;
use tchap_connect::protocol::params::Params;
use tchap_connect::protocol::return_to::ReturnTo;
use tchap_connect::protocol::{client_auth, pkce};
use tchap_connect::secret::fingerprint;

const NOW: i64 = 1_800_000_000;
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const QUERY: &[u8] = b"response_type=code&client_id=service&redirect_uri=https%3A%2F%2Fservice.example%2Fcallback\
    &scope=openid+profile+email+administration&state=af0ifjsldkj-af0ifjsldkj&nonce=n-0S6_WzA2Mj-n-0S6_WzA2Mj\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&max_age=3600\
    &login_hint=jean.dupont%40beta.gouv.fr&ui_locales=fr-FR+en\
    &claims=%7B%22id_token%22%3A%7B%22email%22%3A%7B%22essential%22%3Atrue%7D%7D%7D";

fn client() -> Client {
    let metadata = ClientMetadata {
        client_id: "service".into(),
        name: "Service".into(),
        redirect_uris: vec!["https://service.example/callback".into()],
        token_endpoint_auth_method: Some(ClientAuthMethod::ClientSecretBasic),
        scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        require_pkce: true,
        ..ClientMetadata::default()
    };
    metadata.validate(SCOPES).expect("a good client")
}

fn agent() -> Agent {
    Agent {
        id: "agent".into(),
        homeserver: "agent.dinum.tchap.test".into(),
        matrix_id: "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.test".into(),
        display_name: Some("Jean Dupont [DINUM]".into()),
        email: Some(AgentEmail {
            address: "jean.dupont@beta.gouv.fr".into(),
            added_at: NOW,
        }),
        last_believed: None,
        at_issuer: None,
        locale: Some("fr".into()),
        created_at: NOW,
        updated_at: NOW,
        closed_at: None,
        paused: None,
        checked_at: None,
    }
}

fn homeserver() -> Homeserver {
    Homeserver {
        name: "agent.dinum.tchap.test".into(),
        label: "DINUM".into(),
        base_url: "https://matrix.agent.dinum.tchap.test".into(),
        guests: false,
        ways: Way::DEFAULT_ORDER.into(),
        email_domains: vec!["beta.gouv.fr".into()],
        directory: false,
        sso_always_asks: false,
        recreated_by_address: false,
        oauth: Default::default(),
        watch: Default::default(),
    }
}

fn checked(client: &Client) -> AuthorizationRequest {
    let params = Params::parse(QUERY).expect("parameters");
    let return_to = ReturnTo::verify(&params, client).expect("a registered redirect URI");
    authorize::check(&params, client, return_to, SCOPES).expect("a good request")
}

fn authorization(criterion: &mut Criterion) {
    let (client, agent, homeserver) = (client(), agent(), homeserver());
    let request = checked(&client);
    let values = claims::values(&agent, &homeserver, None, "subject");
    let requested = || claims::requested(black_box(&request.scope), &request.claims, &client.scopes);
    let available: BTreeSet<String> = requested()
        .into_iter()
        .filter(|claim| values.contains_key(claim.as_str()))
        .collect();
    let session = BrowserSession {
        id: "session".into(),
        agent_id: agent.id.clone(),
        way: Way::Password,
        auth_time: Some(NOW - 60),
        created_at: NOW - 60,
        expires_at: NOW + 3600,
    };
    let signed_in = SignedIn {
        session: &session,
        subject: "subject",
        acr: claims::acr(&homeserver),
        admission: Ok(()),
        claims: &available,
        remembered: Some(&available),
    };
    let step = || {
        let progress = Progress::default();
        next_step(
            black_box(&request),
            None,
            &progress,
            Some(&signed_in),
            ConsentRule::Remembered,
            NOW,
            NOW,
        )
    };
    // What is measured is the way to a code, not an early refusal.
    assert_eq!(step(), Step::Issue(available.clone()));

    let mut group = criterion.benchmark_group("authorization request");
    group.throughput(Throughput::Elements(1));
    group.bench_function("Params::parse", |bench| bench.iter(|| Params::parse(black_box(QUERY))));
    group.bench_function("parse, ReturnTo::verify, check", |bench| {
        bench.iter(|| checked(black_box(&client)))
    });
    group.bench_function("flow::next_step", |bench| bench.iter(step));
    group.bench_function("claims::values", |bench| {
        bench.iter(|| claims::values(black_box(&agent), &homeserver, None, "subject"));
    });
    group.bench_function("claims::requested", |bench| bench.iter(requested));
    group.finish();
}

fn token_request(criterion: &mut Criterion) {
    let client = client();
    let secret = |value: &str| ClientSecret {
        id: value.into(),
        fingerprint: fingerprint(value),
        created_at: NOW,
        expires_at: None,
    };
    let secrets = [secret("former"), secret("a-secret-of-43-characters-in-base64url-form")];
    let header = STANDARD.encode("service:a-secret-of-43-characters-in-base64url-form");
    let header = format!("Basic {header}");
    let form = Params::default();
    let challenge = fingerprint(VERIFIER);

    let mut group = criterion.benchmark_group("token request");
    group.throughput(Throughput::Elements(1));
    group.bench_function("client_auth::read and verify", |bench| {
        bench.iter(|| {
            let credentials = client_auth::read(Some(black_box(&header)), &form).expect("credentials");
            client_auth::verify(Some(client.clone()), &secrets, &credentials).expect("the client")
        });
    });
    group.bench_function("pkce::verify", |bench| {
        bench.iter(|| pkce::verify(Some(black_box(&challenge)), Some(VERIFIER)).expect("the verifier"));
    });
    group.finish();
}

criterion_group!(benches, authorization, token_request);
criterion_main!(benches);
