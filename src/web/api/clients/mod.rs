//! Clients: listed, made, read, changed and ended.

mod acts;
mod people;
mod requests;
mod settings;
mod views;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::pages::console::stacks::Stack;
use super::caller::Caller;
use super::problem::Problem;
use super::read::{Asked, Body, Named, Precondition, etag};
use super::{Page, page, place};
use crate::app::SharedApp;
use crate::console::clients::{self, Saved};
use crate::domain::api::ApiScope;
use crate::domain::client_change::{KeptClient, Purpose};
use crate::domain::role::{Right, Role};
use crate::protocol::standing::ClientStage;
use crate::store::{ClientFilter, Whose};
use settings::Settings;

const PER_PAGE: u32 = 50;

pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, edit, delete))
        .routes(routes!(views::history))
        .routes(routes!(views::health))
        .routes(routes!(acts::disable))
        .routes(routes!(acts::enable))
        .routes(routes!(acts::set_testers))
        .routes(routes!(acts::secrets, acts::add_secret))
        .routes(routes!(acts::retire_secret))
        .routes(routes!(people::people))
        .routes(routes!(requests::waiting))
        .routes(routes!(requests::show, requests::ask, requests::withdraw))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::answer))
}

/// A client as whoever asks may see it.
struct Opened {
    kept: KeptClient,
    owned: bool,
}

impl Opened {
    /// The client of this id, to be read. There is none for whoever may not see it.
    async fn read(caller: &Caller, id: &str) -> Result<Self, Problem> {
        caller.scope(ApiScope::ClientsRead)?;
        Self::load(caller, id).await
    }

    /// The same, to be changed.
    async fn write(caller: &Caller, id: &str) -> Result<Self, Problem> {
        caller.scope(ApiScope::ClientsWrite)?;
        let opened = Self::load(caller, id).await?;
        let right = Right::EditClient {
            owned: opened.owned,
            administration: opened.kept.client.standing.administration.as_deref(),
        };
        match caller.may(right) {
            true => Ok(opened),
            false => Err(Problem::forbidden()),
        }
    }

    async fn load(caller: &Caller, id: &str) -> Result<Self, Problem> {
        let store = &caller.app.store;
        let kept = store.find_kept_client(id).await?.ok_or_else(Problem::not_found)?;
        let owned = store.is_client_owner(id, &caller.agent.id).await?;
        let right = Right::SeeClient {
            owned,
            administration: kept.client.standing.administration.as_deref(),
        };
        match caller.may(right) {
            true => Ok(Self { kept, owned }),
            false => Err(Problem::not_found()),
        }
    }

    /// The client again, after it was changed.
    async fn answer(caller: &Caller, id: &str) -> Result<Response, Problem> {
        let opened = Self::load(caller, id).await?;
        Ok((etag(&mark(&opened.kept)), Json(Client::of(&opened.kept))).into_response())
    }
}

/// Stands for a client's version.
fn mark(kept: &KeptClient) -> String {
    kept.version.to_string()
}

/// A client.
#[derive(Serialize, ToSchema)]
struct Client {
    /// `client_id`.
    client_id: String,
    /// How far it has come.
    stage: ClientStage,
    /// It is treated as unknown.
    disabled: bool,
    /// An operator disabled it with `clients:approve`, or in the console: only operators enable it.
    locked: bool,
    /// It registered itself: nobody vouches for it.
    self_registered: bool,
    /// The e-mail domain of the administration that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    administration: Option<String>,
    /// The Matrix ids of those who may sign in before it is in production.
    testers: Vec<String>,
    /// Unix seconds.
    created_at: i64,
    /// Unix seconds.
    updated_at: i64,
    /// What may be changed, as it is sent to change it.
    settings: Settings,
}

impl Client {
    fn of(kept: &KeptClient) -> Self {
        let client = &kept.client;
        Self {
            client_id: client.id.clone(),
            stage: client.standing.stage,
            disabled: client.disabled,
            locked: client.standing.locked,
            self_registered: client.self_registered,
            administration: client.standing.administration.clone(),
            testers: client.standing.testers.iter().cloned().collect(),
            created_at: kept.created_at,
            updated_at: kept.updated_at,
            settings: Settings::of(clients::metadata_of(client)),
        }
    }
}

