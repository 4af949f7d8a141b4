//! The history of sign-ins, as agents read it on their own page.

use super::sessions::way_of;
use super::{Store, StoreError};
use crate::domain::history::PastSignIn;

#[derive(sqlx::FromRow)]
struct SignInRow {
    id: String,
    agent_id: String,
    client_id: String,
    client_name: String,
    way: String,
    at: i64,
}

impl Store {
    /// Remembers a sign-in until `expires_at`, Unix seconds, unless the one of this id is remembered already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_past_sign_in(&self, sign_in: &PastSignIn, expires_at: i64) -> Result<(), StoreError> {
        let sql = "insert into sign_in_history (id, agent_id, client_id, client_name, way, at, expires_at)
                   values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&sign_in.id)
                .bind(&sign_in.agent_id)
                .bind(&sign_in.client_id)
                .bind(&sign_in.client_name)
                .bind(sign_in.way.as_str())
                .bind(sign_in.at)
                .bind(expires_at)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// An agent's sign-ins, newest first, at most `limit`: those before the one of this time and id, if any is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_past_sign_ins(
        &self,
        agent_id: &str,
        before: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<PastSignIn>, StoreError> {
        let sql = "select id, agent_id, client_id, client_name, way, at from sign_in_history
                   where agent_id = $1 and (at < $2 or (at = $2 and id < $3)) order by at desc, id desc limit $4";
        let (at, id) = before.unwrap_or((i64::MAX, ""));
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, SignInRow>(sql)
                .bind(agent_id)
                .bind(at)
                .bind(id)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        rows.into_iter().map(PastSignIn::try_from).collect()
    }
}

impl TryFrom<SignInRow> for PastSignIn {
    type Error = StoreError;

    fn try_from(row: SignInRow) -> Result<Self, StoreError> {
        Ok(Self {
            way: way_of(&row.way).ok_or(StoreError::Corrupt("sign_in_history"))?,
            id: row.id,
            agent_id: row.agent_id,
            client_id: row.client_id,
            client_name: row.client_name,
            at: row.at,
        })
    }
}
