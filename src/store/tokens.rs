//! Access and refresh tokens. An authorization is kept until the last of what was issued from it has expired, so that a
//! spent code is remembered as long as anything it issued.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError, from_json, to_json};
use crate::domain::grant::{AccessTokenRecord, Authorization, RefreshTokenRecord, Rotation};

/// What a token narrows of its authorization, as stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Details {
    scope: BTreeSet<String>,
    audience: BTreeSet<String>,
    issued_at: i64,
}

impl Details {
    pub(super) fn of(token: &AccessTokenRecord) -> Self {
        Self {
            scope: token.scope.clone(),
            audience: token.audience.clone(),
            issued_at: token.issued_at,
        }
    }
}

pub(super) const INSERT_ACCESS_TOKEN: &str =
    "insert into access_tokens (fingerprint, authorization_id, details, expires_at) values ($1, $2, $3, $4)";
pub(super) const INSERT_REFRESH_TOKEN: &str =
    "insert into refresh_tokens (fingerprint, authorization_id, created_at, expires_at) values ($1, $2, $3, $4)";
pub(super) const KEEP_AUTHORIZATION: &str =
    "update authorizations set expires_at = $2 where id = $1 and expires_at < $2";

/// Stores an access token, perhaps a refresh token, and keeps their authorization as long as both, in one transaction.
macro_rules! insert_tokens {
    ($tx:ident, $token:expr, $details:expr, $refresh:expr) => {
        let (token, refresh): (&AccessTokenRecord, Option<&RefreshTokenRecord>) = ($token, $refresh);
        sqlx::query($crate::store::tokens::INSERT_ACCESS_TOKEN)
            .bind(&token.fingerprint)
            .bind(&token.authorization_id)
            .bind($details)
            .bind(token.expires_at)
            .execute(&mut *$tx)
            .await?;
        if let Some(refresh) = refresh {
            sqlx::query($crate::store::tokens::INSERT_REFRESH_TOKEN)
                .bind(&refresh.fingerprint)
                .bind(&refresh.authorization_id)
                .bind(refresh.created_at)
                .bind(refresh.expires_at)
                .execute(&mut *$tx)
                .await?;
        }
        let until = refresh.map_or(token.expires_at, |refresh| refresh.expires_at.max(token.expires_at));
        sqlx::query($crate::store::tokens::KEEP_AUTHORIZATION)
            .bind(&token.authorization_id)
            .bind(until)
            .execute(&mut *$tx)
            .await?;
    };
}
pub(super) use insert_tokens;

