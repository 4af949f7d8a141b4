//! The lifecycle watch: whose turn it is to ask a homeserver, which agents are due, and how old the oldest answer is. An
//! agent is watched while a browser session or an authorization of it lives.

use std::collections::HashSet;

use super::{Store, StoreError};
use crate::domain::agent::{IssuerSubject, Pause};
use crate::domain::lifecycle::Watched;

#[derive(sqlx::FromRow)]
struct WatchedRow {
    id: String,
    matrix_id: String,
    upstream_issuer: Option<String>,
    upstream_subject: Option<String>,
    paused: Option<String>,
}

impl Store {
    /// Takes the turn to ask a homeserver; `false` when it is somebody else's. Nobody else gets it before `until`, or before it
    /// is given back with [`Store::update_watch_turn`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_watch_turn(&self, homeserver: &str, now: i64, until: i64) -> Result<bool, StoreError> {
        let sql = "insert into watch_turns (homeserver, next_turn_at) values ($1, $3)
                   on conflict (homeserver) do update set next_turn_at = excluded.next_turn_at
                   where watch_turns.next_turn_at <= $2";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql).bind(homeserver).bind(now).bind(until).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Gives the turn back: the next one begins at `next_turn_at`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_watch_turn(&self, homeserver: &str, next_turn_at: i64) -> Result<(), StoreError> {
        let sql = "update watch_turns set next_turn_at = $2 where homeserver = $1";
        on!(self.writes(), db => sqlx::query(sql).bind(homeserver).bind(next_turn_at).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Whether any agent of a homeserver is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_check_due(&self, homeserver: &str, now: i64) -> Result<bool, StoreError> {
        let sql = "select id from agents where homeserver = $1 and next_check_at <= $2 limit 1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(homeserver).bind(now).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// Takes at most `limit` agents of a homeserver that are due, those due longest first. They are due again at `until`: what a
    /// program that dies with them has not written, another one asks then. Agents of whom nothing lives are left out, and not
    /// watched any more. `None` when nobody was due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_due_checks(
        &self,
        homeserver: &str,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Option<Vec<Watched>>, StoreError> {
        // The condition twice: PostgreSQL looks at the outer one again when somebody else was faster.
        let take = "update agents set next_check_at = $3 where next_check_at <= $2 and id in
                    (select id from agents where homeserver = $1 and next_check_at <= $2 order by next_check_at limit $4)
                    returning id, matrix_id, upstream_issuer, upstream_subject, paused";
        let retire = "update agents set next_check_at = null where homeserver = $1 and next_check_at = $3
                      and (closed_at is not null or
                           not exists (select 1 from browser_sessions s where s.agent_id = agents.id and s.expires_at > $2)
                           and not exists (select 1 from authorizations z where z.agent_id = agents.id
                                           and z.revoked_at is null and z.expires_at > $2)) returning id";
        let (mut taken, retired) = transaction!(self, tx => {
            let take = sqlx::query_as::<_, WatchedRow>(take).bind(homeserver).bind(now).bind(until);
            let taken = take.bind(i64::from(limit)).fetch_all(&mut *tx).await?;
            let retire = sqlx::query_as::<_, (String,)>(retire).bind(homeserver).bind(now).bind(until);
            (taken, retire.fetch_all(&mut *tx).await?)
        });
        let retired: HashSet<String> = retired.into_iter().map(|row| row.0).collect();
        if taken.is_empty() {
            return Ok(None);
        }
        taken.retain(|row| !retired.contains(&row.id));
        Ok(Some(taken.into_iter().map(Watched::from).collect()))
    }

    /// Writes that these agents were answered for at `asked_at`, and when they are asked about next, Unix seconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_checks<'a>(
        &self,
        agent_ids: impl Iterator<Item = &'a str>,
        asked_at: i64,
        next_check_at: i64,
    ) -> Result<(), StoreError> {
        let sql = "update agents set checked_at = $2, next_check_at = $3
                   where id = $1 and closed_at is null and (checked_at is null or checked_at <= $2)";
        transaction!(self, tx => {
            for id in agent_ids {
                sqlx::query(sql).bind(id).bind(asked_at).bind(next_check_at).execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// How many agents of a homeserver are watched, and how many were closed since `since`, Unix seconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_closures(&self, homeserver: &str, since: i64) -> Result<(usize, usize), StoreError> {
        let sql = "select (select count(*) from agents where homeserver = $1 and next_check_at is not null),
                   (select count(*) from agents where homeserver = $1 and closed_at > $2)";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64, i64)>(sql).bind(homeserver).bind(since).fetch_one(db).await
        })?;
        Ok((usize::try_from(row.0).unwrap_or(0), usize::try_from(row.1).unwrap_or(0)))
    }

    /// For each homeserver with watched agents: how old the oldest answer about one of them is, in seconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn watch_delays(&self, now: i64) -> Result<Vec<(String, i64)>, StoreError> {
        let sql = "select homeserver, min(coalesce(checked_at, created_at)) from agents where next_check_at is not null
                   group by homeserver order by homeserver";
        let rows = on!(self.reads(), db => sqlx::query_as::<_, (String, i64)>(sql).fetch_all(db).await)?;
        Ok(rows
            .into_iter()
            .map(|(homeserver, oldest)| (homeserver, (now - oldest).max(0)))
            .collect())
    }
}

impl From<WatchedRow> for Watched {
    fn from(row: WatchedRow) -> Self {
        Self {
            agent_id: row.id,
            matrix_id: row.matrix_id,
            at_issuer: IssuerSubject::from_stored(row.upstream_issuer, row.upstream_subject),
            paused: row.paused.as_deref().map(Pause::from_stored),
        }
    }
}
