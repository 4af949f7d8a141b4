//! The console's pages in their states.

use askama::Template;

use super::console::*;
use super::samples::Sample;
use super::*;
use crate::domain::agent::AccountState;
use crate::domain::ending::{Target, Toll};
use crate::domain::homeserver::Way;
use crate::domain::role::Role;

const MATRIX_ID: &str = "@jean.dupont-beta.gouv.fr:agent.dinum.tchap.gouv.fr";

/// As an operator sees it, at the start of a section.
pub(super) fn frame(layout: &Layout, section: &'static Section) -> ConsoleLayout {
    ConsoleLayout {
        layout: layout.clone(),
        nav: SECTIONS.to_vec(),
        section,
        is_start: true,
        shown: "shown".into(),
    }
}

pub(super) fn samples(layout: &Layout) -> Vec<Sample> {
    let home = |name: &str, roles: &[Role]| ConsoleHomePage {
        layout: frame(layout, &HOME),
        name: name.into(),
        matrix_id: MATRIX_ID.into(),
        roles: roles.to_vec(),
    };
    let manager = Role::Manager {
        administration: "beta.gouv.fr".into(),
    };
    let pages = [
        ("console-home", home("Jean Dupont [DINUM]", &[Role::Operator]).render()),
        (
            "console-home-roles",
            home(&"W".repeat(200), &[Role::Support, manager]).render(),
        ),
        ("console-home-partner", home(MATRIX_ID, &[]).render()),
    ];
    let pages = pages.map(|(name, page)| (name.to_owned(), page.expect("the page renders")));
    pages
        .into_iter()
        .chain(factor(layout))
        .chain(teams(layout))
        .chain(agents(layout))
        .chain(super::catalogue_samples::samples(layout))
        .chain(super::services_samples::samples(layout))
        .chain(super::api_samples::samples(layout))
        .chain(super::records_samples::samples(layout))
        .collect()
}

fn factor(layout: &Layout) -> Vec<Sample> {
    let qr = QrCode {
        width: 4,
        path: "M0 0h1v1h-1zM2 1h1v1h-1zM3 3h1v1h-1z".into(),
    };
    let scan = FactorStep::Scan {
        secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into(),
        url: "otpauth://totp/Tchap%20Connect:jean?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into(),
        qr,
    };
    let states = [
        ("enrol", FactorStep::Enrol, None),
        ("enrol-wrong", FactorStep::Enrol, Some(FactorProblem::Enrolment)),
        ("scan", scan.clone(), None),
        ("scan-wrong", scan, Some(FactorProblem::Code)),
        ("give", FactorStep::Give, None),
        ("give-wrong", FactorStep::Give, Some(FactorProblem::Code)),
        ("give-wait", FactorStep::Give, Some(FactorProblem::Wait(360))),
        ("kept", FactorStep::Give, None),
        ("kept-wrong", FactorStep::Give, Some(FactorProblem::Code)),
    ];
    let sample = |(name, step, problem): (&str, FactorStep, Option<FactorProblem>)| {
        let page = SecondFactorPage {
            layout: frame(layout, &HOME),
            step,
            problem,
            action: match name.starts_with("kept") {
                true => "/console/equipe/invitations".into(),
                false => "/console/second-facteur".into(),
            },
            carried: vec![("retour".into(), "/console/equipe\n\"><script>".into())],
        };
        (
            format!("console-factor-{name}"),
            page.render().expect("the page renders"),
        )
    };
    states.map(sample).into()
}

fn pages() -> Pages {
    Pages {
        first_url: Some("/console".into()),
        next_url: Some("/console?suite=x".into()),
    }
}

/// Also for hostile values: as the name and the Matrix id of everybody.
pub(super) fn team(layout: &Layout, name: &str, done: Option<TeamDone>, problem: Option<InviteProblem>) -> TeamPage {
    let role = |role: Role, by: Option<&str>, has_second_factor| RoleEntry {
        agent_id: "a".into(),
        name: name.into(),
        matrix_id: name.into(),
        role,
        since: 1_783_000_000,
        by: by.map(str::to_owned),
        has_second_factor,
    };
    let manager = Role::Manager {
        administration: name.into(),
    };
    TeamPage {
        layout: frame(layout, &TEAM),
        done,
        may_edit: true,
        roles: vec![
            role(Role::Operator, None, true),
            role(Role::Support, Some(name), false),
            role(manager.clone(), Some(name), false),
        ],
        invitations: vec![InvitationEntry {
            id: "i".into(),
            matrix_id: name.into(),
            role: manager,
            until: 1_783_000_000,
        }],
        role_pages: pages(),
        invitation_pages: pages(),
        typed: (name.into(), "manager".into(), name.into()),
        problem,
    }
}

