//! `/console/administrations`: search, edit, import with a preview, export, and the domains that are missing.

use tchap_connect::domain::administration::Administration;
use tchap_connect::domain::administration::table;
use tchap_connect::protocol::admission::Branch;

use super::{operator, recorded, shown};
use crate::support::{Browser, EMAIL, Page, TestApp};

const HOME: &str = "/console/administrations";
const IMPORT: &str = "/console/administrations/import";

fn one(domain: &str, name: &str) -> Administration {
    Administration {
        domain: domain.into(),
        name: name.into(),
        siren: None,
        siret: None,
        branch: None,
        organizational_unit: None,
    }
}

fn of(domain: &str) -> String {
    format!("{HOME}/domaine/{domain}")
}

async fn stored(app: &TestApp, domain: &str) -> Option<Administration> {
    let found = app.app.store.find_administration_version(domain).await.unwrap();
    found.map(|stored| stored.value)
}

/// Sends a form with a file, as browsers do.
async fn post_file(browser: &Browser, app: &TestApp, fields: &[(&str, &[u8])]) -> Page {
    let mut body = Vec::new();
    for (name, value) in fields {
        let file = if *name == "file" { "; filename=\"a.csv\"" } else { "" };
        let head = format!("--boundary\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend([head.as_bytes(), value, b"\r\n"].concat());
    }
    body.extend(b"--boundary--\r\n");
    browser
        .post_body(
            &format!("{}{IMPORT}", app.base_url),
            "multipart/form-data; boundary=boundary",
            body,
        )
        .await
}

/// Sends a table; answers the page that comes of it.
async fn send(browser: &Browser, app: &TestApp, table: &[u8]) -> Page {
    let shown = shown(browser).await;
    let answer = post_file(
        browser,
        app,
        &[("shown", shown.as_bytes()), ("file", table), ("table", b"")],
    )
    .await;
    browser.follow(answer).await
}

#[tokio::test]
async fn an_administration_is_added_found_changed_and_deleted() {
    let app = TestApp::start().await;
    let (browser, ..) = operator(&app, "operator").await;
    let page = browser.open(HOME).await;
    assert!(page.has("none"), "{}", page.body);
    let page = browser.open(&page.href("administration-add")).await;
    let dinum = [
        ("domain", " Beta.gouv.fr "),
        ("name", "Direction interministérielle du numérique"),
        ("siret", "130 025 265 00013"),
        ("branch", "etat"),
    ];
    let page = browser.submit(&page, "administration-form", &dinum).await;
    assert!(page.has("console-done"), "{}", page.body);
    let expected = Administration {
        siren: Some("130025265".into()),
        siret: Some("13002526500013".into()),
        branch: Some(Branch::Etat),
        ..one("beta.gouv.fr", "Direction interministérielle du numérique")
    };
    assert_eq!(stored(&app, "beta.gouv.fr").await, Some(expected.clone()));
    for (query, found) in [
        ("BETA", true),
        ("beta.gouv", true),
        ("numerique", true),
        ("Numérique", true),
        ("direction inter", true),
        ("130025", true),
        ("eta.gouv", false),
        ("%", false),
        ("' or 1=1 --", false),
        ("!", false),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
        let page = browser.open(&format!("{HOME}?q={query}")).await;
        assert_eq!(page.body.contains("Direction inter"), found, "{query}");
    }
    let page = browser.open(&of("beta.gouv.fr")).await;
    let page = browser
        .submit(&page, "administration-form", &[("name", "DINUM"), ("branch", "etat")])
        .await;
    assert!(page.has("console-done"), "{}", page.body);
    assert_eq!(
        stored(&app, "beta.gouv.fr").await,
        Some(Administration {
            name: "DINUM".into(),
            ..expected
        })
    );
    assert!(
        !browser
            .open(&format!("{HOME}?q=numerique"))
            .await
            .body
            .contains("DINUM"),
        "former words find nothing"
    );

    let page = browser.open(&of("beta.gouv.fr")).await;
    let wrong = browser.submit(&page, "delete-form", &[("confirm", "gouv.fr")]).await;
    assert!(wrong.text("error-message").contains("Rien n’a été supprimé"));
    assert!(stored(&app, "beta.gouv.fr").await.is_some());
    browser
        .submit(&page, "delete-form", &[("confirm", "beta.gouv.fr")])
        .await;
    assert_eq!(stored(&app, "beta.gouv.fr").await, None);
    assert_eq!(browser.get(&of("beta.gouv.fr")).await.status, 404);

    assert_eq!(recorded(&app, "administration.created").await.len(), 1);
    let changed = recorded(&app, "administration.changed").await;
    assert_eq!(changed.len(), 1);
    assert!(changed[0].2.contains("DINUM") && changed[0].1 == "beta.gouv.fr" && changed[0].0 == "agent");
    assert_eq!(recorded(&app, "administration.deleted").await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost() {
    let app = TestApp::start().await;
    let (browser, ..) = operator(&app, "operator").await;
    let page = browser.open("/console/administrations/ajouter?domaine=b%22eta").await;
    assert_eq!(page.value("domain"), "b\"eta");
    let typed = [
        ("domain", "@beta"),
        ("name", "\u{202e}x"),
        ("siren", "130025266"),
        ("siret", "1"),
        ("branch", "x"),
    ];
    let page = browser.submit(&page, "administration-form", &typed).await;
    assert!(page.text("error-message").contains("hospitaliere"), "{}", page.body);
    let typed = [
        ("domain", "@beta"),
        ("name", "\u{202e}x"),
        ("siren", "130025266"),
        ("siret", "1"),
        ("branch", ""),
    ];
    let page = browser.submit(&page, "administration-form", &typed).await;
    assert!(page.text("error-message").contains("sans « @ »"), "{}", page.body);
    for field in ["name-error", "siren-error", "siret-error"] {
        assert!(page.has(field), "{field}");
    }
    for (field, value) in [("domain", "@beta"), ("siren", "130025266"), ("siret", "1")] {
        assert_eq!(page.value(field), value);
    }
    assert!(app.app.store.list_administrations().await.unwrap().is_empty());
    assert!(recorded(&app, "administration.created").await.is_empty());
}

#[tokio::test]
async fn of_two_editors_the_later_is_told_and_loses_nothing() {
    let app = TestApp::start().await;
    app.add_administration(one("beta.gouv.fr", "DINUM")).await;
    let (mine, ..) = operator(&app, "operator").await;
    let (theirs, ..) = operator(&app, "other").await;
    let my_page = mine.open(&of("beta.gouv.fr")).await;
    let their_page = theirs.open(&of("beta.gouv.fr")).await;
    theirs
        .submit(&their_page, "administration-form", &[("name", "Theirs")])
        .await;
    let page = mine.submit(&my_page, "administration-form", &[("name", "Mine")]).await;
    assert!(
        page.text("error-message").contains("Rien n’a été écrit"),
        "{}",
        page.body
    );
    assert_eq!(page.value("name"), "Mine");
    assert!(page.text("stored").contains("Theirs"));
    assert_eq!(stored(&app, "beta.gouv.fr").await.unwrap().name, "Theirs");
    // Knowingly.
    mine.submit(&page, "administration-form", &[]).await;
    assert_eq!(stored(&app, "beta.gouv.fr").await.unwrap().name, "Mine");
    // An outdated deletion.
    let page = theirs
        .submit(&their_page, "delete-form", &[("confirm", "beta.gouv.fr")])
        .await;
    assert!(page.has("error-message") && stored(&app, "beta.gouv.fr").await.is_some());
    let page = mine.open(&of("beta.gouv.fr")).await;
    mine.submit(&page, "delete-form", &[("confirm", "beta.gouv.fr")]).await;
    let page = theirs
        .submit(&their_page, "administration-form", &[("name", "Again")])
        .await;
    assert!(page.text("error-message").contains("supprimé"));
    theirs.submit(&page, "administration-form", &[]).await;
    assert_eq!(stored(&app, "beta.gouv.fr").await.unwrap().name, "Again");
    // Adding what is there.
    let page = mine.open("/console/administrations/ajouter").await;
    let page = mine
        .submit(
            &page,
            "administration-form",
            &[("domain", "beta.gouv.fr"), ("name", "New")],
        )
        .await;
    assert!(page.text("error-message").contains("déjà") && page.text("stored").contains("Again"));
    assert_eq!(page.value("name"), "New");
}

/// Threats: stored XSS (21), log injection (23).
#[tokio::test]
async fn hostile_names_are_text_everywhere() {
    let app = TestApp::start().await;
    let hostile = "<script>alert(1)</script>\"'>{{7*7}}";
    app.add_administration(one("evil.fr", hostile)).await;
    let (browser, ..) = operator(&app, "operator").await;
    for path in [HOME.to_owned(), of("evil.fr")] {
        let page = browser.open(&path).await;
        assert!(
            !page.body.contains("<script>alert") && page.body.contains("&#60;script"),
            "{path}"
        );
    }
    let page = browser
        .open(&format!("{HOME}?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E%0d%0aX:1"))
        .await;
    assert!(!page.body.contains("<script>alert"));
    let page = send(
        &browser,
        &app,
        "domain,name\nb.fr,\"<script>alert(1)</script>\"\n".as_bytes(),
    )
    .await;
    assert!(page.has("confirm-form") && !page.body.contains("<script>alert"));
    let page = send(
        &browser,
        &app,
        "<script>alert(1)</script>,name\n</textarea><script>alert(2)</script>,A\n".as_bytes(),
    )
    .await;
    assert!(
        page.has("faults") && !page.body.contains("<script>alert"),
        "{}",
        page.body
    );
}

/// Threat 29.
#[tokio::test]
async fn the_list_goes_by_pages_that_nobody_can_make_up() {
    let app = TestApp::start().await;
    for number in 0..120 {
        app.add_administration(one(&format!("ville-{number:03}.fr"), "Ville"))
            .await;
    }
    let (browser, ..) = operator(&app, "operator").await;
    let mut seen = Vec::new();
    let mut page = browser.open(&format!("{HOME}?q=ville")).await;
    let mut next = None;
    loop {
        let found = page.body.split("/domaine/").skip(1).map(|rest| rest[..12].to_owned());
        seen.extend(found);
        if !page.has("pager-next") {
            break;
        }
        next = Some(page.href("pager-next"));
        page = browser.open(&page.href("pager-next")).await;
    }
    let expected: Vec<_> = (0..120).map(|number| format!("ville-{number:03}.fr")).collect();
    assert_eq!(seen, expected);
    assert!(page.has("pager-first"));
    let next = next.unwrap();
    let sealed = next.split("suite=").nth(1).unwrap();
    let last = sealed.chars().last().unwrap();
    let altered = format!("{}{}", &sealed[..sealed.len() - 1], if last == 'A' { 'B' } else { 'A' });
    for wrong in [
        format!("{HOME}?suite={sealed}"),
        format!("{HOME}?q=other&suite={sealed}"),
        format!("{HOME}?q=ville&suite={altered}"),
        format!("{HOME}?q=ville&suite=ville-049.fr"),
        format!("{HOME}?q=ville&suite={}", "A".repeat(5000)),
    ] {
        assert_eq!(browser.get(&wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn an_import_is_shown_first_and_what_was_shown_is_written() {
    let app = TestApp::start().await;
    app.add_administration(one("beta.gouv.fr", "DINUM")).await;
    app.add_administration(one("same.fr", "Same")).await;
    let (browser, agent, _) = operator(&app, "operator").await;
    let csv = "\u{feff}Domaine;Nom;SIRET\r\nbeta.gouv.fr;Beta;13002526500013\r\nsame.fr;Same;\r\nnew.fr;'=New;\r\n";
    let page = send(&browser, &app, csv.as_bytes()).await;
    assert!(page.text("added").contains("1 ajout") && page.text("changed").contains("1 modification"));
    assert!(page.text("unchanged").contains("1 ligne"), "{}", page.body);
    assert!(page.body.contains("DINUM") && page.body.contains("=New"));
    assert_eq!(stored(&app, "new.fr").await, None, "nothing is written yet");
    assert!(recorded(&app, "administration.imported").await.is_empty());
    // Another operator cannot confirm what they did not see.
    let (other, ..) = operator(&app, "other").await;
    let their_form = [("shown", shown(&other).await)];
    let their_form = their_form.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = other.post(page.url.path(), &their_form).await;
    assert_eq!(answer.header("location"), format!("{IMPORT}?fait=perdu"));

    let done = browser.submit(&page, "confirm-form", &[]).await;
    assert!(done.has("console-done"), "{}", done.body);
    assert_eq!(stored(&app, "new.fr").await.unwrap().name, "=New");
    assert_eq!(
        stored(&app, "beta.gouv.fr").await.unwrap().siren.as_deref(),
        Some("130025265")
    );
    assert!(
        browser
            .open(&format!("{HOME}?q=130025265"))
            .await
            .body
            .contains("beta.gouv.fr"),
        "it is found"
    );
    let acts = recorded(&app, "administration.imported").await;
    assert_eq!(acts.len(), 1);
    assert!(
        acts[0].2.contains("\"added\":1") && acts[0].2.contains("\"changed\":1"),
        "{}",
        acts[0].2
    );
    // Once.
    let again = browser.submit(&page, "confirm-form", &[]).await;
    assert!(again.text("error-message").contains("n’existe plus"));
    drop(agent);
}

#[tokio::test]
async fn an_import_that_is_overtaken_writes_nothing_and_is_shown_anew() {
    let app = TestApp::start().await;
    app.add_administration(one("a.fr", "A")).await;
    let (browser, ..) = operator(&app, "operator").await;
    let page = send(&browser, &app, b"domain,name\nb.fr,B\na.fr,A2\n").await;
    let (other, ..) = operator(&app, "other").await;
    let form = other.open(&of("a.fr")).await;
    other.submit(&form, "administration-form", &[("name", "Theirs")]).await;
    let page = browser.submit(&page, "confirm-form", &[]).await;
    assert!(
        page.text("error-message").contains("Rien n’a été écrit"),
        "{}",
        page.body
    );
    assert_eq!(stored(&app, "b.fr").await, None, "all or nothing");
    assert_eq!(stored(&app, "a.fr").await.unwrap().name, "Theirs");
    assert!(page.body.contains("Theirs"));
    browser.submit(&page, "confirm-form", &[]).await;
    assert_eq!(stored(&app, "a.fr").await.unwrap().name, "A2");
    assert_eq!(stored(&app, "b.fr").await.unwrap().name, "B");
    // Added meanwhile, and an hour later.
    let page = send(&browser, &app, b"domain,name\nc.fr,C\n").await;
    app.add_administration(one("c.fr", "C")).await;
    let page = browser.submit(&page, "confirm-form", &[]).await;
    assert!(page.has("none"), "it says the same: {}", page.body);
    let page = send(&browser, &app, b"domain,name\nd.fr,D\n").await;
    app.advance(3600);
    assert_eq!(
        browser.get(page.url.path()).await.header("location"),
        format!("{IMPORT}?fait=perdu")
    );
}

/// Threat 24, and every problem with its line.
#[tokio::test]
async fn a_table_that_cannot_be_is_refused_with_its_lines_and_comes_back() {
    let app = TestApp::start().await;
    let (browser, ..) = operator(&app, "operator").await;
    let page = send(&browser, &app, b"domain,name\na.fr,A\nb,B\na.fr,C\n").await;
    let faults = page.text("faults");
    assert!(faults.contains("Ligne 3") && faults.contains("Ligne 4"), "{faults}");
    assert!(page.body.contains("a.fr,A\nb,B"), "what was sent can be corrected");
    assert!(app.app.store.list_administrations().await.unwrap().is_empty());
    let page = send(&browser, &app, b"").await;
    assert!(page.has("error-message"));
    let page = send(&browser, &app, b"domain,name\n\xff\n").await;
    assert!(page.text("faults").contains("UTF-8"));
    let page = send(&browser, &app, b"domain,name\na.fr,\0\n").await;
    assert!(page.has("faults"), "PostgreSQL takes no NUL in a text");
    // More than other routes take, and no more than is allowed.
    let rows: String = (0..15_000)
        .map(|n| format!("ville-{n}.fr,Ville de {n}, aussi\n"))
        .collect();
    let page = send(&browser, &app, format!("domain,name\n{rows}").as_bytes()).await;
    assert!(page.has("faults"), "three cells");
    let page = send(&browser, &app, &vec![b'a'; 3 * 1024 * 1024]).await;
    assert!(page.text("error-message").contains("2 Mio"), "{}", page.body);
    let answer = browser.post(IMPORT, &[("table", "domain,name")]).await;
    assert_eq!(answer.status, 400);
    let many: Vec<(&str, &[u8])> = vec![("x", b"1"); 1000];
    assert_eq!(
        post_file(&browser, &app, &many).await.header("location"),
        IMPORT,
        "what it shows is not ours"
    );
    for wrong in ["x", "-1", "99999999999999999999999", "1;drop"] {
        let page = send(&browser, &app, b"domain,name\na.fr,A\n").await;
        let answer = browser.get(&format!("{}?page={wrong}", page.url.path())).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_export_is_the_table_and_comes_back_as_it_is() {
    let app = TestApp::start().await;
    let list = [
        one("a.fr", "=cmd|' /C calc'!A0"),
        one("b.fr", "'quoted; \"x\""),
        one("c.fr", "+33"),
    ];
    for administration in &list {
        app.add_administration(administration.clone()).await;
    }
    let (browser, ..) = operator(&app, "operator").await;
    let answer = browser.get("/console/administrations/export").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert!(answer.header("content-disposition").starts_with("attachment"));
    assert!(answer.body.contains("'=cmd") && answer.body.contains("'+33") && answer.body.contains("''quoted"));
    assert_eq!(table::read(answer.body.as_bytes()).unwrap(), list);
    let page = send(&browser, &app, answer.body.as_bytes()).await;
    assert!(
        page.has("none") && page.text("unchanged").contains('3'),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn unknown_domains_are_counted_without_their_agents_until_they_are_covered() {
    let app = TestApp::start().await;
    let (browser, ..) = operator(&app, "operator").await;
    for _ in 0..2 {
        Browser::new(&app).sign_in("/mon-compte", EMAIL).await;
    }
    let page = browser.open("/console/administrations/inconnus").await;
    assert!(
        page.body.contains("beta.gouv.fr") && page.body.contains("<td>2</td>"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("jean.dupont"));
    let add = page
        .body
        .split("href=\"")
        .find(|rest| rest.contains("ajouter?domaine="))
        .unwrap();
    let page = browser.open(&add[..add.find('"').unwrap()]).await;
    assert_eq!(page.value("domain"), "beta.gouv.fr");
    let covers = [("domain", "gouv.fr"), ("name", "Gouvernement")];
    browser.submit(&page, "administration-form", &covers).await;
    let page = browser.open("/console/administrations/inconnus").await;
    assert!(page.has("none"), "{}", page.body);
    Browser::new(&app).sign_in("/mon-compte", EMAIL).await;
    assert!(
        app.app.store.list_unknown_domains().await.unwrap().is_empty(),
        "it is known now"
    );
}
