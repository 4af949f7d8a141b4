//! When agents last signed in to clients, and who uses a client at all.

use super::agents::{AgentRow, agent_columns};
use super::{Store, StoreError};
use crate::domain::agent::Agent;

/// Client, agent, Unix seconds.
pub(super) const UPSERT: &str = "insert into sign_ins (client_id, agent_id, signed_in_at) values ($1, $2, $3)
    on conflict (client_id, agent_id) do update set signed_in_at = excluded.signed_in_at";

impl Store {
    /// Open agents who signed in to a client after `since` or hold something living of it at `now` (a refresh token may be
    /// older than any sign-in that is still known): at most `limit`, by id, those after the id `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_agents(
        &self,
        client_id: &str,
        since: i64,
        now: i64,
        after: &str,
        limit: u32,
    ) -> Result<Vec<Agent>, StoreError> {
        let sql = concat!("select ", agent_columns!(), " from agents where closed_at is null and id > $4 and id in
                   (select agent_id from sign_ins where client_id = $1 and signed_in_at > $2
                    union select agent_id from authorizations where client_id = $1 and expires_at > $3 and revoked_at is null)
                   order by id limit $5");
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, AgentRow>(sql)
                .bind(client_id)
                .bind(since)
                .bind(now)
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        Ok(rows.into_iter().map(Agent::from).collect())
    }
}
