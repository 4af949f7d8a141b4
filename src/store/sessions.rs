//! Browser sessions, and the `sid` by which each client knows one.

use super::{Store, StoreError};
use crate::domain::homeserver::Way;
use crate::domain::session::BrowserSession;

/// Changes nothing, but holds the row: the end of the session comes before and is seen, or comes after what is done here.
pub(super) const HOLD: &str = "update browser_sessions set expires_at = expires_at where id = $1";

#[derive(sqlx::FromRow)]
struct SessionRow {
    id: String,
    agent_id: String,
    way: String,
    auth_time: Option<i64>,
    created_at: i64,
    expires_at: i64,
}

impl Store {
    /// Adds a browser session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_browser_session(&self, session: &BrowserSession) -> Result<(), StoreError> {
        let sql = "insert into browser_sessions (id, agent_id, way, auth_time, created_at, expires_at)
                   values ($1, $2, $3, $4, $5, $6)";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&session.id)
                .bind(&session.agent_id)
                .bind(session.way.as_str())
                .bind(session.auth_time)
                .bind(session.created_at)
                .bind(session.expires_at)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// The living browser session of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_browser_session(&self, id: &str, now: i64) -> Result<Option<BrowserSession>, StoreError> {
        let sql = "select id, agent_id, way, auth_time, created_at, expires_at from browser_sessions
                   where id = $1 and expires_at > $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, SessionRow>(sql).bind(id).bind(now).fetch_optional(db).await
        })?;
        row.map(BrowserSession::try_from).transpose()
    }

    /// The living browser sessions of an agent, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_browser_sessions(&self, agent_id: &str, now: i64) -> Result<Vec<BrowserSession>, StoreError> {
        self.list_browser_session_page(agent_id, now, None, u32::MAX).await
    }

    /// At most `limit` of them: those before the one of this time and id, if any is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_browser_session_page(
        &self,
        agent_id: &str,
        now: i64,
        before: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<BrowserSession>, StoreError> {
        let sql = "select id, agent_id, way, auth_time, created_at, expires_at from browser_sessions
                   where agent_id = $1 and expires_at > $2 and (created_at, id) < ($3, $4)
                   order by created_at desc, id desc limit $5";
        let (created_at, id) = before.unwrap_or((i64::MAX, ""));
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, SessionRow>(sql)
                .bind(agent_id)
                .bind(now)
                .bind(created_at)
                .bind(id)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        rows.into_iter().map(BrowserSession::try_from).collect()
    }

    /// Writes way, `auth_time` and end of a living session after a new login of its agent; `false` when it has ended
    /// meanwhile.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_browser_session(&self, session: &BrowserSession, now: i64) -> Result<bool, StoreError> {
        let sql = "update browser_sessions set way = $3, auth_time = $4, expires_at = $5
                   where id = $1 and agent_id = $2 and expires_at > $6";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&session.id)
                .bind(&session.agent_id)
                .bind(session.way.as_str())
                .bind(session.auth_time)
                .bind(session.expires_at)
                .bind(now)
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// The `sid` of a session for a client that took part in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_sid(&self, session_id: &str, client_id: &str) -> Result<Option<String>, StoreError> {
        let sql = "select sid from session_clients where session_id = $1 and client_id = $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(session_id).bind(client_id).fetch_optional(db).await
        })?;
        Ok(row.map(|row| row.0))
    }

    /// The `sid` of a session for a client: the stored one, or `candidate` (random), which then is stored; `None` when
    /// the session has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sid(&self, session_id: &str, client_id: &str, candidate: &str) -> Result<Option<String>, StoreError> {
        if let Some(sid) = self.find_sid(session_id, client_id).await? {
            return Ok(Some(sid));
        }
        let insert = "insert into session_clients (session_id, client_id, sid) values ($1, $2, $3)
                      on conflict (session_id, client_id) do update set sid = session_clients.sid returning sid";
        let row = transaction!(self, tx => {
            if sqlx::query(HOLD).bind(session_id).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(None);
            }
            let insert = sqlx::query_as::<_, (String,)>(insert).bind(session_id).bind(client_id).bind(candidate);
            insert.fetch_one(&mut *tx).await?
        });
        Ok(Some(row.0))
    }
}

/// The way in of this name.
pub(super) fn way_of(name: &str) -> Option<Way> {
    Way::DEFAULT_ORDER.into_iter().find(|way| way.as_str() == name)
}

impl TryFrom<SessionRow> for BrowserSession {
    type Error = StoreError;

    fn try_from(row: SessionRow) -> Result<Self, StoreError> {
        Ok(Self {
            way: way_of(&row.way).ok_or(StoreError::Corrupt("browser_sessions"))?,
            id: row.id,
            agent_id: row.agent_id,
            auth_time: row.auth_time,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}