/// What a refresh does to the refresh token.
#[derive(Debug, Clone, Copy)]
pub enum Refresh<'a> {
    /// The same one lives on, until its new end (Unix seconds).
    Keep(&'a RefreshTokenRecord, i64),
    /// It is replaced by this one, kept sealed for a lost response.
    Rotate(&'a RefreshTokenRecord, &'a RefreshTokenRecord, &'a str),
    /// It was replaced just now, and its successor must not have been used.
    Again(&'a Rotation),
}

#[derive(sqlx::FromRow)]
struct AccessTokenRow {
    authorization_id: String,
    details: Option<String>,
    expires_at: i64,
    document: String,
}

#[derive(sqlx::FromRow)]
struct RefreshTokenRow {
    authorization_id: String,
    created_at: i64,
    expires_at: i64,
    rotated_at: Option<i64>,
    successor: Option<String>,
    sealed_successor: Option<String>,
    fresh_successors: i64,
    document: String,
}

impl Store {
    /// A living access token with its authorization.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_access_token(
        &self,
        fingerprint: &str,
        now: i64,
    ) -> Result<Option<(AccessTokenRecord, Authorization)>, StoreError> {
        let sql = "select t.authorization_id, t.details, t.expires_at, a.document
                   from access_tokens t join authorizations a on a.id = t.authorization_id
                   where t.fingerprint = $1 and t.expires_at > $2 and t.revoked_at is null and a.revoked_at is null";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, AccessTokenRow>(sql).bind(fingerprint).bind(now).fetch_optional(db).await
        })?;
        let Some(row) = row else { return Ok(None) };
        let authorization: Authorization = from_json(&row.document, "authorizations")?;
        let details = match row.details {
            Some(details) => from_json(&details, "access_tokens")?,
            // Of the former release: all of what was authorized.
            None => Details {
                scope: authorization.scope.clone(),
                audience: authorization.resources.clone(),
                issued_at: authorization.created_at,
            },
        };
        let record = AccessTokenRecord {
            fingerprint: fingerprint.to_owned(),
            authorization_id: row.authorization_id,
            scope: details.scope,
            audience: details.audience,
            issued_at: details.issued_at,
            expires_at: row.expires_at,
        };
        Ok(Some((record, authorization)))
    }

    /// Revokes one access token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_access_token(&self, fingerprint: &str, now: i64) -> Result<(), StoreError> {
        let sql = "update access_tokens set revoked_at = $2 where fingerprint = $1 and revoked_at is null";
        on!(self.writes(), db => sqlx::query(sql).bind(fingerprint).bind(now).execute(db).await.map(drop))?;
        Ok(())
    }

    /// A refresh token with its authorization, expired and replaced ones too, unless the authorization was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_refresh_token(
        &self,
        fingerprint: &str,
    ) -> Result<Option<(RefreshTokenRecord, Authorization)>, StoreError> {
        let sql =
            "select t.authorization_id, t.created_at, t.expires_at, t.rotated_at, t.successor, t.sealed_successor,
                   a.document, (select count(*) from refresh_tokens s where s.fingerprint = t.successor
                                and s.rotated_at is null) as fresh_successors
                   from refresh_tokens t join authorizations a on a.id = t.authorization_id
                   where t.fingerprint = $1 and a.revoked_at is null";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, RefreshTokenRow>(sql).bind(fingerprint).fetch_optional(db).await
        })?;
        row.map(|row| {
            let rotation = match (row.rotated_at, row.successor, row.sealed_successor) {
                (Some(at), Some(successor), Some(sealed_successor)) => Some(Rotation {
                    at,
                    successor,
                    sealed_successor,
                    successor_is_fresh: row.fresh_successors > 0,
                }),
                (None, None, None) => None,
                _ => return Err(StoreError::Corrupt("refresh_tokens")),
            };
            let record = RefreshTokenRecord {
                fingerprint: fingerprint.to_owned(),
                authorization_id: row.authorization_id,
                created_at: row.created_at,
                expires_at: row.expires_at,
                rotation,
            };
            Ok((record, from_json(&row.document, "authorizations")?))
        })
        .transpose()
    }

    /// Stores the access token of a refresh and what becomes of the refresh token, all or nothing; `false` when somebody
    /// else was faster or the authorization was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh(&self, refresh: Refresh<'_>, token: &AccessTokenRecord, now: i64) -> Result<bool, StoreError> {
        // For a lost response it changes nothing, but locks: whoever uses the successor comes before or after.
        let touch = "update refresh_tokens set expires_at = coalesce($4, expires_at), rotated_at = $5, successor = $6,
                     sealed_successor = $7
                     where fingerprint = $1 and rotated_at is null and expires_at > $2 and authorization_id = $3
                     and exists (select 1 from authorizations a where a.id = $3 and a.revoked_at is null)";
        let (fingerprint, until, successor, sealed) = match refresh {
            Refresh::Keep(current, until) => (&current.fingerprint, Some(until), None, None),
            Refresh::Rotate(current, successor, sealed) => (&current.fingerprint, None, Some(successor), Some(sealed)),
            Refresh::Again(rotation) => (&rotation.successor, None, None, None),
        };
        let details = to_json(&Details::of(token))?;
        transaction!(self, tx => {
            let touched = sqlx::query(touch)
                .bind(fingerprint)
                .bind(now)
                .bind(&token.authorization_id)
                .bind(until)
                .bind(successor.map(|_| now))
                .bind(successor.map(|successor| &successor.fingerprint))
                .bind(sealed)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if touched == 0 {
                return Ok(false);
            }
            insert_tokens!(tx, token, &details, successor);
            if let Some(until) = until {
                sqlx::query(KEEP_AUTHORIZATION).bind(&token.authorization_id).bind(until).execute(&mut *tx).await?;
            }
        });
        Ok(true)
    }
}
