//! Remembered consents: one per agent and client.

use std::collections::BTreeSet;

use super::accounts::SESSIONS;
use super::logouts::{is_told, queue};
use super::sessions::HOLD;
use super::{Store, StoreError, from_json, to_json};
use crate::domain::consent::Consent;
use crate::protocol::client::Client;

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

    /// The remembered, unexpired consents of an agent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_consents(&self, agent_id: &str, now: i64) -> Result<Vec<Consent>, StoreError> {
        let sql = "select client_id, claims, given_at, expires_at from consents
                   where agent_id = $1 and expires_at > $2 order by client_id";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, String, i64, i64)>(sql).bind(agent_id).bind(now).fetch_all(db).await
        })?;
        let consent = |(client_id, claims, given_at, expires_at): (String, String, i64, i64)| {
            Ok(Consent {
                agent_id: agent_id.to_owned(),
                client_id,
                claims: from_json(&claims, "consents")?,
                given_at,
                expires_at,
            })
        };
        rows.into_iter().map(consent).collect()
    }

    /// Takes back all that an agent gave a client: forgets the consent, revokes every authorization with its tokens, and
    /// takes the client out of the agent's browser sessions, which go on; it is told like at their end. All or nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdraw(&self, agent_id: &str, client_id: &str, now: i64) -> Result<(), StoreError> {
        let forget = "delete from consents where agent_id = $1 and client_id = $2";
        let revoke = "update authorizations set revoked_at = $3
                      where agent_id = $1 and client_id = $2 and revoked_at is null";
        let client = "select document from clients where id = $1";
        let leave = "delete from session_clients where client_id = $2
                     and session_id in (select id from browser_sessions where agent_id = $1) returning sid, subject";
        transaction!(self, tx => {
            // Holds the sessions: a code that is just given comes before and is seen, or comes after and finds no `sid`.
            let sessions = sqlx::query_as::<_, (String,)>(SESSIONS).bind(agent_id).fetch_all(&mut *tx).await?;
            for (session,) in sessions {
                sqlx::query(HOLD).bind(&session).execute(&mut *tx).await?;
            }
            sqlx::query(forget).bind(agent_id).bind(client_id).execute(&mut *tx).await?;
            sqlx::query(revoke).bind(agent_id).bind(client_id).bind(now).execute(&mut *tx).await?;
            let left = sqlx::query_as::<_, (String, Option<String>)>(leave).bind(agent_id).bind(client_id);
            let left = left.fetch_all(&mut *tx).await?;
            let client = sqlx::query_as::<_, (String,)>(client).bind(client_id).fetch_optional(&mut *tx).await?;
            let client: Option<Client> = client.map(|row| from_json(&row.0, "clients")).transpose()?;
            if let Some(client) = client.filter(is_told) {
                for (sid, subject) in left {
                    if let Some(subject) = subject {
                        queue!(tx, &sid, &client.id, subject, now);
                    }
                }
            }
        });
        Ok(())
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
