//! `operator add|list|remove|enrol|reset-second-factor|end-sessions`: what the console cannot do for itself. Nobody but whoever
//! may use the command line makes the first operator, and removes the last.

use anyhow::{Context as _, bail};
use clap::Subcommand;
use serde_json::json;

use super::context::{Context, Database};
use super::{Global, output};
use crate::console::roles::{self, Invited, RoleError};
use crate::console::{second_factor, sessions};
use crate::domain::agent::Agent;
use crate::domain::audit::Actor;
use crate::domain::identifier::MatrixId;
use crate::domain::role::Role;

#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Make an account an operator, at once or at its first sign-in within 24 hours, with a code to enrol its second factor.
    Add(Account),
    /// Show everybody with a role, and who is invited to one.
    List,
    /// Take the operator's role from an account, be it the last one.
    Remove(Account),
    /// Make a one-time code with which an operator or support enrols a second factor, within 24 hours.
    Enrol(Account),
    /// Forget the second factor of an account that lost it; follow up with `enrol`.
    ResetSecondFactor(Account),
    /// End all browser sessions and tokens of an account; services are told.
    EndSessions(Account),
}

#[derive(Debug, clap::Args)]
pub struct Account {
    /// Full Matrix id.
    #[arg(value_name = "@LOCAL:SERVER")]
    matrix_id: String,
}

pub async fn run(global: &Global, command: OperatorCommand) -> anyhow::Result<()> {
    let context = Context::open(global, Database::MustExist).await?;
    match command {
        OperatorCommand::Add(account) => add(global, &context, &account.matrix_id).await?,
        OperatorCommand::List => list(global, &context).await?,
        OperatorCommand::Remove(account) => remove(global, &context, &account.matrix_id).await?,
        OperatorCommand::Enrol(account) => enrol(global, &context, &account.matrix_id).await?,
        OperatorCommand::ResetSecondFactor(account) => reset(global, &context, &account.matrix_id).await?,
        OperatorCommand::EndSessions(account) => end_sessions(global, &context, &account.matrix_id).await?,
    }
    context.store.close().await;
    Ok(())
}

/// The account and its open agent, with its name before whatever is wrong with it.
async fn account(context: &Context, matrix_id: &str) -> anyhow::Result<(MatrixId, Option<Agent>)> {
    roles::account(&context.store, matrix_id)
        .await
        .with_context(|| matrix_id.to_owned())
}

async fn known(context: &Context, matrix_id: &str) -> anyhow::Result<Agent> {
    let (_, agent) = account(context, matrix_id).await?;
    agent.with_context(|| format!("{matrix_id} never signed in"))
}

async fn add(global: &Global, context: &Context, matrix_id: &str) -> anyhow::Result<()> {
    let (store, now) = (&context.store, context.clock.now());
    let invited = roles::invite(store, Actor::CommandLine, matrix_id, &Role::Operator, now).await;
    let invited = invited.with_context(|| matrix_id.to_owned())?;
    let (matrix_id, agent) = account(context, matrix_id).await?;
    let code = match is_enrolled(context, agent.as_ref()).await? {
        true => None,
        false => Some(second_factor::offer(store, Actor::CommandLine, (&matrix_id, agent.as_ref()), now).await?),
    };
    let until = match invited {
        Invited::Given(_) => None,
        Invited::Until(until) => Some(until),
    };
    if global.json {
        return output::json(&json!({"matrix_id": matrix_id, "invited_until": until, "enrolment_code": code}));
    }
    output::print(&match until {
        None => format!("{matrix_id} is an operator."),
        Some(until) => format!(
            "{matrix_id} becomes an operator by signing in until {}.",
            output::instant(until)
        ),
    })?;
    if let Some(code) = code {
        output::print(&output::pairs(&[("enrolment code", code)]))?;
    }
    let console = format!("{}/console", context.config.issuer);
    output::say(&format!(
        "\nThe way in: {console}. A code is shown this once: hand it over by a way that is not Tchap."
    ));
    Ok(())
}

async fn is_enrolled(context: &Context, agent: Option<&Agent>) -> anyhow::Result<bool> {
    let Some(agent) = agent else { return Ok(false) };
    let stored = context.store.find_stored_factor(&agent.id).await?;
    Ok(stored.is_some_and(|stored| stored.confirmed_at.is_some()))
}

