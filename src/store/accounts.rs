//! What becomes of an agent's account: it is confirmed, pauses, or is closed for good, with all that hangs on it.

use super::logouts::end_session;
use super::sessions::HOLD;
use super::{Store, StoreError, from_json};
use crate::domain::agent::Pause;
use crate::domain::ending::Toll;
use crate::domain::logout::Participant;
use crate::protocol::client::Client;

const SESSIONS: &str = "select id from browser_sessions where agent_id = $1 order by id";

/// Ends every browser session of an agent in the transaction `$tx`; answers how many.
macro_rules! end_sessions {
    ($tx:ident, $id:expr, $now:expr) => {{
        let sessions = sqlx::query_as::<_, (String,)>(SESSIONS).bind($id);
        let mut ended = 0_usize;
        for (session,) in sessions.fetch_all(&mut *$tx).await? {
            if sqlx::query(HOLD)
                .bind(&session)
                .execute(&mut *$tx)
                .await?
                .rows_affected()
                == 1
            {
                let mut found: Vec<Participant> = Vec::new();
                end_session!($tx, &session, $now, found);
                ended += 1;
            }
        }
        ended
    }};
}

impl Store {
    /// Closes an agent for good, ends its browser sessions (as [`Store::end_browser_session`]) and revokes all that it ever
    /// authorized, all or nothing. Answers how many sessions ended; `None` when it was closed before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn close_agent(&self, id: &str, now: i64) -> Result<Option<usize>, StoreError> {
        let close = "update agents set closed_at = $2, updated_at = $2, next_check_at = null
                     where id = $1 and closed_at is null";
        let revoke = "update authorizations set revoked_at = $2 where agent_id = $1 and revoked_at is null";
        let ended = transaction!(self, tx => {
            if sqlx::query(close).bind(id).bind(now).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(None);
            }
            let ended = end_sessions!(tx, id, now);
            sqlx::query(revoke).bind(id).bind(now).execute(&mut *tx).await?;
            ended
        });
        Ok(Some(ended))
    }

    /// Ends every browser session of an agent (as [`Store::end_browser_session`]) and revokes all that it authorized, all or
    /// nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_agent(&self, id: &str, now: i64) -> Result<Toll, StoreError> {
        let living =
            "select count(*) from authorizations where agent_id = $1 and revoked_at is null and expires_at > $2";
        let revoke = "update authorizations set revoked_at = $2 where agent_id = $1 and revoked_at is null";
        let toll = transaction!(self, tx => {
            let living = sqlx::query_as::<_, (i64,)>(living).bind(id).bind(now).fetch_one(&mut *tx).await?;
            let sessions = end_sessions!(tx, id, now);
            sqlx::query(revoke).bind(id).bind(now).execute(&mut *tx).await?;
            Toll { sessions, authorizations: usize::try_from(living.0).unwrap_or_default() }
        });
        Ok(toll)
    }

    /// Pauses an open agent and ends its browser sessions, all or nothing. What outlives sessions stays, and is refused while
    /// the account is paused. `known_at`: since when the homeserver is known to say so (Unix seconds); a later login or
    /// answer counts instead. Answers how many sessions ended; `None` when it was paused so before, or something later counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pause_agent(
        &self,
        id: &str,
        pause: Pause,
        known_at: i64,
        now: i64,
    ) -> Result<Option<usize>, StoreError> {
        let set = "update agents set paused = $2, checked_at = $3, updated_at = $4 where id = $1 and closed_at is null
                   and (checked_at is null or checked_at <= $3) and (paused is null or paused <> $2)";
        let ended = transaction!(self, tx => {
            let set = sqlx::query(set).bind(id).bind(pause.as_str()).bind(known_at).bind(now);
            if set.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(None);
            }
            end_sessions!(tx, id, now)
        });
        Ok(Some(ended))
    }

    /// Writes that an account stood at `known_at`, and when it is asked about next (both Unix seconds). A pause ends, but
    /// for `keeping`. Whether one ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn confirm_agent(
        &self,
        id: &str,
        keeping: Option<Pause>,
        known_at: i64,
        next_check_at: i64,
    ) -> Result<bool, StoreError> {
        let lift = "update agents set paused = null, updated_at = $3
                    where id = $1 and paused is not null and paused <> $2 and (checked_at is null or checked_at <= $3)";
        let confirm = "update agents set checked_at = $2, next_check_at = $3
                       where id = $1 and closed_at is null and (checked_at is null or checked_at <= $2)";
        let lifted = transaction!(self, tx => {
            let keeping = keeping.map_or("", Pause::as_str);
            let lifted = sqlx::query(lift).bind(id).bind(keeping).bind(known_at).execute(&mut *tx).await?;
            sqlx::query(confirm).bind(id).bind(known_at).bind(next_check_at).execute(&mut *tx).await?;
            lifted.rows_affected() == 1
        });
        Ok(lifted)
    }
}
