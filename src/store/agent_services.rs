//! What services hold of an agent, by `client_id`, a page at a time.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Store, StoreError, from_json};
use crate::domain::account::Given;

/// A client that holds something living of an agent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LivingService {
    /// Which.
    pub client_id: String,
    /// How many authorizations live.
    pub authorizations: i64,
    /// How many of them outlive the session (`offline_access`).
    pub offline: i64,
    /// The latest end of anything issued, Unix seconds.
    pub until: i64,
}

/// What is known of an agent's services: what lives of what was given to them, and the times (client, first, last) of sign-ins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentServices {
    /// By consents and by authorizations.
    pub given: Vec<Given>,
    /// As far as they are remembered.
    pub times: Vec<(String, i64, i64)>,
}

/// Of an authorization, what the agent's page shows: somebody may have thousands, and the whole of each is much to read.
#[derive(Deserialize)]
struct Shown {
    claims: BTreeSet<String>,
}

impl Store {
    /// Clients that an agent gave something to that lives, by id, at most `limit`: those after the one of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_agent_clients(
        &self,
        agent_id: &str,
        now: i64,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let sql = "select client_id from consents where agent_id = $1 and expires_at > $2 and client_id > $3 union
                   select client_id from authorizations
                   where agent_id = $1 and expires_at > $2 and client_id > $3 and revoked_at is null
                   order by client_id limit $4";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql)
                .bind(agent_id)
                .bind(now)
                .bind(after.unwrap_or_default())
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// What lives of an agent at the clients of ids from `first` to `last`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_agent_services(
        &self,
        agent_id: &str,
        now: i64,
        (first, last): (&str, &str),
    ) -> Result<AgentServices, StoreError> {
        let consents = "select client_id, given_at, claims from consents
                        where agent_id = $1 and expires_at > $2 and client_id >= $3 and client_id <= $4";
        let authorizations = "select client_id, created_at, document from authorizations
                              where agent_id = $1 and expires_at > $2 and client_id >= $3 and client_id <= $4
                              and revoked_at is null";
        let times = "select client_id, min(at), max(at) from sign_in_history
                     where agent_id = $1 and client_id >= $2 and client_id <= $3 group by client_id";
        let living = async |sql: &'static str| {
            on!(self.reads(), db => {
                let query = sqlx::query_as::<_, (String, i64, String)>(sql).bind(agent_id).bind(now);
                query.bind(first).bind(last).fetch_all(db).await
            })
        };
        let mut given = Vec::new();
        for (client_id, at, claims) in living(consents).await? {
            let claims = from_json(&claims, "consents")?;
            given.push(Given { client_id, at, claims });
        }
        for (client_id, at, document) in living(authorizations).await? {
            let Shown { claims } = from_json(&document, "authorizations")?;
            given.push(Given { client_id, at, claims });
        }
        let times = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, (String, i64, i64)>(times).bind(agent_id);
            query.bind(first).bind(last).fetch_all(db).await
        })?;
        Ok(AgentServices { given, times })
    }

    /// Clients that hold something living of an agent, by id, at most `limit`: those after the one of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_living_services(
        &self,
        agent_id: &str,
        now: i64,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<LivingService>, StoreError> {
        let sql = "select client_id, count(*) as authorizations, count(*) - count(session_id) as offline,
                   max(expires_at) as until from authorizations
                   where agent_id = $1 and client_id > $2 and expires_at > $3 and revoked_at is null
                   group by client_id order by client_id limit $4";
        Ok(on!(self.reads(), db => {
            sqlx::query_as::<_, LivingService>(sql)
                .bind(agent_id)
                .bind(after.unwrap_or_default())
                .bind(now)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?)
    }

    /// Whether a client holds something living of an agent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_living_service(&self, agent_id: &str, client_id: &str, now: i64) -> Result<bool, StoreError> {
        let sql = "select expires_at from authorizations
                   where agent_id = $1 and client_id = $2 and expires_at > $3 and revoked_at is null limit 1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(agent_id).bind(client_id).bind(now).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }
}
