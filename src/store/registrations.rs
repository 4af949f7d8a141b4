//! Clients that registered themselves, and the initial access tokens that let them.

use super::clients::name_key;
use super::{Store, StoreError, from_json, to_json};
use crate::domain::registration::{Outcome, Registration, RegistrationToken};
use crate::protocol::client::{Client, ClientSecret};

/// How often a use is written down, in seconds.
const DAY: i64 = 86_400;

#[derive(sqlx::FromRow)]
struct RegistrationRow {
    client_id: String,
    fingerprint: String,
    created_at: i64,
    expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct TokenRow {
    id: String,
    fingerprint: String,
    note: String,
    created_at: i64,
    expires_at: i64,
    uses_left: i64,
}

/// Takes one use of a living initial access token.
const SPEND: &str = "update registration_tokens set uses_left = uses_left - 1
                     where fingerprint = $1 and uses_left > 0 and expires_at > $2";
const INSERT_CLIENT: &str = "insert into clients (id, document, created_at, updated_at, name_key)
                             values ($1, $2, $3, $3, $4)";
const UPDATE_CLIENT: &str = "update clients set document = $2, updated_at = $3, name_key = $5, version = version + 1
                             where id = $1 and document = $4
                             and exists (select 1 from client_registrations where client_id = $1)";
const INSERT_REGISTRATION: &str = "insert into client_registrations (client_id, fingerprint, network, created_at,
                                   expires_at) select $1, $2, '', $3, $4
                                   where (select count(*) from client_registrations
                                   where expires_at > $3) < $5";
const INSERT_SECRET: &str = "insert into client_secrets (id, client_id, fingerprint, created_at, expires_at)
                             values ($1, $2, $3, $4, $5)";

impl Store {
    /// Adds a client that registers itself, with its secret, all or nothing. `token` is the fingerprint of the initial access
    /// token where one is asked for, `most` how many there may be. (Where several replicas register at the very same moment,
    /// it may be exceeded by so many.)
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_registration(
        &self,
        registration: &Registration,
        client: &Client,
        secret: Option<&ClientSecret>,
        token: Option<&str>,
        most: i64,
    ) -> Result<Outcome, StoreError> {
        let document = to_json(client)?;
        let now = registration.created_at;
        transaction!(self, tx => {
            if let Some(token) = token {
                let spent = sqlx::query(SPEND).bind(token).bind(now).execute(&mut *tx).await?.rows_affected();
                if spent == 0 {
                    return Ok(Outcome::TokenSpent);
                }
            }
            sqlx::query(INSERT_CLIENT)
                .bind(&client.id)
                .bind(&document)
                .bind(now)
                .bind(name_key(&client.name))
                .execute(&mut *tx)
                .await?;
            let inserted = sqlx::query(INSERT_REGISTRATION)
                .bind(&registration.client_id)
                .bind(&registration.fingerprint)
                .bind(now)
                .bind(registration.expires_at)
                .bind(most)
                .execute(&mut *tx)
                .await?;
            if inserted.rows_affected() == 0 {
                return Ok(Outcome::Full);
            }
            if let Some(secret) = secret {
                sqlx::query(INSERT_SECRET)
                    .bind(&secret.id)
                    .bind(&client.id)
                    .bind(&secret.fingerprint)
                    .bind(secret.created_at)
                    .bind(secret.expires_at)
                    .execute(&mut *tx)
                    .await?;
            }
        });
        Ok(Outcome::Registered)
    }

