//! What has become of an account, brought to bear: sessions and tokens end, relying parties are told, and the audit log says
//! so. Logins and the lifecycle watch come here.

use serde_json::json;

use crate::app::App;
use crate::audit;
use crate::domain::agent::{AccountState, Pause};
use crate::domain::audit::{Action, Actor, Event, ObjectKind};
use crate::domain::homeserver::Homeserver;
use crate::store::StoreError;

/// How it became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The agent signed in, or tried to.
    Login,
    /// The homeserver was asked.
    Watch,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Watch => "watch",
        }
    }
}

/// Writes that the account of an agent was seen in this state at `known_at` (Unix seconds), with what follows from it.
///
/// # Errors
/// When the database fails; then nothing was written, or all of it.
pub async fn seen(
    app: &App,
    homeserver: &Homeserver,
    agent_id: &str,
    state: AccountState,
    source: Source,
    known_at: i64,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let ended = match state {
        AccountState::Closed => app.store.close_agent(agent_id, now).await?,
        AccountState::Paused(pause) => app.store.pause_agent(agent_id, pause, known_at, now).await?,
        AccountState::Stands => {
            // A suspended account signs in like any other: where the watch can tell, a login proves nothing.
            let told = homeserver.watch.way.is_some_and(|way| way.sees(Pause::Suspended));
            let keeping = Some(Pause::Suspended).filter(|_| told && source == Source::Login);
            let next_check_at = now + app.config.watch.period;
            let lifted = app
                .store
                .confirm_agent(agent_id, keeping, known_at, next_check_at)
                .await?;
            lifted.then_some(0)
        }
    };
    if let Some(sessions_ended) = ended {
        app.logout_queued.notify_one();
        let event = Event {
            actor: Actor::System,
            action: Action::AccountStateChanged,
            object: (ObjectKind::Agent, agent_id.to_owned()),
            detail: json!({
                "homeserver": homeserver.name,
                "state": state.to_string(),
                "source": source.as_str(),
                "sessions_ended": sessions_ended,
            }),
        };
        audit::record(&app.store, now, event).await?;
    }
    Ok(())
}
