//! Authorizations and their codes, which are spent once (RFC 6749 §4.1.2).

use super::sessions::HOLD;
use super::tokens::{Details, insert_tokens};
use super::{Store, StoreError, from_json, to_json};
use crate::domain::grant::{AccessTokenRecord, Authorization, CodeRecord, KeptAuthorization, RefreshTokenRecord};

const INSERT_AUTHORIZATION: &str = "insert into authorizations
    (id, client_id, agent_id, session_id, document, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)";

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
    /// Stores an authorization and the code that stands for it, both or neither; `false` when the agent has signed out
    /// meanwhile, or withdrawn what the client had. `agreed`: it stands on a consent, which must still be remembered then.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_authorization(
        &self,
        authorization: &Authorization,
        code: &CodeRecord,
        agreed: bool,
    ) -> Result<bool, StoreError> {
        let document = to_json(authorization)?;
        let insert_code = "insert into codes (fingerprint, authorization_id, client_id, redirect_uri, code_challenge,
                           expires_at) values ($1, $2, $3, $4, $5, $6)";
        let takes_part = "select created_at from browser_sessions where id = $1 and exists
                          (select 1 from session_clients where session_id = $1 and client_id = $2 and sid = $3)";
        let consent = "select given_at from consents where agent_id = $1 and client_id = $2";
        transaction!(self, tx => {
            if let Some(agent) = &authorization.agent {
                sqlx::query(HOLD).bind(&agent.session_id).execute(&mut *tx).await?;
                // A statement of its own: on PostgreSQL only what begins after the wait sees what it waited for.
                let sid = sqlx::query_as::<_, (i64,)>(takes_part).bind(&agent.session_id).bind(&authorization.client_id);
                if sid.bind(&agent.sid).fetch_optional(&mut *tx).await?.is_none() {
                    return Ok(false);
                }
                // A withdrawal just before: the `sid` is a new one then, and what was agreed to is forgotten.
                let consent = sqlx::query_as::<_, (i64,)>(consent).bind(&agent.agent_id).bind(&authorization.client_id);
                if agreed && consent.fetch_optional(&mut *tx).await?.is_none() {
                    return Ok(false);
                }
            }
            sqlx::query(INSERT_AUTHORIZATION)
                .bind(&authorization.id)
                .bind(&authorization.client_id)
                .bind(authorization.agent.as_ref().map(|agent| &agent.agent_id))
                .bind(authorization.ends_with_session())
                .bind(&document)
                .bind(authorization.created_at)
                .bind(code.expires_at)
                .execute(&mut *tx)
                .await?;
            if let Some(agent) = &authorization.agent {
                sqlx::query(super::sign_ins::UPSERT)
                    .bind(&authorization.client_id)
                    .bind(&agent.agent_id)
                    .bind(authorization.created_at)
                    .execute(&mut *tx)
                    .await?;
            }
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
        Ok(true)
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

    /// Spends a code and stores what was issued for it, and that the client now knows the agent's `sub` in this session (a
    /// logout tells it no other), all or nothing; `false` when it was spent, has expired, its
    /// authorization was revoked or its browser session has ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeem_code(
        &self,
        fingerprint: &str,
        now: i64,
        token: &AccessTokenRecord,
        refresh_token: Option<&RefreshTokenRecord>,
    ) -> Result<bool, StoreError> {
        let consume = "update codes set consumed_at = $2
                       where fingerprint = $1 and consumed_at is null and expires_at > $2 and authorization_id = $3
                       and exists (select 1 from authorizations a where a.id = $3 and a.revoked_at is null)";
        let granted = "select document from authorizations where id = $1";
        let learn = "update session_clients set subject = $3 where session_id = $1 and client_id = $2";
        let details = to_json(&Details::of(token))?;
        transaction!(self, tx => {
            let granted = sqlx::query_as::<_, (String,)>(granted).bind(&token.authorization_id);
            let Some((document,)) = granted.fetch_optional(&mut *tx).await? else {
                return Ok(false);
            };
            let authorization: Authorization = from_json(&document, "authorizations")?;
            if let Some(agent) = &authorization.agent {
                // A client that learns of the agent after the logout would never be told of it.
                let held = sqlx::query(HOLD).bind(&agent.session_id).execute(&mut *tx).await?.rows_affected();
                if held == 0 {
                    return Ok(false);
                }
            }
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
            insert_tokens!(tx, token, &details, refresh_token);
            if let Some(agent) = &authorization.agent {
                sqlx::query(learn)
                    .bind(&agent.session_id)
                    .bind(&authorization.client_id)
                    .bind(&agent.subject)
                    .execute(&mut *tx)
                    .await?;
            }
        });
        Ok(true)
    }

    /// Stores an authorization of a client without an agent, with its token. With `maker` it ends when all that this agent has
    /// is ended, as an access to the API does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_client_authorization(
        &self,
        authorization: &Authorization,
        token: &AccessTokenRecord,
        maker: Option<&str>,
    ) -> Result<(), StoreError> {
        let document = to_json(authorization)?;
        let details = to_json(&Details::of(token))?;
        transaction!(self, tx => {
            sqlx::query(INSERT_AUTHORIZATION)
                .bind(&authorization.id)
                .bind(&authorization.client_id)
                .bind(maker)
                .bind(None::<String>)
                .bind(&document)
                .bind(authorization.created_at)
                .bind(token.expires_at)
                .execute(&mut *tx)
                .await?;
            insert_tokens!(tx, token, &details, None::<&RefreshTokenRecord>);
        });
        Ok(())
    }

    /// The authorizations about an agent that are kept, newest first, each with its end and when it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_authorizations(&self, agent_id: &str) -> Result<Vec<KeptAuthorization>, StoreError> {
        let sql = "select document, expires_at, revoked_at from authorizations where agent_id = $1
                   order by created_at desc, id";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, i64, Option<i64>)>(sql).bind(agent_id).fetch_all(db).await
        })?;
        let kept = |(document, expires_at, revoked_at): (String, i64, Option<i64>)| {
            Ok(KeptAuthorization {
                authorization: from_json(&document, "authorizations")?,
                expires_at,
                revoked_at,
            })
        };
        rows.into_iter().map(kept).collect()
    }

    /// Revokes an authorization: its code and all its tokens are dead from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_authorization(&self, id: &str, now: i64) -> Result<(), StoreError> {
        let sql = "update authorizations set revoked_at = $2 where id = $1 and revoked_at is null";
        on!(self.writes(), db => sqlx::query(sql).bind(id).bind(now).execute(db).await.map(drop))?;
        Ok(())
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
