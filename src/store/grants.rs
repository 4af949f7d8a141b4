//! Authorizations and what was issued from them: codes (spent once, RFC 6749 §4.1.2) and access tokens.

use super::{Store, StoreError, from_json, to_json};
use crate::domain::grant::{AccessTokenRecord, Authorization, CodeRecord};

#[derive(sqlx::FromRow)]
struct CodeRow {
    fingerprint: String,
    authorization_id: String,
    client_id: String,
    redirect_uri: String,
    code_challenge: Option<String>,
    expires_at: i64,
    consumed_at: Option<i64>,
    document: String,
}

impl Store {
    /// Stores an authorization and the code that stands for it, both or neither.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_authorization(
        &self,
        authorization: &Authorization,
        code: &CodeRecord,
    ) -> Result<(), StoreError> {
        let document = to_json(authorization)?;
        let insert_authorization =
            "insert into authorizations (id, client_id, agent_id, session_id, document, created_at, expires_at)
                                    values ($1, $2, $3, $4, $5, $6, $7)";
        let insert_code = "insert into codes (fingerprint, authorization_id, client_id, redirect_uri, code_challenge,
                           expires_at) values ($1, $2, $3, $4, $5, $6)";
        transaction!(self, tx => {
            sqlx::query(insert_authorization)
                .bind(&authorization.id)
                .bind(&authorization.client_id)
                .bind(authorization.agent.as_ref().map(|agent| &agent.agent_id))
                .bind(authorization.ends_with_session())
                .bind(&document)
                .bind(authorization.created_at)
                .bind(code.expires_at)
                .execute(&mut *tx)
                .await?;
            sqlx::query(insert_code)
                .bind(&code.fingerprint)
                .bind(&authorization.id)
                .bind(&code.client_id)
                .bind(&code.redirect_uri)
                .bind(&code.code_challenge)
                .bind(code.expires_at)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    /// The code of this fingerprint with its authorization, spent or expired ones too: `consumed_at` says when.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_code(&self, fingerprint: &str) -> Result<Option<(CodeRecord, Authorization)>, StoreError> {
        let sql = "select c.fingerprint, c.authorization_id, c.client_id, c.redirect_uri, c.code_challenge,
                   c.expires_at, c.consumed_at, a.document
                   from codes c join authorizations a on a.id = c.authorization_id where c.fingerprint = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, CodeRow>(sql).bind(fingerprint).fetch_optional(db).await
        })?;
        row.map(|row| {
            let authorization = from_json(&row.document, "authorizations")?;
            Ok((CodeRecord::from(row), authorization))
        })
        .transpose()
    }

    /// Spends a code and stores the access token issued for it, both or neither; `false` when it was spent, has
    /// expired or its authorization was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeem_code(
        &self,
        fingerprint: &str,
        now: i64,
        token: &AccessTokenRecord,
    ) -> Result<bool, StoreError> {
        let consume = "update codes set consumed_at = $2
                       where fingerprint = $1 and consumed_at is null and expires_at > $2 and authorization_id = $3
                       and exists (select 1 from authorizations a where a.id = $3 and a.revoked_at is null)";
        let issue = "insert into access_tokens (fingerprint, authorization_id, expires_at) values ($1, $2, $3)";
        let keep = "update authorizations set expires_at = $2 where id = $1 and expires_at < $2";
        transaction!(self, tx => {
            let spent = sqlx::query(consume)
                .bind(fingerprint)
                .bind(now)
                .bind(&token.authorization_id)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if spent == 0 {
                return Ok(false);
            }
            sqlx::query(issue)
                .bind(&token.fingerprint)
                .bind(&token.authorization_id)
                .bind(token.expires_at)
                .execute(&mut *tx)
                .await?;
            sqlx::query(keep).bind(&token.authorization_id).bind(token.expires_at).execute(&mut *tx).await?;
        });
        Ok(true)
    }

    /// Revokes an authorization: its code and its access tokens are dead from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_authorization(&self, id: &str, now: i64) -> Result<(), StoreError> {
        let sql = "update authorizations set revoked_at = $2 where id = $1 and revoked_at is null";
        on!(self.writes(), db => sqlx::query(sql).bind(id).bind(now).execute(db).await.map(drop))?;
        Ok(())
    }

    /// The authorization behind a living access token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_access_token(&self, fingerprint: &str, now: i64) -> Result<Option<Authorization>, StoreError> {
        let sql = "select a.document from access_tokens t join authorizations a on a.id = t.authorization_id
                   where t.fingerprint = $1 and t.expires_at > $2 and a.revoked_at is null";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(fingerprint).bind(now).fetch_optional(db).await
        })?;
        row.map(|row| from_json(&row.0, "authorizations")).transpose()
    }
}

impl From<CodeRow> for CodeRecord {
    fn from(row: CodeRow) -> Self {
        Self {
            fingerprint: row.fingerprint,
            authorization_id: row.authorization_id,
            client_id: row.client_id,
            redirect_uri: row.redirect_uri,
            code_challenge: row.code_challenge,
            expires_at: row.expires_at,
            consumed_at: row.consumed_at,
        }
    }
}
