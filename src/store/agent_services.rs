//! What services hold of an agent, by `client_id`, a page at a time.

use super::{Store, StoreError, from_json};
use crate::domain::consent::Consent;
use crate::domain::grant::KeptAuthorization;

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

/// What is known of an agent's services: consents and authorizations that live, and the times (client, first, last) of sign-ins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentServices {
    /// By client.
    pub consents: Vec<Consent>,
    /// By client.
    pub authorizations: Vec<KeptAuthorization>,
    /// As far as they are remembered.
    pub times: Vec<(String, i64, i64)>,
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
        // Each side stops at the limit: of somebody with thousands of services, neither is read to its end.
        let sql = "select client_id from (select client_id from consents
                   where agent_id = $1 and expires_at > $2 and client_id > $3 order by client_id limit $4) c union
                   select client_id from (select distinct client_id from authorizations
                   where agent_id = $1 and expires_at > $2 and client_id > $3 and revoked_at is null
                   order by client_id limit $4) z order by client_id limit $4";
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
        let consents = "select client_id, claims, given_at, expires_at from consents
                        where agent_id = $1 and expires_at > $2 and client_id >= $3 and client_id <= $4";
        let authorizations = "select document, expires_at, revoked_at from authorizations
                              where agent_id = $1 and expires_at > $2 and client_id >= $3 and client_id <= $4
                              and revoked_at is null";
        let times = "select client_id, min(at), max(at) from sign_in_history
                     where agent_id = $1 and client_id >= $2 and client_id <= $3 group by client_id";
        let consents = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, (String, String, i64, i64)>(consents).bind(agent_id).bind(now);
            query.bind(first).bind(last).fetch_all(db).await
        })?;
        let authorizations = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, (String, i64, Option<i64>)>(authorizations).bind(agent_id).bind(now);
            query.bind(first).bind(last).fetch_all(db).await
        })?;
        let times = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, (String, i64, i64)>(times).bind(agent_id);
            query.bind(first).bind(last).fetch_all(db).await
        })?;
        let consent = |(client_id, claims, given_at, expires_at): (String, String, i64, i64)| {
            Ok::<_, StoreError>(Consent {
                agent_id: agent_id.to_owned(),
                client_id,
                claims: from_json(&claims, "consents")?,
                given_at,
                expires_at,
            })
        };
        let kept = |(document, expires_at, revoked_at): (String, i64, Option<i64>)| {
            Ok::<_, StoreError>(KeptAuthorization {
                authorization: from_json(&document, "authorizations")?,
                expires_at,
                revoked_at,
            })
        };
        Ok(AgentServices {
            consents: consents.into_iter().map(consent).collect::<Result<_, _>>()?,
            authorizations: authorizations.into_iter().map(kept).collect::<Result<_, _>>()?,
            times,
        })
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
