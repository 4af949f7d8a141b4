//! Ending sessions and tokens of many at once: of an agent, of a client, of all agents of an administration or a homeserver.

use super::{Store, StoreError};
use crate::domain::ending::{Target, Toll};

/// How many agents are read at a time.
const BATCH: i64 = 200;

const LIVING_SESSION: &str = "exists (select 1 from browser_sessions s where s.agent_id = a.id and s.expires_at > $1)";
const LIVING_AUTHORIZATION: &str = "exists (select 1 from authorizations z where z.agent_id = a.id
                                    and z.revoked_at is null and z.expires_at > $1)";

/// The condition on an agent `a`, with `$2` and `$3`, and what they are.
fn of_agents(target: &Target) -> Option<(&'static str, String, String)> {
    match target {
        Target::Client(_) => None,
        Target::Homeserver(name) => Some(("a.homeserver = $2 and a.homeserver = $3", name.clone(), name.clone())),
        // A domain has no character that `like` would read as another.
        Target::Administration(domain) => {
            let condition = "(a.email_address like $2 or a.email_address like $3)";
            Some((condition, format!("%@{domain}"), format!("%.{domain}")))
        }
    }
}

impl Store {
    /// What living sessions and authorizations a target has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_living(&self, target: &Target, now: i64) -> Result<Toll, StoreError> {
        let (sessions, authorizations, a, b) = match (target, of_agents(target)) {
            (_, Some((condition, a, b))) => (
                format!(
                    "select count(*) from browser_sessions s join agents a on a.id = s.agent_id
                         where s.expires_at > $1 and {condition}"
                ),
                format!(
                    "select count(*) from authorizations z join agents a on a.id = z.agent_id
                         where z.revoked_at is null and z.expires_at > $1 and {condition}"
                ),
                a,
                b,
            ),
            (Target::Client(id), None) | (Target::Homeserver(id) | Target::Administration(id), None) => (
                "select count(*) from session_clients c join browser_sessions s on s.id = c.session_id
                 where s.expires_at > $1 and c.client_id = $2 and c.client_id = $3"
                    .to_owned(),
                "select count(*) from authorizations z where z.revoked_at is null and z.expires_at > $1
                 and z.client_id = $2 and z.client_id = $3"
                    .to_owned(),
                id.clone(),
                id.clone(),
            ),
        };
        let count = async |sql: String| -> Result<usize, StoreError> {
            let sql = sqlx::AssertSqlSafe(sql);
            let row = on!(self.reads(), db => {
                sqlx::query_as::<_, (i64,)>(sql).bind(now).bind(&a).bind(&b).fetch_one(db).await
            })?;
            Ok(usize::try_from(row.0).unwrap_or_default())
        };
        Ok(Toll {
            sessions: count(sessions).await?,
            authorizations: count(authorizations).await?,
        })
    }

    /// Some agents of whom something lives that belongs to the target; empty when nothing is left.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_living_agents(&self, target: &Target, now: i64) -> Result<Vec<String>, StoreError> {
        let (sql, a, b) = match (target, of_agents(target)) {
            (_, Some((condition, a, b))) => (
                format!(
                    "select a.id from agents a where {condition} and ({LIVING_SESSION} or {LIVING_AUTHORIZATION})
                         limit {BATCH}"
                ),
                a,
                b,
            ),
            (Target::Client(id), None) | (Target::Homeserver(id) | Target::Administration(id), None) => (
                format!(
                    "select s.agent_id from session_clients c join browser_sessions s on s.id = c.session_id
                         where s.expires_at > $1 and c.client_id = $2
                         union select z.agent_id from authorizations z where z.revoked_at is null and z.expires_at > $1
                         and z.client_id = $3 and z.agent_id is not null limit {BATCH}"
                ),
                id.clone(),
                id.clone(),
            ),
        };
        let sql = sqlx::AssertSqlSafe(sql);
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(now).bind(&a).bind(&b).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Revokes what a client was given by nobody's leave but its own (`client_credentials`).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_client_authorizations(&self, client_id: &str, now: i64) -> Result<(), StoreError> {
        let sql = "update authorizations set revoked_at = $2 where client_id = $1 and revoked_at is null";
        on!(self.writes(), db => sqlx::query(sql).bind(client_id).bind(now).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Agents with this e-mail address, at most ten.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_agents_by_email(&self, address: &str) -> Result<Vec<String>, StoreError> {
        let sql = "select id from agents where email_address = $1 order by closed_at is not null, id limit 10";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(address).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The agent whom a client knows by this `sub`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_agent_by_subject(&self, subject: &str) -> Result<Option<String>, StoreError> {
        let sql = "select agent_id from subjects where subject = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(subject).fetch_optional(db).await
        })?;
        Ok(row.map(|row| row.0))
    }
}
