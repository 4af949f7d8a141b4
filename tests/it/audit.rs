//! The audit log: replicas append to one chain, what is tampered with shows, whole days leave, and what happens is recorded.

use serde_json::json;
use tchap_connect::audit::{record, record_once, verify};
use tchap_connect::clock::Clock;
use tchap_connect::config::Retention;
use tchap_connect::domain::audit::chain::Finding;
use tchap_connect::domain::audit::{Action, Actor, Class, Entry, Event, Filter, ObjectKind, day_of};
use tchap_connect::jobs;
use tchap_connect::store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::engines::{Engine, on_each_engine};
use crate::support::{Browser, EMAIL, TestApp, refreshing_public};

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

fn event(action: Action, client: &str) -> Event {
    Event {
        actor: Actor::CommandLine,
        action,
        object: (ObjectKind::Client, client.to_owned()),
        detail: json!({"name": "Démarches"}),
    }
}

/// Three acts on each of three days.
async fn three_days(store: &Store) {
    for day in 0..3 {
        for number in 0..3 {
            record(
                store,
                NOW + day * DAY + number,
                event(Action::ClientChanged, "demarches"),
            )
            .await
            .unwrap();
        }
    }
}

async fn findings(store: &Store) -> Vec<Finding> {
    verify(store, &[]).await.unwrap().findings
}

async fn all(store: &Store, filter: &Filter) -> Vec<Entry> {
    store.list_audit_events(filter, None, 1000).await.unwrap()
}

