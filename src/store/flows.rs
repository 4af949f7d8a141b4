//! Flows under way. Every change compares and raises `version`, so that of two racing steps one wins.

use super::{Store, StoreError, from_json, to_json};
use crate::domain::flow::Flow;

#[derive(sqlx::FromRow)]
struct FlowRow {
    id: String,
    browser: Option<String>,
    client_id: String,
    params: String,
    progress: String,
    attempt: Option<String>,
    network: String,
    created_at: i64,
    expires_at: i64,
    version: i64,
}

impl Store {
    /// Adds a flow.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_flow(&self, flow: &Flow) -> Result<(), StoreError> {
        let progress = to_json(&flow.progress)?;
        let sql = "insert into flows (id, browser, client_id, params, progress, attempt, network, created_at,
                   expires_at, version) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&flow.id)
                .bind(&flow.browser)
                .bind(&flow.client_id)
                .bind(&flow.params)
                .bind(&progress)
                .bind(&flow.attempt)
                .bind(&flow.network)
                .bind(flow.created_at)
                .bind(flow.expires_at)
                .bind(flow.version)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// The living flow of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_flow(&self, id: &str, now: i64) -> Result<Option<Flow>, StoreError> {
        let sql = "select id, browser, client_id, params, progress, attempt, network, created_at, expires_at, version
                   from flows where id = $1 and expires_at > $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, FlowRow>(sql).bind(id).bind(now).fetch_optional(db).await
        })?;
        row.map(Flow::try_from).transpose()
    }

    /// Writes browser, progress, attempt and expiry if the stored version still is `flow.version`, and raises it by
    /// one there; `false` when another step was first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_flow(&self, flow: &Flow) -> Result<bool, StoreError> {
        let progress = to_json(&flow.progress)?;
        let sql = "update flows set browser = $3, progress = $4, attempt = $5, expires_at = $6, version = version + 1
                   where id = $1 and version = $2";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&flow.id)
                .bind(flow.version)
                .bind(&flow.browser)
                .bind(&progress)
                .bind(&flow.attempt)
                .bind(flow.expires_at)
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Binds a flow that no browser has come to yet, under a new id; false when another browser was faster.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bind_flow(&self, id: &str, new_id: &str, browser: &str) -> Result<bool, StoreError> {
        let sql = "update flows set id = $2, browser = $3, version = version + 1 where id = $1 and browser is null";
        let bound = on!(self.writes(), db => {
            sqlx::query(sql).bind(id).bind(new_id).bind(browser).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(bound == 1)
    }

    /// Uses up the login attempt of this fingerprint in its own browser, and answers its flow as it stands afterwards
    /// (version raised); `None` when it is unknown, expired, used or another browser's.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_attempt(
        &self,
        fingerprint: &str,
        browser: &str,
        now: i64,
    ) -> Result<Option<Flow>, StoreError> {
        let sql = "update flows set attempt = null, version = version + 1 where attempt = $1 and browser = $2 and expires_at > $3
                   returning id, browser, client_id, params, progress, attempt, network, created_at, expires_at,
                   version";
        let row = on!(self.writes(), db => {
            sqlx::query_as::<_, FlowRow>(sql).bind(fingerprint).bind(browser).bind(now).fetch_optional(db).await
        })?;
        row.map(Flow::try_from).transpose()
    }

    /// Ends a flow; false when somebody else ended it before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_flow(&self, id: &str) -> Result<bool, StoreError> {
        let sql = "delete from flows where id = $1";
        let deleted =
            on!(self.writes(), db => sqlx::query(sql).bind(id).execute(db).await.map(|done| done.rows_affected()))?;
        Ok(deleted == 1)
    }

    /// How many living flows a network has open.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_open_flows(&self, network: &str, now: i64) -> Result<i64, StoreError> {
        let sql = "select count(*) from flows where network = $1 and expires_at > $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(network).bind(now).fetch_one(db).await
        })?;
        Ok(row.0)
    }

    /// Flows of a browser in this network that it has left for a homeserver and not come back from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_flows_away(&self, network: &str, browser: &str, now: i64) -> Result<i64, StoreError> {
        let sql = "select count(*) from flows where network = $1 and expires_at > $2 and browser = $3
                   and attempt is not null";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(network).bind(now).bind(browser).fetch_one(db).await
        })?;
        Ok(row.0)
    }
}

impl TryFrom<FlowRow> for Flow {
    type Error = StoreError;

    fn try_from(row: FlowRow) -> Result<Self, StoreError> {
        Ok(Self {
            progress: from_json(&row.progress, "flows")?,
            id: row.id,
            browser: row.browser,
            client_id: row.client_id,
            params: row.params,
            attempt: row.attempt,
            network: row.network,
            created_at: row.created_at,
            expires_at: row.expires_at,
            version: row.version,
        })
    }
}
