//! Who looks after a client. They are invited in the console: a program does not outlive its own revocation (decision 66).

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::caller::Caller;
use super::super::problem::Problem;
use super::super::read::Named;
use super::Opened;

/// Who looks after a client, and who was asked to.
#[derive(Serialize, ToSchema)]
pub struct People {
    /// Matrix ids, whoever was first before the others.
    owners: Vec<String>,
    /// Those who were invited, and did not answer yet.
    invitations: Vec<Invited>,
}

/// Somebody who was invited.
#[derive(Serialize, ToSchema)]
pub struct Invited {
    /// Whose account takes the invitation up, in the console.
    matrix_id: String,
    /// Unix seconds.
    expires_at: i64,
}

/// Who looks after a client.
#[utoipa::path(get, path = "/clients/{id}/people", tag = "clients",
    params(("id" = String, Path, description = "client_id")), security(("oauth2" = ["clients:read"])),
    responses((status = 200, description = "The people", body = People)))]
pub async fn people(caller: Caller, Named(id): Named<String>) -> Result<Json<People>, Problem> {
    Opened::read(&caller, &id).await?;
    let store = &caller.app.store;
    let owners = store.list_client_owners(&id).await?.into_iter();
    let invitations = store.list_client_invitations(&id, caller.now).await?.into_iter();
    let invited = invitations.map(|invitation| Invited {
        matrix_id: invitation.matrix_id,
        expires_at: invitation.expires_at,
    });
    Ok(Json(People {
        owners: owners.map(|(_, matrix_id, _)| matrix_id).collect(),
        invitations: invited.collect(),
    }))
}
