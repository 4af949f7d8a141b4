//! Second factors, the one-time codes that let one be enrolled, and when a browser session last gave one.

use super::{Store, StoreError};
use crate::domain::second_factor::SecondFactor;

/// A second factor as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredFactor {
    /// The secret, sealed.
    pub sealed_secret: String,
    /// The browser session that enrols it.
    pub session_id: String,
    /// When its first code was given, Unix seconds; `None` while it is being enrolled.
    pub confirmed_at: Option<i64>,
}

impl Store {
    /// What is known of an agent's second factor in a browser session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_second_factor(&self, agent_id: &str, session_id: &str) -> Result<SecondFactor, StoreError> {
        let sql = "select f.confirmed_at, s.second_factor_at from browser_sessions s
                   left join second_factors f on f.agent_id = s.agent_id where s.id = $2 and s.agent_id = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (Option<i64>, Option<i64>)>(sql)
                .bind(agent_id)
                .bind(session_id)
                .fetch_optional(db)
                .await
        })?;
        Ok(
            row.map_or_else(SecondFactor::default, |(confirmed_at, given_at)| SecondFactor {
                is_enrolled: confirmed_at.is_some(),
                given_at,
            }),
        )
    }

    /// The stored second factor of an agent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_stored_factor(&self, agent_id: &str) -> Result<Option<StoredFactor>, StoreError> {
        let sql = "select sealed_secret, session_id, confirmed_at from second_factors where agent_id = $1";
        Ok(on!(self.reads(), db => {
            sqlx::query_as::<_, StoredFactor>(sql).bind(agent_id).fetch_optional(db).await
        })?)
    }

    /// Keeps the fingerprint of a one-time code for an account, in the place of a former one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_factor_enrolment(
        &self,
        matrix_id: &str,
        agent_id: Option<&str>,
        fingerprint: &str,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        let sql = "insert into factor_enrolments (matrix_id, agent_id, fingerprint, expires_at) values ($1, $2, $3, $4)
                   on conflict (matrix_id) do update set agent_id = excluded.agent_id,
                   fingerprint = excluded.fingerprint, expires_at = excluded.expires_at";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(matrix_id)
                .bind(agent_id)
                .bind(fingerprint)
                .bind(expires_at)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Spends the one-time code of an account and begins a second factor in this browser session, all or nothing; `false` when
    /// the code is not the one, was spent or has expired, or the agent has a second factor.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_second_factor(
        &self,
        (agent_id, matrix_id): (&str, &str),
        fingerprint: &str,
        session_id: &str,
        sealed_secret: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let spend = "delete from factor_enrolments where matrix_id = $1 and fingerprint = $2 and expires_at > $3
                     and (agent_id is null or agent_id = $4)";
        let begin = "insert into second_factors (agent_id, sealed_secret, session_id, created_at, last_step)
                     values ($1, $2, $3, $4, 0) on conflict (agent_id) do update set
                     sealed_secret = excluded.sealed_secret, session_id = excluded.session_id,
                     created_at = excluded.created_at, last_step = 0 where second_factors.confirmed_at is null";
        transaction!(self, tx => {
            let spend = sqlx::query(spend).bind(matrix_id).bind(fingerprint).bind(now).bind(agent_id);
            if spend.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let begin = sqlx::query(begin).bind(agent_id).bind(sealed_secret).bind(session_id).bind(now);
            if begin.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
        });
        Ok(true)
    }

    /// Takes the code of a time step: it counts once, and no code of a former step does any more. The session has given its
    /// second factor then, and one that was being enrolled in this session is confirmed. `false` when the step was taken, or
    /// the factor is not the one with this sealed secret.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_factor_step(
        &self,
        agent_id: &str,
        sealed_secret: &str,
        session_id: &str,
        step: i64,
        now: i64,
    ) -> Result<bool, StoreError> {
        let take = "update second_factors set last_step = $4, confirmed_at = coalesce(confirmed_at, $5)
                    where agent_id = $1 and sealed_secret = $2 and last_step < $4
                    and (confirmed_at is not null or session_id = $3)";
        let give =
            "update browser_sessions set second_factor_at = $3 where id = $2 and agent_id = $1 and expires_at > $3";
        transaction!(self, tx => {
            let take = sqlx::query(take).bind(agent_id).bind(sealed_secret).bind(session_id).bind(step).bind(now);
            if take.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let give = sqlx::query(give).bind(agent_id).bind(session_id).bind(now);
            if give.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
        });
        Ok(true)
    }

    /// Forgets an agent's second factor, and that any session gave it; `false` when there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_second_factor(&self, agent_id: &str) -> Result<bool, StoreError> {
        let delete = "delete from second_factors where agent_id = $1";
        let forget = "update browser_sessions set second_factor_at = null where agent_id = $1";
        let rows = transaction!(self, tx => {
            let rows = sqlx::query(delete).bind(agent_id).execute(&mut *tx).await?.rows_affected();
            sqlx::query(forget).bind(agent_id).execute(&mut *tx).await?;
            rows
        });
        Ok(rows == 1)
    }
}
