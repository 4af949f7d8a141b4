//! Deletes what has expired, in batches, so that no statement holds the writer for long. `session_clients` leave with
//! their browser session, codes with their authorization, which is kept as long as anything issued from it.

use super::{Store, StoreError};

const EXPIRED: &[&str] = &[
    "delete from flows where id in (select id from flows where expires_at <= $1 limit $2)",
    "delete from web_sessions where id in (select id from web_sessions where expires_at <= $1 limit $2)",
    "delete from browser_sessions where id in (select id from browser_sessions where expires_at <= $1 limit $2)",
    "delete from access_tokens where fingerprint in
     (select fingerprint from access_tokens where expires_at <= $1 limit $2)",
    "delete from refresh_tokens where fingerprint in
     (select fingerprint from refresh_tokens where expires_at <= $1 limit $2)",
    "delete from authorizations where id in (select id from authorizations where expires_at <= $1 limit $2)",
    "delete from logout_deliveries where id in (select id from logout_deliveries where expires_at <= $1 limit $2)",
    "delete from client_secrets where id in (select id from client_secrets where expires_at <= $1 limit $2)",
    "delete from throttles where bucket in (select bucket from throttles where full_until <= $1 limit $2)",
    "delete from known_browsers where fingerprint in
     (select fingerprint from known_browsers where expires_at <= $1 limit $2)",
    "delete from used_jtis where (signer, jti) in
     (select signer, jti from used_jtis where expires_at <= $1 limit $2)",
    "delete from consents where (agent_id, client_id) in
     (select agent_id, client_id from consents where expires_at <= $1 limit $2)",
    "delete from sign_in_history where id in (select id from sign_in_history where expires_at <= $1 limit $2)",
    // 30 days.
    "delete from sign_ins where (client_id, agent_id) in
     (select client_id, agent_id from sign_ins where signed_in_at <= $1 - 2592000 limit $2)",
    // 90 days.
    "delete from unknown_email_domains where domain in
     (select domain from unknown_email_domains where last_seen_at <= $1 - 7776000 limit $2)",
    "delete from administration_imports where agent_id in
     (select agent_id from administration_imports where expires_at <= $1 limit $2)",
    "delete from registration_tokens where id in
     (select id from registration_tokens where expires_at <= $1 limit $2)",
    "delete from role_invitations where id in (select id from role_invitations where expires_at <= $1 limit $2)",
    "delete from factor_enrolments where matrix_id in
     (select matrix_id from factor_enrolments where expires_at <= $1 limit $2)",
    // Unused clients that registered themselves, with all that hangs on them.
    "delete from clients where id in (select client_id from client_registrations where expires_at <= $1 limit $2)",
    // Deleted clients, once a day has passed in which they could be told of logouts.
    "delete from clients where id in (select id from clients where deleted_at <= $1 - 86400 limit $2)",
    "delete from client_invitations where (client_id, matrix_id) in
     (select client_id, matrix_id from client_invitations where expires_at <= $1 limit $2)",
    // 90 days.
    "delete from client_errors where (client_id, day, code) in
     (select client_id, day, code from client_errors where day <= $1 / 86400 - 90 limit $2)",
];

impl Store {
    /// Deletes all that expired by `now`, at most `batch` rows per statement; answers how many rows.
    ///
    /// # Errors
    /// When the database fails; what was deleted until then stays deleted.
    pub async fn delete_expired(&self, now: i64, batch: u32) -> Result<u64, StoreError> {
        let mut total = 0;
        for &sql in EXPIRED {
            loop {
                let rows = on!(self.writes(), db => {
                    sqlx::query(sql).bind(now).bind(i64::from(batch)).execute(db).await.map(|done| done.rows_affected())
                })?;
                total += rows;
                if rows < u64::from(batch) {
                    break;
                }
            }
        }
        Ok(total)
    }
}
