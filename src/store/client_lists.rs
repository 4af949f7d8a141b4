//! Lists of clients: by name, a page at a time, each by an index.

use super::client_changes::RequestRow;
use super::clients::name_key;
use super::{Store, StoreError};
use crate::domain::client_change::{ChangeRequest, KeptClient};
use crate::protocol::standing::ClientStage;

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClientLine {
    /// `client_id`
    pub id: String,
    /// The place in the list.
    pub name_key: String,
    /// The document, for its name and state.
    document: String,
}

impl ClientLine {
    /// The client.
    ///
    /// # Errors
    /// When the document makes no sense.
    pub fn client(&self) -> Result<crate::protocol::client::Client, StoreError> {
        super::from_json(&self.document, "clients")
    }
}

/// Whose clients a list shows.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// All.
    All,
    /// Those that this agent looks after.
    Owner(&'a str),
    /// Those of the administration of this e-mail domain.
    Administration(&'a str),
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Copy)]
pub struct ClientFilter<'a> {
    /// Whose.
    pub whose: Whose<'a>,
    /// In this stage.
    pub stage: Option<ClientStage>,
    /// Names that begin so, whatever the case and accents; empty for all.
    pub prefix: &'a str,
}

impl Store {
    /// Clients by name, at most `limit`, after the place `after` (name key and id) where it is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_page(
        &self,
        filter: ClientFilter<'_>,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<ClientLine>, StoreError> {
        let (from, what) = match filter.whose {
            Whose::All => ("clients c where", ""),
            Whose::Owner(agent) => (
                "client_owners o join clients c on c.id = o.client_id where o.agent_id = $6 and",
                agent,
            ),
            Whose::Administration(domain) => ("clients c where c.administration = $6 and", domain),
        };
        let what = Some(what).filter(|what| !what.is_empty());
        let stage = match filter.stage {
            Some(_) => "c.stage = $5 and",
            None => "",
        };
        // Hexadecimal digits only: every name that begins with the prefix lies below the prefix and `g`.
        let prefix = name_key(filter.prefix);
        let end = format!("{prefix}g");
        let (key, id) = after.unwrap_or((&prefix, ""));
        let sql = format!(
            "select c.id, c.name_key, c.document from {from} {stage} c.deleted_at is null and c.name_key >= $1
             and (c.name_key > $1 or c.id > $2) and c.name_key < $3 order by c.name_key, c.id limit $4"
        );
        // Parameters that a statement does not name stay out of it: PostgreSQL refuses them.
        let sql = match (filter.stage, what) {
            (None, Some(_)) => sql.replace("$6", "$5"),
            _ => sql,
        };
        let stage = filter.stage.map(ClientStage::as_str);
        Ok(on!(self.reads(), db => {
            let mut query = sqlx::query_as::<_, ClientLine>(sqlx::AssertSqlSafe(sql))
                .bind(key)
                .bind(id)
                .bind(&end)
                .bind(i64::from(limit));
            for value in [stage, what].into_iter().flatten() {
                query = query.bind(value);
            }
            query.fetch_all(db).await
        })?)
    }

    /// The requests that wait, each with its client, the oldest first, at most `limit`, after the place `after` (time and
    /// client) where it is given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_requests(
        &self,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<(ChangeRequest, KeptClient)>, StoreError> {
        let sql = "select r.client_id, r.document, r.reasons, r.base_version, r.requested_by, r.requested_at, r.answer,
                   r.answered_at, c.document as client, c.version, c.created_at, c.updated_at
                   from client_requests r join clients c on c.id = r.client_id
                   where r.answered_at is null and c.deleted_at is null
                   and (r.requested_at > $1 or (r.requested_at = $1 and r.client_id > $2))
                   order by r.requested_at, r.client_id limit $3";
        let (at, id) = after.unwrap_or((i64::MIN, ""));
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, WaitingRow>(sql).bind(at).bind(id).bind(i64::from(limit)).fetch_all(db).await
        })?;
        let read = |row: WaitingRow| {
            let kept = KeptClient {
                client: super::from_json(&row.client, "clients")?,
                version: row.version,
                created_at: row.created_at,
                updated_at: row.updated_at,
            };
            Ok((row.request.read()?, kept))
        };
        rows.into_iter().map(read).collect()
    }
}

#[derive(sqlx::FromRow)]
struct WaitingRow {
    #[sqlx(flatten)]
    request: RequestRow,
    client: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}
