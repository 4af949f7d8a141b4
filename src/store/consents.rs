//! Remembered consents: one per agent and client.

use std::collections::BTreeSet;

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

    /// Remembers a consent. The claims of a former one that has not ended stay agreed to, and end with the new one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_consent(&self, consent: &Consent) -> Result<(), StoreError> {
        // Leaves a former consent as it is, but locks it: of two at the same moment neither is forgotten.
        let find_or_insert = "insert into consents (agent_id, client_id, claims, given_at, expires_at)
                              values ($1, $2, $3, $4, $5) on conflict (agent_id, client_id) do update
                              set claims = consents.claims returning claims, expires_at";
        let update = "update consents set claims = $3, given_at = $4, expires_at = $5
                      where agent_id = $1 and client_id = $2";
        transaction!(self, tx => {
            let (former, ends_at) = sqlx::query_as::<_, (String, i64)>(find_or_insert)
                .bind(&consent.agent_id)
                .bind(&consent.client_id)
                .bind(to_json(&consent.claims)?)
                .bind(consent.given_at)
                .bind(consent.expires_at)
                .fetch_one(&mut *tx)
                .await?;
            let mut claims = consent.claims.clone();
            if ends_at > consent.given_at {
                claims.extend(from_json::<BTreeSet<String>>(&former, "consents")?);
            }
            sqlx::query(update)
                .bind(&consent.agent_id)
                .bind(&consent.client_id)
                .bind(to_json(&claims)?)
                .bind(consent.given_at)
                .bind(consent.expires_at)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }
}
