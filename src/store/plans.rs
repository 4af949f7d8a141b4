//! Every statement that a list is read with finds its rows by an index, and in the order of the list: on SQLite, which plans
//! without having seen the data. (`benches/run lists` looks at PostgreSQL's plans, with the data.)

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use sqlx::{AssertSqlSafe, Row as _};

use super::*;
use crate::domain::audit::{Action, Actor, Class, Filter, ObjectKind};
use crate::domain::ending::Target;
use crate::domain::statistics::Scope;
use crate::protocol::standing::ClientStage;
use crate::secret::random_id;

/// Tables that stay small: nobody minds that all of one is read.
const SMALL: [&str; 2] = ["homeservers", "signing_keys"];

/// Collects what sqlx logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The reading statements in it.
    fn statements(&self) -> BTreeSet<String> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let statement = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |field: &str| line["fields"][field].as_str().unwrap_or_default().trim().to_owned();
            let whole = text("db.statement");
            if whole.is_empty() { text("summary") } else { whole }
        };
        let statements = log.lines().map(statement);
        statements.filter(|sql| sql.starts_with("select")).collect()
    }
}

async fn read_every_list(store: &Store) -> Result<(), StoreError> {
    for whose in [Whose::All, Whose::Owner("a"), Whose::Administration("a.fr")] {
        for stage in [None, Some(ClientStage::Sandbox)] {
            let filter = ClientFilter {
                whose,
                stage,
                prefix: "x",
            };
            store.list_client_page(filter, Some(("78", "i")), 51).await?;
        }
    }
    store.list_client_requests(Some((1, "c")), 51).await?;
    store.list_client_revisions("c", Some((1, "i")), 51).await?;
    store.list_client_secrets("c", 1).await?;
    store.list_client_owners("c").await?;
    store.list_client_invitations("c", 1).await?;
    store.list_client_errors("c", 1).await?;
    store.list_client_redirects("c").await?;
    store.list_logout_deliveries("c", 50).await?;
    store.find_client_names(&["c", "d"]).await?;
    store.find_matrix_ids(&["a", "b"]).await?;
    store.list_invitations_of("@a:b.c", 1).await?;
    for term in [None, Some("x")] {
        store.list_administration_page(Some("a.fr"), term, 51).await?;
    }
    store.list_unknown_domain_page(Some((1, "a.fr")), 51).await?;
    store.list_homeservers().await?;
    let place = ("support".to_owned(), 1, "a".to_owned(), String::new());
    store.list_role_page(Some(&place), 51).await?;
    store.list_role_invitation_page(1, Some((1, "i")), 51).await?;
    store.list_role_invitations_of("@a:b.c", 1).await?;
    store.find_agents_by_email("a@b.fr").await?;
    store.find_agent_by_subject("s").await?;
    store.find_open_agent("b.c", "@a:b.c").await?;
    store.list_browser_session_page("a", 1, Some((1, "i")), 51).await?;
    store.list_living_services("a", 1, Some("c"), 51).await?;
    store.is_living_service("a", "c", 1).await?;
    store.list_agent_clients("a", 1, Some("c"), 51).await?;
    store.list_agent_services("a", 1, ("c", "d")).await?;
    store.list_past_sign_ins("a", Some((1, "i")), 51).await?;
    for scope in [
        Scope::Everything,
        Scope::Client("c".into()),
        Scope::Administration("a.fr".into()),
    ] {
        store.list_sign_in_days(&scope, 1, 9).await?;
        store.list_sign_ins_by_client(&scope, 1, 9).await?;
        store.list_sign_ins_by_administration(&scope, 1, 9).await?;
    }
    for target in ["client", "administration", "homeserver"] {
        let target = Target::parse(target, "a.fr").unwrap();
        store.count_living(&target, 1).await?;
    }
    Ok(())
}

/// Every combination of the journal's filters.
async fn read_the_journal(store: &Store) -> Result<(), StoreError> {
    for which in 0..32_u8 {
        let has = |bit: u8| which & (1 << bit) != 0;
        let filter = Filter {
            class: has(0).then_some(Class::Administrative),
            action: has(1).then_some(Action::ClientChanged),
            actor: has(2).then(|| Actor::Agent("a".into())),
            object: has(3).then(|| (ObjectKind::Client, "c".into())),
            from: has(4).then_some(1),
            until: None,
        };
        store.list_audit_events(&filter, Some((5, "i")), 51).await?;
    }
    Ok(())
}

#[tokio::test]
async fn lists_are_read_by_an_index_and_in_its_order() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_env_filter("off,sqlx::query=debug")
        .with_writer(move || writer.clone());
    // No other test of this program looks at logs.
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let folder = std::env::temp_dir().join(format!("tchap-connect-{}", random_id().unwrap()));
    std::fs::create_dir(&folder).unwrap();
    let store = Store::open(&format!("sqlite:{}", folder.join("plans.db").display()))
        .await
        .unwrap();
    store.migrate().await.unwrap();
    log.0.lock().unwrap().clear();
    read_every_list(&store).await.unwrap();
    let lists = log.statements();
    log.0.lock().unwrap().clear();
    read_the_journal(&store).await.unwrap();
    let journal = log.statements();
    assert!(
        lists.len() > 45 && journal.len() == 12,
        "{} {}",
        lists.len(),
        journal.len()
    );

    let wrong =
        async |statements: &BTreeSet<String>, sorted| not_by_an_index(&store, statements, sorted).await.join("\n\n");
    assert_eq!(wrong(&lists, false).await, "");
    // The journal is too long to sort what a page is taken from.
    assert_eq!(wrong(&journal, true).await, "");
    // It would be noticed.
    for (index, statements, table) in [
        ("roles_listed", &lists, "SCAN a"),
        ("client_requests_open", &lists, "SCAN r"),
        ("audit_events_object", &journal, "TEMP B-TREE"),
    ] {
        let drop = AssertSqlSafe(format!("drop index {index}"));
        on!(store.writes(), db => sqlx::raw_sql(drop).execute(db).await.map(|_| ())).unwrap();
        let wrong = wrong(statements, true).await;
        assert!(wrong.contains(table), "{index}: {wrong}");
    }
    store.close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Those of these statements that read a whole table, or, of a list that must come `sorted`, sort what they read; with their plans.
async fn not_by_an_index(store: &Store, statements: &BTreeSet<String>, sorted: bool) -> Vec<String> {
    let Db::Sqlite { readers, .. } = &store.db else {
        unreachable!()
    };
    let mut wrong = Vec::new();
    for sql in statements {
        // Not kept: a plan that is would outlive its index.
        let plan = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}"))).persistent(false);
        let rows = plan.fetch_all(readers).await.unwrap();
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let scans = |step: &String| {
            let is_small = SMALL.iter().any(|table| step.starts_with(&format!("SCAN {table}")));
            step.starts_with("SCAN") && !is_small && !step.contains("CONSTANT ROW")
        };
        let sorts = |step: &String| sorted && step.contains("TEMP B-TREE");
        if steps.iter().any(|step| scans(step) || sorts(step)) {
            wrong.push(format!("{sql}\n    {}", steps.join("\n    ")));
        }
    }
    wrong
}
