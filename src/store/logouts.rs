//! The end of browser sessions, and the logout tokens that are to be delivered because of it.

use super::sessions::HOLD;
use super::{Store, StoreError, from_json};
use crate::domain::logout::{LogoutDelivery, Participant};
use crate::protocol::client::Client;

/// How long it is remembered what became of a delivery, in seconds.
pub(super) const KEPT: i64 = 30 * 24 * 3600;

// A session has one `sid` per client, so that is the delivery's id too.
pub(super) const QUEUE: &str =
    "insert into logout_deliveries (id, client_id, subject, sid, created_at, next_attempt_at,
                                attempts, expires_at) values ($1, $2, $3, $1, $4, $4, 0, $5)";

/// Queues a logout token in a transaction.
macro_rules! queue {
    ($tx:ident, $sid:expr, $client_id:expr, $subject:expr, $now:expr) => {
        sqlx::query($crate::store::logouts::QUEUE)
            .bind($sid)
            .bind($client_id)
            .bind($subject)
            .bind($now)
            .bind($now + $crate::store::logouts::KEPT)
            .execute(&mut *$tx)
            .await?
    };
}
pub(super) use queue;

/// Whether logout tokens are for this client.
pub(super) fn is_told(client: &Client) -> bool {
    client.logout.backchannel_logout_uri.is_some() && !client.disabled
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    id: String,
    client_id: String,
    subject: String,
    sid: String,
    created_at: i64,
    attempts: i64,
    next_attempt_at: Option<i64>,
    delivered_at: Option<i64>,
    last_error: Option<String>,
}

pub(super) const PARTICIPANTS: &str = "select c.document, s.sid, s.subject from session_clients s
                            join clients c on c.id = s.client_id where s.session_id = $1 order by c.id";
pub(super) const REVOKE: &str =
    "update authorizations set revoked_at = $2 where session_id = $1 and revoked_at is null";
pub(super) const DELETE: &str = "delete from browser_sessions where id = $1";

/// Ends a browser session that is held, in the transaction `$tx`: revokes what ends with it, queues a logout token for each
/// client that was given tokens in it and has an address for one, and deletes it. Adds who took part to `$found`, disabled
/// clients left out.
macro_rules! end_session {
    ($tx:ident, $id:expr, $now:expr, $found:ident) => {
        let participants = sqlx::query_as::<_, (String, String, Option<String>)>($crate::store::logouts::PARTICIPANTS);
        for (document, sid, subject) in participants.bind($id).fetch_all(&mut *$tx).await? {
            let client: Client = from_json(&document, "clients")?;
            if client.disabled {
                continue;
            }
            // Who redeemed no code knows nobody here, and learns of nobody by a logout.
            if let (true, Some(subject)) = ($crate::store::logouts::is_told(&client), subject) {
                $crate::store::logouts::queue!($tx, &sid, &client.id, subject, $now);
            }
            $found.push(Participant { client, sid });
        }
        sqlx::query($crate::store::logouts::REVOKE)
            .bind($id)
            .bind($now)
            .execute(&mut *$tx)
            .await?;
        sqlx::query($crate::store::logouts::DELETE)
            .bind($id)
            .execute(&mut *$tx)
            .await?;
    };
}
pub(super) use end_session;

impl Store {
    /// Ends a browser session: revokes what ends with it, queues a logout token for each client that was given tokens in
    /// it and has an address for one, and deletes it; all or nothing. Answers who took part, disabled clients left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_browser_session(&self, id: &str, now: i64) -> Result<Vec<Participant>, StoreError> {
        let found = transaction!(self, tx => {
            if sqlx::query(HOLD).bind(id).execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(Vec::new());
            }
            let mut found = Vec::new();
            end_session!(tx, id, now, found);
            found
        });
        Ok(found)
    }

    /// Takes deliveries that are due, at most `limit`, those never tried first. Their next attempt moves to `until`, so
    /// that no other replica takes them meanwhile; a program that dies with them tries again then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_due_logouts(
        &self,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<LogoutDelivery>, StoreError> {
        let sql = "update logout_deliveries set next_attempt_at = $2, attempts = attempts + 1
                   where next_attempt_at <= $1 and id in (select id from logout_deliveries where next_attempt_at <= $1
                   order by attempts, next_attempt_at limit $3)
                   returning id, client_id, subject, sid, created_at, attempts, next_attempt_at, delivered_at, last_error";
        let rows = on!(self.writes(), db => {
            sqlx::query_as::<_, DeliveryRow>(sql)
                .bind(now)
                .bind(until)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        Ok(rows.into_iter().map(LogoutDelivery::from).collect())
    }

    /// Writes what became of an attempt: when it was taken, or why not and when to try again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_logout_delivery(&self, delivery: &LogoutDelivery) -> Result<(), StoreError> {
        let sql = "update logout_deliveries set next_attempt_at = $2, delivered_at = $3, last_error = $4 where id = $1";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&delivery.id)
                .bind(delivery.next_attempt_at)
                .bind(delivery.delivered_at)
                .bind(&delivery.last_error)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// A client's deliveries, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_logout_deliveries(&self, client_id: &str, limit: u32) -> Result<Vec<LogoutDelivery>, StoreError> {
        let sql = "select id, client_id, subject, sid, created_at, attempts, next_attempt_at, delivered_at, last_error
                   from logout_deliveries where client_id = $1 order by created_at desc, id limit $2";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, DeliveryRow>(sql)
                .bind(client_id)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        Ok(rows.into_iter().map(LogoutDelivery::from).collect())
    }
}

impl From<DeliveryRow> for LogoutDelivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            client_id: row.client_id,
            subject: row.subject,
            sid: row.sid,
            created_at: row.created_at,
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            next_attempt_at: row.next_attempt_at,
            delivered_at: row.delivered_at,
            last_error: row.last_error,
        }
    }
}