#[tokio::test]
async fn replicas_append_to_one_chain_and_no_act_is_lost() {
    on_each_engine(async |Engine { store, url }| {
        let other = Store::open(url).await.unwrap();
        let mut tasks = JoinSet::new();
        for number in 0..60 {
            let store = if number % 2 == 0 { store.clone() } else { other.clone() };
            // Their clocks differ by a second, at midnight.
            let now = day_of(NOW) * DAY + number % 2 - 1;
            tasks.spawn(async move { record(&store, now, event(Action::ClientCreated, &number.to_string())).await });
        }
        for done in tasks.join_all().await {
            done.unwrap();
        }
        let report = verify(store, &[]).await.unwrap();
        assert_eq!((report.acts, &report.findings), (60, &Vec::new()));
        let mut objects: Vec<u32> = all(store, &Filter::default())
            .await
            .iter()
            .map(|entry| entry.object_id.parse().unwrap())
            .collect();
        objects.sort_unstable();
        assert_eq!(objects, (0..60).collect::<Vec<_>>());
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_changed_in_the_database_shows() {
    let changes = [
        "update audit_events set detail = '{}' where number = 2 and day = (select min(day) from audit_events)",
        "update audit_events set actor_kind = 'system' where number = 3 and day = (select min(day) from audit_events)",
        "update audit_events set at = at - 1 where number = 1 and day = (select max(day) from audit_events)",
        "delete from audit_events where number = 2 and day = (select min(day) from audit_events)",
        "delete from audit_events where number = 3 and day = (select min(day) from audit_events)",
        "delete from audit_events where day = (select min(day) + 1 from audit_events)",
        "delete from audit_events where day = (select min(day) from audit_events)",
        "delete from audit_events where number = 3 and day = (select max(day) from audit_events)",
        "delete from audit_events where day = (select max(day) from audit_events)",
        "delete from audit_events",
        "update audit_events set object_id = case number when 1 then 'a' else 'b' end
         where number < 3 and day = (select min(day) from audit_events)",
        // A day that nobody wrote, before and between.
        "insert into audit_events (id, at, class, action, actor_kind, actor_id, object_kind, object_id, detail, day, number, hash)
         select 'forged', at, class, action, actor_kind, actor_id, object_kind, object_id, detail, day - 1, 1, hash
         from audit_events where number = 1 and day = (select min(day) from audit_events)",
        "update audit_chain set purged_day = (select min(day) from audit_events)",
        "update audit_chain set number = 2, hash = (select hash from audit_events where number = 2 order by day desc limit 1)",
    ];
    for change in changes {
        on_each_engine(async |engine| {
            three_days(&engine.store).await;
            assert_eq!(findings(&engine.store).await, []);
            engine.execute(change).await;
            assert_ne!(findings(&engine.store).await, [], "{change}");
        })
        .await;
    }
}

#[tokio::test]
async fn an_act_that_is_gone_with_the_chain_is_known_to_who_kept_its_hash() {
    on_each_engine(async |engine| {
        let store = &engine.store;
        three_days(store).await;
        let known = verify(store, &[]).await.unwrap().days;
        assert_eq!(verify(store, &known).await.unwrap().findings, []);
        engine.execute("delete from audit_events").await;
        engine
            .execute("update audit_chain set day = 0, number = 0, hash = ''")
            .await;
        assert_eq!(findings(store).await, [], "an empty log is whole in itself");
        assert_eq!(verify(store, &known).await.unwrap().findings.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn whole_days_leave_by_class_and_the_rest_stays_proven() {
    on_each_engine(async |engine| {
        let store = &engine.store;
        three_days(store).await;
        for day in 0..3 {
            let now = NOW + day * DAY;
            record(store, now, event(Action::CodeReplayed, "x")).await.unwrap();
        }
        let clean = async |now: i64, administrative_acts, security_events| {
            let retention = Retention {
                administrative_acts,
                security_events,
                statistics: 365,
            };
            let (_sender, stop) = watch::channel(true);
            jobs::cleanup::run(store.clone(), Clock::fixed(now), retention, stop).await;
        };
        let count = async |class| {
            let filter = Filter {
                class: Some(class),
                ..Filter::default()
            };
            all(store, &filter).await.len()
        };
        let counts = async || (count(Class::Administrative).await, count(Class::Security).await);
        clean(NOW + 2 * DAY, 2, 2).await;
        assert_eq!(counts().await, (9, 3), "nothing is too old");
        clean(NOW + 3 * DAY, 2, 1).await;
        assert_eq!(counts().await, (7, 1), "a day of acts less, and one act that says so");
        assert_eq!(findings(store).await, []);
        clean(NOW + 3 * DAY, 2, 1).await;
        assert_eq!(counts().await, (7, 1), "once");
        clean(NOW + 30 * DAY, 2, 1).await;
        assert_eq!(counts().await, (1, 0));
        let report = verify(store, &[]).await.unwrap();
        assert_eq!((report.acts, report.findings), (1, Vec::new()));
        record(store, NOW + 30 * DAY, event(Action::ClientChanged, "x")).await.unwrap();
        assert_eq!(findings(store).await, []);

        // Days that leave without the act of the program are missed.
        record(store, NOW + 31 * DAY, event(Action::ClientChanged, "x")).await.unwrap();
        engine
            .execute(
                "update audit_chain set purged_hash = (select hash from audit_events where number = 2 order by day limit 1),
                 purged_day = (select min(day) from audit_events)",
            )
            .await;
        assert_ne!(findings(store).await, []);
    })
    .await;
}

#[tokio::test]
async fn events_are_found_by_every_filter_and_read_in_pages_without_gaps() {
    on_each_engine(async |Engine { store, .. }| {
        for number in 0..40 {
            let action = [
                Action::ClientChanged,
                Action::RoleGiven,
                Action::CodeReplayed,
                Action::LoginThrottled,
            ];
            let actor = if number < 30 {
                Actor::System
            } else {
                Actor::Agent("jean".into())
            };
            let event = Event {
                actor,
                action: action[number % 4],
                object: (ObjectKind::Client, format!("c{}", number % 3)),
                detail: json!(number),
            };
            record(store, NOW + number as i64 / 10, event).await.unwrap();
        }
        let any = Filter::default();
        let filters = [
            (any.clone(), 40),
            (
                Filter {
                    class: Some(Class::Security),
                    ..any.clone()
                },
                20,
            ),
            (
                Filter {
                    action: Some(Action::RoleGiven),
                    ..any.clone()
                },
                10,
            ),
            (
                Filter {
                    actor: Some(Actor::Agent("jean".into())),
                    ..any.clone()
                },
                10,
            ),
            (
                Filter {
                    actor: Some(Actor::Agent("'; drop table audit_events; --".into())),
                    ..any.clone()
                },
                0,
            ),
            (
                Filter {
                    object: Some((ObjectKind::Client, "c2".into())),
                    ..any.clone()
                },
                13,
            ),
            (
                Filter {
                    object: Some((ObjectKind::Agent, "c2".into())),
                    ..any.clone()
                },
                0,
            ),
            (
                Filter {
                    from: Some(NOW + 2),
                    ..any.clone()
                },
                20,
            ),
            (
                Filter {
                    until: Some(NOW + 1),
                    ..any.clone()
                },
                10,
            ),
            (
                Filter {
                    class: Some(Class::Security),
                    action: Some(Action::RoleGiven),
                    ..any.clone()
                },
                0,
            ),
            (
                Filter {
                    class: Some(Class::Administrative),
                    action: Some(Action::ClientChanged),
                    actor: Some(Actor::System),
                    object: Some((ObjectKind::Client, "c0".into())),
                    from: Some(NOW + 1),
                    until: Some(NOW + 2),
                },
                1,
            ),
        ];
        for (filter, expected) in filters {
            let (mut before, mut seen): (Option<(i64, String)>, Vec<Entry>) = (None, Vec::new());
            loop {
                let place = before.as_ref().map(|(at, id)| (*at, id.as_str()));
                let page = store.list_audit_events(&filter, place, 3).await.unwrap();
                before = page.last().map(|last| (last.at, last.id.clone()));
                seen.extend(page);
                if before.is_none() {
                    break;
                }
            }
            assert_eq!(seen.len(), expected, "{filter:?}");
            assert!(seen.is_sorted_by_key(|entry| (-entry.at, std::cmp::Reverse(entry.id.clone()))));
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_provoked_again_and_again_is_recorded_once() {
    on_each_engine(async |Engine { store, .. }| {
        for seconds in [0, 1, 899, 1800, 1801] {
            let event = event(Action::LoginThrottled, "x");
            record_once(store, NOW + seconds, event, 1800).await.unwrap();
        }
        record_once(store, NOW, event(Action::LoginThrottled, "y"), 1800)
            .await
            .unwrap();
        assert_eq!(all(store, &Filter::default()).await.len(), 3);
    })
    .await;
}

async fn recorded(app: &TestApp, action: Action) -> Vec<Entry> {
    let filter = Filter {
        action: Some(action),
        ..Filter::default()
    };
    all(&app.app.store, &filter).await
}

#[tokio::test]
async fn a_replay_a_reuse_and_a_form_of_another_site_are_recorded() {
    let app = TestApp::start().await;
    let service = app.register(refreshing_public("service")).await;
    let browser = Browser::new(&app);
    let code = service
        .sign_in(&browser, &[("scope", "openid offline_access"), ("prompt", "consent")])
        .await;
    let tokens = service.redeem(&code).await;
    service.refreshed(tokens.refresh_token()).await;
    app.advance(3600);
    assert_eq!(service.refresh(tokens.refresh_token(), &[]).await.status, 400);
    for _ in 0..2 {
        assert_eq!(service.token(&service.form(&code, &[])).await.status, 400);
    }
    let [reuse] = recorded(&app, Action::RefreshTokenReused).await.try_into().unwrap();
    let [replay] = recorded(&app, Action::CodeReplayed).await.try_into().unwrap();
    assert_eq!(
        (reuse.actor_kind.as_str(), reuse.actor_id.as_str()),
        ("client", "service")
    );
    assert_eq!(
        (&reuse.object_kind, &reuse.object_id),
        (&replay.object_kind, &replay.object_id)
    );

    let foreign = [("sec-fetch-site", "cross-site")];
    for _ in 0..3 {
        let url = format!("{}/mon-compte/sessions/autres", app.base_url);
        let answer = browser.post_with(&url, &foreign, &[]).await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(recorded(&app, Action::ForeignForm).await.len(), 1);
}

#[tokio::test]
async fn throttled_passwords_are_recorded_without_the_address() {
    let app = TestApp::start().await;
    let service = app.relying_party("service").await;
    for _ in 0..7 {
        let browser = Browser::new(&app);
        let page = browser.open(&service.url(&[])).await;
        browser.log_in(&page, EMAIL, "wrong").await;
    }
    let [throttled] = recorded(&app, Action::LoginThrottled).await.try_into().unwrap();
    assert_eq!(throttled.object_kind, "account");
    let line = throttled.to_json().to_string();
    assert!(!line.contains("jean") && !line.contains('@'), "{line}");
    assert!(line.contains(&service.client.id), "{line}");
}

/// Threat 23: what is recorded cannot forge a line of the log or of an export.
#[tokio::test]
async fn hostile_texts_stay_within_their_field() {
    const HOSTILE: &str = "x\r\n{\"forged\":1}\u{1b}[2J\u{202e}";
    on_each_engine(async |Engine { store, .. }| {
        let mut hostile = event(Action::ClientChanged, HOSTILE);
        hostile.detail = json!({ HOSTILE: HOSTILE });
        hostile.actor = Actor::Agent(HOSTILE.to_owned());
        record(store, NOW, hostile).await.unwrap();
        let [entry] = all(store, &Filter::default()).await.try_into().unwrap();
        let line = entry.to_json().to_string();
        assert_eq!(line.lines().count(), 1);
        assert_eq!(entry.to_json()["detail"][HOSTILE], HOSTILE, "nothing is lost");
        assert_eq!(findings(store).await, []);
    })
    .await;
}
