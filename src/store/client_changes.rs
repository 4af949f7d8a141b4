//! Changes of clients by people: each with what it was before, none on top of a version that its author did not see.

use super::clients::name_key;
use super::{Store, StoreError, from_json, to_json};
use crate::domain::client_change::{ChangeRequest, KeptClient, Purpose, Revision};
use crate::protocol::client::{Client, ClientSecret};

/// What became of a new client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewClient {
    /// It is there.
    Made,
    /// Its owner has as many as one may have.
    Full,
}

const HOLD_AGENT: &str = "update agents set updated_at = updated_at where id = $1";
const COUNT: &str = "select count(*) from client_owners o join clients c on c.id = o.client_id
                     where o.agent_id = $1 and c.stage <> 'production' and c.deleted_at is null";
const INSERT: &str = "insert into clients (id, document, created_at, updated_at, name_key, stage, administration)
                      values ($1, $2, $3, $3, $4, $5, $6)";
const CREATE: &str = "insert into clients (id, document, created_at, updated_at, name_key, stage, administration)
                      values ($1, $2, $3, $3, $4, $5, $6) on conflict (id) do update set document = excluded.document,
                      updated_at = excluded.updated_at, name_key = excluded.name_key, stage = excluded.stage,
                      administration = excluded.administration, version = clients.version + 1, deleted_at = null
                      where clients.deleted_at is not null and clients.stage <> 'api'";
const OWN: &str = "insert into client_owners (client_id, agent_id, since) values ($1, $2, $3)";
const PURPOSE: &str = "insert into client_purposes (client_id, stack, purpose, scopes) values ($1, $2, $3, $4)";
const REVISION: &str = "insert into client_revisions (id, client_id, author, at, before, after)
                        values ($1, $2, $3, $4, $5, $6)";
/// A program in a loop would fill the disk with what a client was: the journal keeps who changed it, and when.
const FORGET: &str = "delete from client_revisions where client_id = $1 and (at, id) <
                      (select at, id from client_revisions where client_id = $1 order by at desc, id desc limit 1 offset 199)";
const UPDATE: &str =
    "update clients set document = $2, updated_at = $3, name_key = $4, stage = $5, administration = $6,
                      version = version + 1 where id = $1 and version = $7 and deleted_at is null";
const ASK: &str = "insert into client_requests (client_id, document, reasons, base_version, requested_by, requested_at)
                   values ($1, $2, $3, $4, $5, $6) on conflict (client_id) do update set document = excluded.document,
                   reasons = excluded.reasons, base_version = excluded.base_version,
                   requested_by = excluded.requested_by,
                   requested_at = case when client_requests.requested_at < excluded.requested_at
                   then excluded.requested_at else client_requests.requested_at + 1 end,
                   answer = null, answered_at = null where client_requests.answered_at is not null";
const ANSWER: &str = "update client_requests set answer = $4, answered_at = $3
                      where client_id = $1 and requested_at = $2 and answered_at is null";
const WITHDRAW: &str = "delete from client_requests where client_id = $1 and answered_at is null";
const FIND_REQUEST: &str = "select client_id, document, reasons, base_version, requested_by, requested_at, answer,
                            answered_at from client_requests where client_id = $1";

#[derive(sqlx::FromRow)]
pub(super) struct RequestRow {
    client_id: String,
    document: String,
    reasons: String,
    base_version: i64,
    requested_by: String,
    requested_at: i64,
    answer: Option<String>,
    answered_at: Option<i64>,
}

impl RequestRow {
    pub(super) fn read(self) -> Result<ChangeRequest, StoreError> {
        Ok(ChangeRequest {
            client_id: self.client_id,
            wanted: from_json(&self.document, "client_requests")?,
            reasons: self.reasons,
            base_version: self.base_version,
            requested_by: self.requested_by,
            requested_at: self.requested_at,
            answer: self.answer,
            answered_at: self.answered_at,
        })
    }
}