async fn list(global: &Global, context: &Context) -> anyhow::Result<()> {
    let roles = context.store.list_roles().await?;
    let invitations = context.store.list_role_invitations(context.clock.now()).await?;
    if global.json {
        let role = |role: &Role| json!({"role": role.parts().0, "administration": role.parts().1});
        let roles = roles.iter().map(|given| {
            let mut line = role(&given.role);
            line["agent_id"] = given.agent_id.clone().into();
            line["matrix_id"] = given.matrix_id.clone().into();
            line["granted_at"] = given.granted_at.into();
            line["second_factor"] = given.has_second_factor.into();
            line
        });
        let invitations = invitations.iter().map(|invitation| {
            let mut line = role(&invitation.role);
            line["matrix_id"] = invitation.matrix_id.clone().into();
            line["expires_at"] = invitation.expires_at.into();
            line
        });
        return output::json(&json!({
            "roles": roles.collect::<Vec<_>>(),
            "invitations": invitations.collect::<Vec<_>>(),
        }));
    }
    if roles.is_empty() && invitations.is_empty() {
        output::say("Nobody has a role. Begin with: tchap-connect operator add @local:server");
        return Ok(());
    }
    let words = |role: &Role| match role.parts() {
        (name, "") => name.to_owned(),
        (name, administration) => format!("{name} of {administration}"),
    };
    let given = roles.iter().map(|given| {
        let factor = if given.has_second_factor { "yes" } else { "no" };
        vec![
            given.matrix_id.clone(),
            words(&given.role),
            output::instant(given.granted_at),
            factor.to_owned(),
        ]
    });
    let invited = invitations.iter().map(|invitation| {
        let until = format!("invited until {}", output::instant(invitation.expires_at));
        vec![
            invitation.matrix_id.clone(),
            words(&invitation.role),
            until,
            String::new(),
        ]
    });
    let rows: Vec<_> = given.chain(invited).collect();
    output::print(&output::table(&["account", "role", "since", "second factor"], &rows))
}

async fn remove(global: &Global, context: &Context, matrix_id: &str) -> anyhow::Result<()> {
    let (store, now) = (&context.store, context.clock.now());
    let invitations = store.list_role_invitations_of(matrix_id, now).await?;
    let mut removed = false;
    for invitation in invitations
        .iter()
        .filter(|invitation| invitation.role == Role::Operator)
    {
        removed |= roles::withdraw(store, Actor::CommandLine, &invitation.id, now).await?;
    }
    // Not by `account`: whose server left the list is removed all the same.
    for given in store.list_roles().await? {
        if given.matrix_id == matrix_id && given.role == Role::Operator {
            match roles::remove(store, Actor::CommandLine, &given.agent_id, &Role::Operator, now).await {
                Ok(()) => removed = true,
                Err(RoleError::NotGiven) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if !removed {
        bail!("{matrix_id} is no operator; `tchap-connect operator list` shows all");
    }
    match global.json {
        true => output::json(&json!({"matrix_id": matrix_id, "removed": true})),
        false => output::print(&format!("{matrix_id} is no operator any more.")),
    }
}

async fn enrol(global: &Global, context: &Context, matrix_id: &str) -> anyhow::Result<()> {
    let (store, now) = (&context.store, context.clock.now());
    let (matrix_id, agent) = account(context, matrix_id).await?;
    let mut roles: Vec<Role> = match &agent {
        Some(agent) => store.find_roles(&agent.id).await?,
        None => Vec::new(),
    };
    let invitations = store.list_role_invitations_of(matrix_id.as_str(), now).await?;
    roles.extend(invitations.into_iter().map(|invitation| invitation.role));
    if !roles.iter().any(Role::needs_second_factor) {
        bail!("{matrix_id} has no role that needs a second factor; `tchap-connect operator list` shows all");
    }
    if is_enrolled(context, agent.as_ref()).await? {
        bail!(
            "{matrix_id} has a second factor; when it is lost: tchap-connect operator reset-second-factor {matrix_id}"
        );
    }
    let code = second_factor::offer(store, Actor::CommandLine, (&matrix_id, agent.as_ref()), now).await?;
    if global.json {
        return output::json(&json!({"matrix_id": matrix_id, "enrolment_code": code}));
    }
    output::print(&output::pairs(&[("enrolment code", code)]))?;
    output::say("\nIt is shown this once and good for 24 hours: hand it over by a way that is not Tchap.");
    Ok(())
}

async fn reset(global: &Global, context: &Context, matrix_id: &str) -> anyhow::Result<()> {
    let agent = known(context, matrix_id).await?;
    if !second_factor::reset(&context.store, Actor::CommandLine, &agent.id, context.clock.now()).await? {
        bail!("{matrix_id} has no second factor");
    }
    match global.json {
        true => output::json(&json!({"matrix_id": matrix_id, "reset": true})),
        false => output::print(&format!(
            "The second factor of {matrix_id} is forgotten. For another one: tchap-connect operator enrol {matrix_id}"
        )),
    }
}

async fn end_sessions(global: &Global, context: &Context, matrix_id: &str) -> anyhow::Result<()> {
    let agent = known(context, matrix_id).await?;
    let ended = sessions::end_agent(&context.store, Actor::CommandLine, &agent.id, context.clock.now()).await?;
    match global.json {
        true => output::json(
            &json!({"matrix_id": matrix_id, "sessions": ended.sessions, "authorizations": ended.authorizations}),
        ),
        false => output::print(&format!(
            "Ended {} and {} of {matrix_id}.",
            output::count(ended.sessions, "session"),
            output::count(ended.authorizations, "authorization")
        )),
    }
}