/// Whose clients a list shows.
#[derive(Clone, Copy, Default, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Of {
    /// Those that the maker of the access looks after.
    #[default]
    Mine,
    /// Those of the administration of a manager.
    Administration,
    /// All, for operators and support.
    All,
}

/// What a list of clients is narrowed to.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Whose; one's own by default.
    #[serde(default)]
    #[param(inline)]
    of: Of,
    /// In this stage.
    #[param(inline)]
    stage: Option<ClientStage>,
    /// Names that begin so, whatever the case and accents.
    name: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
}

/// A line of a list of clients.
#[derive(Serialize, ToSchema)]
struct ClientLine {
    /// `client_id`.
    client_id: String,
    /// The name agents read.
    name: String,
    /// How far it has come.
    stage: ClientStage,
    /// It is treated as unknown.
    disabled: bool,
}

/// Clients by name.
#[utoipa::path(get, path = "/clients", tag = "clients", params(Filter), security(("oauth2" = ["clients:read"])),
    responses((status = 200, description = "A page of the list", body = Page<ClientLine>)))]
async fn list(caller: Caller, Asked(asked): Asked<Filter>) -> Result<Json<Page<ClientLine>>, Problem> {
    caller.require(ApiScope::ClientsRead, Right::CreateClient)?;
    let managed = caller.access.role.as_ref().and_then(|role| match role {
        Role::Manager { administration } => Some(administration.as_str()),
        _ => None,
    });
    let whose = match asked.of {
        Of::All if caller.may(Right::SeeAllClients) => Whose::All,
        Of::Administration => Whose::Administration(managed.ok_or_else(Problem::forbidden)?),
        Of::All => return Err(Problem::forbidden()),
        Of::Mine => Whose::Owner(&caller.agent.id),
    };
    let name = asked.name.unwrap_or_default();
    let stage = asked.stage;
    let list = format!(
        "clients\n{:?}\n{}\n{name}",
        asked.of,
        stage.map_or("", ClientStage::as_str)
    );
    let after: Option<(String, String)> = place(&caller, &list, asked.after.as_deref())?;
    let after = after.as_ref().map(|(key, id)| (key.as_str(), id.as_str()));
    let filter = ClientFilter {
        whose,
        stage,
        prefix: &name,
    };
    let mut found = Vec::new();
    for line in caller.app.store.list_client_page(filter, after, PER_PAGE + 1).await? {
        let client = line.client()?;
        let item = ClientLine {
            client_id: client.id,
            name: client.name,
            stage: client.standing.stage,
            disabled: client.disabled,
        };
        found.push(((line.name_key, line.id), item));
    }
    page(&caller, &list, found, PER_PAGE).map(Json)
}

/// A client as it is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewClient {
    /// What it says of itself. `consent` and whom it admits are for later.
    settings: Settings,
    /// What the service is for, in a sentence.
    purpose: String,
    /// Why each scope is needed, by scope.
    why: std::collections::BTreeMap<String, String>,
    /// The software that it is made with, as the console names it.
    #[serde(default)]
    stack: String,
}

/// A client and its first secret.
#[derive(Serialize, ToSchema)]
struct Made {
    client: Client,
    /// Shown here and nowhere else; none for clients without a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// Makes a sandbox: a client that signs in its maker, and those whom they invite.
#[utoipa::path(post, path = "/clients", tag = "clients", request_body = NewClient,
    security(("oauth2" = ["clients:write"])),
    responses((status = 201, description = "It is made", body = Made,
        headers(("ETag" = String, description = "Its version")))))]
