//! Remembered consents: one per agent and client.

use super::{Store, StoreError, from_json, to_json};
use crate::domain::consent::Consent;

impl Store {
    /// The remembered, unexpired consent of an agent for a client.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_consent(&self, agent_id: &str, client_id: &str, now: i64) -> Result<Option<Consent>, StoreError> {
        let sql = "select claims, given_at, expires_at from consents
                   where agent_id = $1 and client_id = $2 and expires_at > $3";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, i64, i64)>(sql)
                .bind(agent_id)
                .bind(client_id)
                .bind(now)
                .fetch_optional(db)
                .await
        })?;
        row.map(|(claims, given_at, expires_at)| {
            Ok(Consent {
                agent_id: agent_id.to_owned(),
                client_id: client_id.to_owned(),
                claims: from_json(&claims, "consents")?,
                given_at,
                expires_at,
            })
        })
        .transpose()
    }

    /// Remembers a consent in place of the former one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_consent(&self, consent: &Consent) -> Result<(), StoreError> {
        let claims = to_json(&consent.claims)?;
        let sql = "insert into consents (agent_id, client_id, claims, given_at, expires_at)
                   values ($1, $2, $3, $4, $5) on conflict (agent_id, client_id) do update
                   set claims = excluded.claims, given_at = excluded.given_at, expires_at = excluded.expires_at";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&consent.agent_id)
                .bind(&consent.client_id)
                .bind(&claims)
                .bind(consent.given_at)
                .bind(consent.expires_at)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }
}