fn teams(layout: &Layout) -> Vec<Sample> {
    let render = |name: String, page: TeamPage| (name, page.render().expect("the page renders"));
    let mut pages = vec![
        render("console-team".into(), team(layout, MATRIX_ID, None, None)),
        render("console-team-long".into(), team(layout, &"W".repeat(200), None, None)),
    ];
    let mut support = team(layout, MATRIX_ID, None, None);
    (support.may_edit, support.invitations) = (false, Vec::new());
    pages.push(render("console-team-support".into(), support));
    for done in TeamDone::ALL {
        pages.push(render(
            format!("console-team-{}", done.as_str()),
            team(layout, MATRIX_ID, Some(done), None),
        ));
    }
    for problem in [
        InviteProblem::MatrixId,
        InviteProblem::Homeserver,
        InviteProblem::Guest,
        InviteProblem::Given,
        InviteProblem::Role,
        InviteProblem::Administration,
        InviteProblem::LastOperator,
    ] {
        pages.push(render(
            format!("console-team-{problem:?}"),
            team(layout, MATRIX_ID, None, Some(problem)),
        ));
    }
    pages
}

/// Also for hostile values.
pub(super) fn agent(layout: &Layout, name: &str, is_used: bool) -> AgentPage {
    let sessions = [Way::Sso, Way::Password].map(|way| AgentSession {
        mark: "m".into(),
        way,
        begun_at: 1_783_000_000,
        ends_at: 1_783_000_000,
    });
    let services = [true, false].map(|offline| AgentService {
        client_id: name.into(),
        name: name.into(),
        authorizations: 2,
        offline,
        until: 1_783_000_000,
    });
    AgentPage {
        layout: frame(layout, &AGENTS),
        done: !is_used,
        url: "/console/agents/a".into(),
        name: name.into(),
        matrix_id: name.into(),
        email: is_used.then(|| name.into()),
        state: if is_used {
            AccountState::Stands
        } else {
            AccountState::Closed
        },
        first_seen: 1_783_000_000,
        sessions: sessions.into_iter().filter(|_| is_used).collect(),
        session_pages: pages(),
        services: services.into_iter().filter(|_| is_used).collect(),
        service_pages: pages(),
    }
}

fn agents(layout: &Layout) -> Vec<Sample> {
    let toll = Toll {
        sessions: 1,
        authorizations: 1200,
    };
    let search = |typed: &str, not_found: bool, no_target: bool, found: usize| AgentsPage {
        layout: frame(layout, &AGENTS),
        done: (typed.is_empty() && !no_target).then_some(toll),
        typed: typed.into(),
        not_found,
        found: vec![
            FoundAgent {
                url: "/console/agents/a".into(),
                name: "Jean Dupont [DINUM]".into(),
                matrix_id: MATRIX_ID.into(),
            };
            found
        ],
        emergency: Some(("homeserver".into(), if no_target { "x".into() } else { String::new() })),
        no_target,
    };
    let emergency = |unconfirmed: bool| EmergencyPage {
        layout: frame(layout, &AGENTS),
        target: Target::Homeserver("agent.dinum.tchap.gouv.fr".into()),
        toll,
        typed: if unconfirmed {
            "agent.dinum".into()
        } else {
            String::new()
        },
        unconfirmed,
    };
    let pages = [
        ("console-agents", search("", false, false, 0).render()),
        (
            "console-agents-found",
            search("jean.dupont@beta.gouv.fr", false, false, 2).render(),
        ),
        ("console-agents-not-found", search("jean", true, false, 0).render()),
        ("console-agents-no-target", search("", false, true, 0).render()),
        ("console-agent", agent(layout, MATRIX_ID, true).render()),
        ("console-agent-empty", agent(layout, MATRIX_ID, false).render()),
        ("console-agent-long", agent(layout, &"W".repeat(200), true).render()),
        ("console-emergency", emergency(false).render()),
        ("console-emergency-unconfirmed", emergency(true).render()),
    ];
    let pages = pages.map(|(name, page)| (name.to_owned(), page.expect("the page renders")));
    pages.into()
}