async fn create(caller: Caller, Body(wanted): Body<NewClient>) -> Result<Response, Problem> {
    caller.require(ApiScope::ClientsWrite, Right::CreateClient)?;
    let metadata = wanted.settings.on_top_of(Default::default())?;
    let stack = match wanted.stack.as_str() {
        "" => Stack::default(),
        name => Stack::parse(name).ok_or_else(|| clients::Refused::problem("stack", "unknown; leave it out"))?,
    };
    let purpose = Purpose {
        stack: stack.as_str().to_owned(),
        purpose: wanted.purpose,
        scopes: wanted.why,
    };
    let made = clients::create(
        &caller.app,
        &caller.author(),
        &caller.agent,
        metadata,
        purpose,
        caller.now,
    )
    .await?;
    let opened = Opened::load(&caller, &made.client.id).await?;
    let body = Made {
        client: Client::of(&opened.kept),
        client_secret: made.secret,
    };
    Ok((StatusCode::CREATED, etag(&mark(&opened.kept)), Json(body)).into_response())
}

/// One client.
#[utoipa::path(get, path = "/clients/{id}", tag = "clients", params(("id" = String, Path, description = "client_id")),
    security(("oauth2" = ["clients:read"])),
    responses((status = 200, description = "The client", body = Client,
        headers(("ETag" = String, description = "Its version")))))]
async fn show(caller: Caller, Named(id): Named<String>) -> Result<Response, Problem> {
    Opened::read(&caller, &id).await?;
    Opened::answer(&caller, &id).await
}

/// A client as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// All of them: what is left out goes back to its default.
    settings: Settings,
    /// Why, for the operator, where the client is in production.
    #[serde(default)]
    reasons: String,
}

/// What became of a change.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    /// It counts from now on.
    Applied,
    /// It waits for an operator.
    Requested,
    /// There was no difference.
    Unchanged,
}

/// A change and the client as it is now.
#[derive(Serialize, ToSchema)]
struct Changed {
    outcome: Outcome,
    client: Client,
}

/// Changes a client. Of one in production, what an operator vouched for waits for an operator.
#[utoipa::path(put, path = "/clients/{id}", tag = "clients", request_body = Change,
    params(("id" = String, Path, description = "client_id"),
        ("If-Match" = String, Header, description = "The ETag of what was read")),
    security(("oauth2" = ["clients:write"])),
    responses((status = 200, description = "What became of it", body = Changed,
        headers(("ETag" = String, description = "Its version")))))]
async fn edit(
    caller: Caller,
    Named(id): Named<String>,
    precondition: Precondition,
    Body(change): Body<Change>,
) -> Result<Response, Problem> {
    let opened = Opened::write(&caller, &id).await?;
    precondition.saw(&mark(&opened.kept))?;
    let wanted = change.settings.on_top_of(clients::metadata_of(&opened.kept.client))?;
    let author = caller.author();
    let saved = clients::edit(
        &caller.app,
        &author,
        &opened.kept,
        wanted,
        change.reasons.trim(),
        caller.now,
    )
    .await?;
    let outcome = match saved {
        Saved::Applied => Outcome::Applied,
        Saved::Requested => Outcome::Requested,
        Saved::Unchanged => Outcome::Unchanged,
    };
    let opened = Opened::load(&caller, &id).await?;
    let client = Client::of(&opened.kept);
    Ok((etag(&mark(&opened.kept)), Json(Changed { outcome, client })).into_response())
}

/// What confirms that something is deleted.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Confirmation {
    /// The name of the client, once more.
    confirm: String,
}

/// Deletes a client: all that it was given ends, and it is told.
#[utoipa::path(delete, path = "/clients/{id}", tag = "clients",
    params(("id" = String, Path, description = "client_id"), Confirmation,
        ("If-Match" = String, Header, description = "The ETag of what was read")),
    security(("oauth2" = ["clients:write"])), responses((status = 204, description = "It is gone")))]
async fn delete(
    caller: Caller,
    Named(id): Named<String>,
    precondition: Precondition,
    Asked(asked): Asked<Confirmation>,
) -> Result<StatusCode, Problem> {
    let opened = Opened::write(&caller, &id).await?;
    precondition.saw(&mark(&opened.kept))?;
    clients::delete(&caller.app, &caller.author(), &opened.kept, &asked.confirm, caller.now).await?;
    Ok(StatusCode::NO_CONTENT)
}
