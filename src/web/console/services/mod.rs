//! `/console/services`: clients. What may be done to one is decided in `domain::role`, done in `console::clients`, shown here.

mod acts;
mod edit;
pub mod form;
pub mod health;
mod list;
mod new;
mod requests;
mod show;
mod trial;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};

use super::super::error::{AuthorizeError, PageError, see_other};
use super::super::pages::ErrorKind;
use super::super::pages::console::services::{Alert, Done};
use super::super::routes::no_head;
use super::Member;
use crate::app::SharedApp;
use crate::console::clients::{Author, Refused};
use crate::domain::audit::Actor;
use crate::domain::client_change::KeptClient;
use crate::domain::role::Right;
use crate::protocol::client_metadata::FieldProblem;
use crate::protocol::params::Params;

const HOME: &str = "/console/services";
const QUEUE: &str = "/console/services/demandes";

/// The routes of the clients' pages.
pub fn routes() -> Router<SharedApp> {
    Router::new()
        .route("/console/services", get(list::show).head(no_head))
        .route(
            "/console/services/nouveau",
            get(new::show).post(new::create).head(no_head),
        )
        .route("/console/services/demandes", get(requests::queue).head(no_head))
        .route("/console/services/{id}", get(show::show).head(no_head))
        .route(
            "/console/services/{id}/modifier",
            get(edit::show).post(edit::save).head(no_head),
        )
        .route("/console/services/{id}/historique", get(show::history).head(no_head))
        .route(
            "/console/services/{id}/essai",
            get(trial::show).post(trial::begin).head(no_head),
        )
        .route(
            "/console/services/{id}/essai/resultat",
            get(trial::result).head(no_head),
        )
        .route("/console/services/{id}/demande", post(requests::ask))
        .route("/console/services/{id}/demande/approuver", post(requests::approve))
        .route("/console/services/{id}/demande/repondre", post(requests::answer))
        .route("/console/services/{id}/demande/retirer", post(requests::withdraw))
        .route("/console/services/{id}/secrets", post(acts::add_secret))
        .route(
            "/console/services/{id}/secrets/{secret}/retirer",
            post(acts::retire_secret),
        )
        .route("/console/services/{id}/testeurs", post(acts::testers))
        .route("/console/services/{id}/personnes", post(acts::invite))
        .route("/console/services/{id}/personnes/annuler", post(acts::uninvite))
        .route("/console/services/{id}/personnes/retirer", post(acts::remove_owner))
        .route("/console/services/{id}/invitation", post(acts::accept))
        .route("/console/services/{id}/desactiver", post(acts::disable))
        .route("/console/services/{id}/activer", post(acts::enable))
        .route("/console/services/{id}/supprimer", post(acts::delete))
}

/// A client as whoever asks may see it.
struct Opened {
    kept: KeptClient,
    owned: bool,
}

impl Opened {
    /// The client of this id. There is none for whoever may not see it.
    async fn load(member: &Member, id: &str) -> Result<Self, AuthorizeError> {
        let not_found = || PageError::new(ErrorKind::NotFound);
        // PostgreSQL takes no NUL in a text.
        let id = Some(id).filter(|id| !id.contains('\0')).ok_or_else(not_found)?;
        let kept = member.app.store.find_kept_client(id).await?;
        let Some(kept) = kept else {
            // Whoever would see it if it were there learns as much as whoever would not.
            return Err(not_found().into());
        };
        let owned = member.app.store.is_client_owner(id, &member.agent.id).await?;
        let opened = Self { kept, owned };
        member.require(opened.see())?;
        Ok(opened)
    }

    /// The same, to be changed by a form that was shown to this session, with a second factor that is fresh where one is
    /// needed. Whoever may only see it gets the page again.
    async fn to_change(member: &Member, id: &str, form: &Params) -> Result<Self, AuthorizeError> {
        let opened = Self::load(member, id).await?;
        member.require(opened.edit())?;
        if !member.is_shown(form) {
            return Err(AuthorizeError::Again(opened.url()));
        }
        member.confirm(opened.edit(), form).await?;
        Ok(opened)
    }

    fn see(&self) -> Right<'_> {
        Right::SeeClient {
            owned: self.owned,
            administration: self.kept.client.standing.administration.as_deref(),
        }
    }

    fn edit(&self) -> Right<'_> {
        Right::EditClient {
            owned: self.owned,
            administration: self.kept.client.standing.administration.as_deref(),
        }
    }

    fn url(&self) -> String {
        format!("{HOME}/{}", self.kept.client.id)
    }

    /// The page of the client, which says what was done.
    fn done(&self, done: Done) -> Response {
        see_other(&format!("{}?fait={}", self.url(), done.as_str()))
    }

    /// The client in the version that the form was written on.
    fn as_seen(&self, form: &Params) -> KeptClient {
        let seen = form.get("version").and_then(|version| version.parse().ok());
        KeptClient {
            version: seen.unwrap_or(-1),
            ..self.kept.clone()
        }
    }
}

fn author(member: &Member) -> Author {
    Author {
        actor: Actor::Agent(member.agent.id.clone()),
        approves: member.may(Right::ApproveClient),
    }
}

/// What a page says of an act that was not done; what is nobody's fault but ours goes on as an error.
fn explain(refused: Refused) -> Result<(Alert, Vec<FieldProblem>), AuthorizeError> {
    Ok(match refused {
        Refused::Problems(problems) => (Alert::Problems, problems),
        Refused::Stale => (Alert::Stale, Vec::new()),
        Refused::Full => (Alert::Full, Vec::new()),
        Refused::Waiting => (Alert::Waiting, Vec::new()),
        Refused::ForOperators => (Alert::ForOperators, Vec::new()),
        Refused::Missing => (Alert::Missing, Vec::new()),
        Refused::Store(error) => return Err(error.into()),
        Refused::Secret(error) => return Err(error.into()),
    })
}