/// A statement that writes a client, with what all of them bind.
macro_rules! client_row {
    ($sql:expr, $revision:expr) => {{
        let client = &$revision.after;
        sqlx::query($sql)
            .bind(&client.id)
            .bind(to_json(client)?)
            .bind($revision.at)
            .bind(name_key(&client.name))
            .bind(client.standing.stage.as_str())
            .bind(&client.standing.administration)
    }};
}

/// Writes a client in a transaction; returns `false` from the function when its version is another by now.
macro_rules! write_client {
    ($tx:ident, $version:expr, $revision:expr) => {
        let done = client_row!(UPDATE, $revision).bind($version).execute(&mut *$tx).await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        revise!($tx, $revision);
        if !$revision.after.has_secret() {
            sqlx::query("delete from client_secrets where client_id = $1")
                .bind(&$revision.after.id)
                .execute(&mut *$tx)
                .await?;
        }
    };
}

macro_rules! revise {
    ($tx:ident, $revision:expr) => {
        sqlx::query(REVISION)
            .bind(&$revision.id)
            .bind(&$revision.client_id)
            .bind(&$revision.author)
            .bind($revision.at)
            .bind($revision.before.as_ref().map(to_json).transpose()?)
            .bind(to_json(&$revision.after)?)
            .execute(&mut *$tx)
            .await?;
        sqlx::query(FORGET)
            .bind(&$revision.client_id)
            .execute(&mut *$tx)
            .await?;
    };
}

