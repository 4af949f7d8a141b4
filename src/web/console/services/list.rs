//! The list of clients: one's own, those of an administration, or all.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::super::super::cursor;
use super::super::super::error::AuthorizeError;
use super::super::super::pages::console::services::{Done, InvitationLine, SERVICES, ServiceLine, ServicesPage};
use super::super::Member;
use super::{HOME, Opened, QUEUE};
use crate::domain::role::{Right, Role};
use crate::protocol::client::Client;
use crate::protocol::standing::ClientStage;
use crate::store::{ClientFilter, ClientLine, Whose};

const PER_PAGE: u32 = 50;
const MINE: &str = "miens";
const ADMINISTRATION: &str = "administration";
const ALL: &str = "tous";

/// `GET /console/services`
pub async fn show(member: Member) -> Result<Response, AuthorizeError> {
    member.require(Right::CreateClient)?;
    let query = member.query()?;
    let choices = choices(&member);
    // A word that is not among one's own choices is the widest of these.
    let asked = query
        .get("qui")
        .and_then(|word| choices.iter().find(|choice| **choice == word));
    let whose = *asked.or(choices.last()).unwrap_or(&MINE);
    let managed = managed(&member);
    let filter = ClientFilter {
        whose: match whose {
            ALL => Whose::All,
            ADMINISTRATION => Whose::Administration(managed.unwrap_or_default()),
            _ => Whose::Owner(&member.agent.id),
        },
        stage: query.get("etape").and_then(ClientStage::parse),
        prefix: query.get("nom").unwrap_or_default(),
    };
    let list = format!(
        "{HOME}\n{}\n{whose}\n{}\n{}",
        member.agent.id,
        filter.stage.map_or("", ClientStage::as_str),
        filter.prefix
    );
    let after: Option<(String, String)> = cursor::named(&member.app, &list, query.get("apres"))?;
    let after = after.as_ref().map(|(key, id)| (key.as_str(), id.as_str()));
    let mut found = member.app.store.list_client_page(filter, after, PER_PAGE + 1).await?;
    let place = |last: &ClientLine| (last.name_key.clone(), last.id.clone());
    let next = cursor::cut(&member.app, &list, &mut found, PER_PAGE, place)?;
    let mut lines = Vec::new();
    if after.is_none() {
        lines.extend(by_id(&member, filter.prefix).await?);
    }
    for entry in &found {
        lines.push(line(&entry.client()?));
    }
    let page = ServicesPage {
        done: query.get("fait").and_then(Done::parse),
        lines,
        invitations: invitations(&member).await?,
        search: filter.prefix.to_owned(),
        stage: filter.stage,
        whose,
        first_url: after.map(|_| address(&filter, whose, None)),
        next_url: next.map(|place| address(&filter, whose, Some(&place))),
        queue_url: member.may(Right::ApproveClient).then(|| QUEUE.to_owned()),
        choices: choices.clone(),
        layout: member.layout(&SERVICES),
    };
    Ok(Html(page.render()?).into_response())
}

/// Whose clients somebody may list, the fewest first.
fn choices(member: &Member) -> Vec<&'static str> {
    let managed = managed(member).map(|_| ADMINISTRATION);
    let all = member.may(Right::SeeAllClients).then_some(ALL);
    [Some(MINE), managed, all].into_iter().flatten().collect()
}

fn managed(member: &Member) -> Option<&str> {
    let of = |role: &'_ Role| match role {
        Role::Manager { administration } => Some(administration.clone()),
        _ => None,
    };
    let domain = member.roles.granted.iter().find_map(of)?;
    let right = Right::SeeClient {
        owned: false,
        administration: Some(&domain),
    };
    member.may(right).then_some(())?;
    member.roles.granted.iter().find_map(|role| match role {
        Role::Manager { administration } => Some(administration.as_str()),
        _ => None,
    })
}

fn address(filter: &ClientFilter<'_>, whose: &str, after: Option<&str>) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("qui", whose)
        .append_pair("etape", filter.stage.map_or("", ClientStage::as_str))
        .append_pair("nom", filter.prefix)
        .extend_pairs(after.map(|after| ("apres", after)))
        .finish();
    format!("{HOME}?{query}")
}

/// The client whose very id was searched.
async fn by_id(member: &Member, text: &str) -> Result<Option<ServiceLine>, AuthorizeError> {
    if text.is_empty() {
        return Ok(None);
    }
    match Opened::load(member, text).await {
        Ok(opened) => Ok(Some(line(&opened.kept.client))),
        Err(AuthorizeError::Page(page)) if page.kind == super::super::super::pages::ErrorKind::Internal => {
            Err(page.into())
        }
        Err(_) => Ok(None),
    }
}

fn line(client: &Client) -> ServiceLine {
    ServiceLine {
        id: client.id.clone(),
        name: client.name.clone(),
        stage: client.standing.stage,
        disabled: client.disabled,
        unvouched: client.self_registered,
        url: format!("{HOME}/{}", client.id),
    }
}

async fn invitations(member: &Member) -> Result<Vec<InvitationLine>, AuthorizeError> {
    let store = &member.app.store;
    let mut lines = Vec::new();
    for invitation in store.list_invitations_of(&member.agent.matrix_id, member.now).await? {
        let client = store.find_client(&invitation.client_id).await?;
        lines.extend(client.map(|client| InvitationLine {
            name: client.name,
            until: invitation.expires_at,
            action: format!("{HOME}/{}/invitation", client.id),
        }));
    }
    Ok(lines)
}