    /// The living registration of this access token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_registration(&self, fingerprint: &str, now: i64) -> Result<Option<Registration>, StoreError> {
        let sql = "select client_id, fingerprint, created_at, expires_at from client_registrations
                   where fingerprint = $1 and expires_at > $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, RegistrationRow>(sql).bind(fingerprint).bind(now).fetch_optional(db).await
        })?;
        Ok(row.map(Registration::from))
    }

    /// Replaces what a client registered, and forgets what agents agreed to before: they agreed to another one. A client that
    /// is no longer to have a secret loses those it has; a new one is added. `false`, and nothing done, when the client is
    /// no longer `known` as it was, or no longer its own to change: an operator's word stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_registration(
        &self,
        known: &Client,
        client: &Client,
        secret: Option<&ClientSecret>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let document = to_json(client)?;
        transaction!(self, tx => {
            let before: Option<(String,)> =
                sqlx::query_as("select document from clients where id = $1").bind(&client.id).fetch_optional(&mut *tx).await?;
            let Some((before,)) = before else {
                return Ok(false);
            };
            if from_json::<Client>(&before, "clients")? != *known {
                return Ok(false);
            }
            let update = sqlx::query(UPDATE_CLIENT)
                .bind(&client.id)
                .bind(&document)
                .bind(now)
                .bind(&before)
                .bind(name_key(&client.name));
            if update.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query("delete from consents where client_id = $1").bind(&client.id).execute(&mut *tx).await?;
            if !client.has_secret() {
                sqlx::query("delete from client_secrets where client_id = $1")
                    .bind(&client.id)
                    .execute(&mut *tx)
                    .await?;
            }
            if let Some(secret) = secret {
                sqlx::query(INSERT_SECRET)
                    .bind(&secret.id)
                    .bind(&client.id)
                    .bind(&secret.fingerprint)
                    .bind(secret.created_at)
                    .bind(secret.expires_at)
                    .execute(&mut *tx)
                    .await?;
            }
        });
        Ok(true)
    }

    /// Moves the end of a registration on, because its client is in use. Written at most once a day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn extend_registration(&self, client_id: &str, expires_at: i64, now: i64) -> Result<(), StoreError> {
        // The former release kept the network that a registration came from.
        let sql = "update client_registrations set expires_at = $2, network = ''
                   where client_id = $1 and expires_at < $3 and expires_at > $4";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(client_id)
                .bind(expires_at)
                .bind(expires_at - DAY)
                .bind(now)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Ends a registration, which gives its place to others at once; the clean-up deletes its client. `false` when the
    /// client did not register itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expire_registration(&self, client_id: &str, now: i64) -> Result<bool, StoreError> {
        let sql = "update client_registrations set expires_at = $2 where client_id = $1 and expires_at > $2";
        Ok(on!(self.writes(), db => {
            sqlx::query(sql).bind(client_id).bind(now).execute(db).await.map(|done| done.rows_affected() > 0)
        })?)
    }

    /// Ends a registration but keeps its client, for which an operator vouches from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_registration(&self, client_id: &str) -> Result<(), StoreError> {
        let sql = "delete from client_registrations where client_id = $1";
        on!(self.writes(), db => sqlx::query(sql).bind(client_id).execute(db).await.map(drop))?;
        Ok(())
    }

    /// Deletes a client that manages itself with all that hangs on it: secrets, registration, logo, consents, codes and
    /// tokens; `false` when it does not, or not any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_registered_client(&self, client_id: &str) -> Result<bool, StoreError> {
        let sql = "delete from clients where id = $1
                   and exists (select 1 from client_registrations where client_id = $1)";
        Ok(on!(self.writes(), db => {
            sqlx::query(sql).bind(client_id).execute(db).await.map(|done| done.rows_affected() > 0)
        })?)
    }

    /// Stores an initial access token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_registration_token(&self, token: &RegistrationToken) -> Result<(), StoreError> {
        let sql = "insert into registration_tokens (id, fingerprint, note, created_at, expires_at, uses_left)
                   values ($1, $2, $3, $4, $5, $6)";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&token.id)
                .bind(&token.fingerprint)
                .bind(&token.note)
                .bind(token.created_at)
                .bind(token.expires_at)
                .bind(token.uses_left)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// Whether an initial access token is good for one more registration.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_registration_token(&self, fingerprint: &str, now: i64) -> Result<bool, StoreError> {
        let sql = "select id from registration_tokens where fingerprint = $1 and uses_left > 0 and expires_at > $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(fingerprint).bind(now).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// All living initial access tokens, used up or not, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_registration_tokens(&self, now: i64) -> Result<Vec<RegistrationToken>, StoreError> {
        let sql = "select id, fingerprint, note, created_at, expires_at, uses_left from registration_tokens
                   where expires_at > $1 order by created_at, id";
        let rows = on!(self.reads(), db => sqlx::query_as::<_, TokenRow>(sql).bind(now).fetch_all(db).await)?;
        Ok(rows.into_iter().map(RegistrationToken::from).collect())
    }

    /// Revokes an initial access token; `false` when there is none of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_registration_token(&self, id: &str) -> Result<bool, StoreError> {
        let sql = "delete from registration_tokens where id = $1";
        let done = on!(self.writes(), db => {
            sqlx::query(sql).bind(id).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(done > 0)
    }
}

impl From<RegistrationRow> for Registration {
    fn from(row: RegistrationRow) -> Self {
        Self {
            client_id: row.client_id,
            fingerprint: row.fingerprint,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

impl From<TokenRow> for RegistrationToken {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            fingerprint: row.fingerprint,
            note: row.note,
            created_at: row.created_at,
            expires_at: row.expires_at,
            uses_left: row.uses_left,
        }
    }
}