impl Store {
    /// The client of this id with its version. Accesses to the API are none here: nobody manages those of others.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_kept_client(&self, id: &str) -> Result<Option<KeptClient>, StoreError> {
        let sql = "select document, version, created_at, updated_at from clients
                   where id = $1 and stage <> 'api' and deleted_at is null";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, i64, i64, i64)>(sql).bind(id).fetch_optional(db).await
        })?;
        row.map(|(document, version, created_at, updated_at)| {
            Ok(KeptClient {
                client: from_json(&document, "clients")?,
                version,
                created_at,
                updated_at,
            })
        })
        .transpose()
    }

    /// How many clients that are not in production an agent looks after.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_sandboxes(&self, agent_id: &str) -> Result<i64, StoreError> {
        let row = on!(self.reads(), db => sqlx::query_as::<_, (i64,)>(COUNT).bind(agent_id).fetch_one(db).await)?;
        Ok(row.0)
    }

    /// Adds a client of a partner's with its owner, its purpose and its secret, all or nothing, unless its author owns `most`
    /// that are not in production.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_client(
        &self,
        revision: &Revision,
        purpose: &Purpose,
        secret: Option<&ClientSecret>,
        most: i64,
    ) -> Result<NewClient, StoreError> {
        let client = &revision.after;
        transaction!(self, tx => {
            // Of two at the same moment one waits here, and counts the other's.
            sqlx::query(HOLD_AGENT).bind(&revision.author).execute(&mut *tx).await?;
            let owned: (i64,) = sqlx::query_as(COUNT).bind(&revision.author).fetch_one(&mut *tx).await?;
            if owned.0 >= most {
                return Ok(NewClient::Full);
            }
            client_row!(INSERT, revision).execute(&mut *tx).await?;
            sqlx::query(OWN).bind(&client.id).bind(&revision.author).bind(revision.at).execute(&mut *tx).await?;
            sqlx::query(PURPOSE)
                .bind(&client.id)
                .bind(&purpose.stack)
                .bind(&purpose.purpose)
                .bind(to_json(&purpose.scopes)?)
                .execute(&mut *tx)
                .await?;
            revise!(tx, revision);
            if let Some(secret) = secret {
                insert_secret!(&mut *tx, &client.id, secret)?;
            }
        });
        Ok(NewClient::Made)
    }

    /// Adds a client that nobody owns, or brings one back that was deleted; `false`, and nothing done, when it is there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn create_client(&self, revision: &Revision) -> Result<bool, StoreError> {
        transaction!(self, tx => {
            let done = client_row!(CREATE, revision).execute(&mut *tx).await?;
            if done.rows_affected() == 0 {
                return Ok(false);
            }
            // Whatever was given to the one that was deleted while it was.
            forget_belongings!(tx, &revision.client_id);
            revise!(tx, revision);
        });
        Ok(true)
    }

    /// Replaces a client that is of this `version`; `false`, and nothing done, when it is not any more. One that is to have no
    /// secret loses those it has. A request that waits is withdrawn where `withdraws` says so.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_client(&self, version: i64, revision: &Revision, withdraws: bool) -> Result<bool, StoreError> {
        transaction!(self, tx => {
            write_client!(tx, version, revision);
            if withdraws {
                sqlx::query(WITHDRAW).bind(&revision.client_id).execute(&mut *tx).await?;
            }
        });
        Ok(true)
    }

    /// Puts a request in the queue, in place of one that was answered (its `requested_at` is a later one, so that it stands for
    /// this request and no other), and, where the stage changes with it, writes the client;
    /// `false`, and nothing done, when one waits already or the client is of another version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_client_request(
        &self,
        request: &ChangeRequest,
        revision: Option<&Revision>,
    ) -> Result<bool, StoreError> {
        transaction!(self, tx => {
            let mut version = request.base_version;
            if let Some(revision) = revision {
                write_client!(tx, version, revision);
                version += 1;
            }
            let asked = sqlx::query(ASK)
                .bind(&request.client_id)
                .bind(to_json(&request.wanted)?)
                .bind(&request.reasons)
                .bind(version)
                .bind(&request.requested_by)
                .bind(request.requested_at)
                .execute(&mut *tx)
                .await?;
            if asked.rows_affected() == 0 {
                return Ok(false);
            }
        });
        Ok(true)
    }

    /// Answers the request that was made at `requested_at` and writes the client, if the answer changes it; `false`, and nothing
    /// done, when it was answered or replaced meanwhile, or the client is of another version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn answer_client_request(
        &self,
        request: &ChangeRequest,
        answer: Option<&str>,
        change: Option<(i64, &Revision)>,
        now: i64,
    ) -> Result<bool, StoreError> {
        transaction!(self, tx => {
            let answered = sqlx::query(ANSWER)
                .bind(&request.client_id)
                .bind(request.requested_at)
                .bind(now)
                .bind(answer)
                .execute(&mut *tx)
                .await?;
            if answered.rows_affected() == 0 {
                return Ok(false);
            }
            if let Some((version, revision)) = change {
                write_client!(tx, version, revision);
            }
        });
        Ok(true)
    }

    /// The last request about a client, answered or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_client_request(&self, client_id: &str) -> Result<Option<ChangeRequest>, StoreError> {
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, RequestRow>(FIND_REQUEST).bind(client_id).fetch_optional(db).await
        })?;
        row.map(RequestRow::read).transpose()
    }

    /// What was said when a client was made; empty for clients that came by other ways.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_client_purpose(&self, client_id: &str) -> Result<Purpose, StoreError> {
        let sql = "select stack, purpose, scopes from client_purposes where client_id = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, String, String)>(sql).bind(client_id).fetch_optional(db).await
        })?;
        let Some((stack, purpose, scopes)) = row else {
            return Ok(Purpose::default());
        };
        let scopes = from_json(&scopes, "client_purposes")?;
        Ok(Purpose { stack, purpose, scopes })
    }

    /// A client's revisions, the newest first, at most `limit`, older than `before` (time and id) where it is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_revisions(
        &self,
        client_id: &str,
        before: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<Revision>, StoreError> {
        let sql = "select id, author, at, before, after from client_revisions where client_id = $1
                   and (at < $2 or (at = $2 and id < $3)) order by at desc, id desc limit $4";
        let (at, id) = before.unwrap_or((i64::MAX, ""));
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, String, i64, Option<String>, String)>(sql)
                .bind(client_id)
                .bind(at)
                .bind(id)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        let read = |(id, author, at, before, after): (String, String, i64, Option<String>, String)| {
            let document = |text: &str| from_json::<Client>(text, "client_revisions");
            Ok(Revision {
                id,
                client_id: client_id.to_owned(),
                author,
                at,
                before: before.as_deref().map(document).transpose()?,
                after: document(&after)?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}
