//! Accesses to the API: clients of a stage of their own, each bound to the agent who made it.

use super::clients::name_key;
use super::{Store, StoreError, from_json, to_json};
use crate::domain::api::ApiAccess;
use crate::domain::role::Role;
use crate::protocol::client::{Client, ClientSecret};

const HOLD_AGENT: &str = "update agents set updated_at = updated_at where id = $1";
const COUNT: &str = "select count(*) from api_accesses x join clients c on c.id = x.client_id
                     where x.agent_id = $1 and c.deleted_at is null";
const INSERT_CLIENT: &str = "insert into clients (id, document, created_at, updated_at, name_key, stage)
                             values ($1, $2, $3, $3, $4, 'api')";
const INSERT: &str = "insert into api_accesses (client_id, agent_id, role, administration, created_at, expires_at)
                      values ($1, $2, $3, $4, $5, $6)";
const SELECT: &str = "select x.client_id, x.agent_id, x.role, x.administration, x.created_at, x.expires_at,
                      x.last_used_at, c.document from api_accesses x join clients c on c.id = x.client_id
                      where c.deleted_at is null";

#[derive(sqlx::FromRow)]
struct Row {
    client_id: String,
    agent_id: String,
    role: String,
    administration: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    document: String,
}

impl Row {
    fn read(self) -> Result<(ApiAccess, Client), StoreError> {
        let client: Client = from_json(&self.document, "clients")?;
        let role = match self.role.as_str() {
            "" => None,
            name => Some(Role::parse(name, &self.administration).ok_or(StoreError::Corrupt("api_accesses"))?),
        };
        let access = ApiAccess {
            client_id: self.client_id,
            name: client.name.clone(),
            agent_id: self.agent_id,
            role,
            scopes: client.scopes.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        };
        Ok((access, client))
    }
}

impl Store {
    /// How many accesses an agent has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_api_accesses(&self, agent_id: &str) -> Result<i64, StoreError> {
        let row = on!(self.reads(), db => sqlx::query_as::<_, (i64,)>(COUNT).bind(agent_id).fetch_one(db).await)?;
        Ok(row.0)
    }

    /// Adds an access with its client and its secret, all or nothing; `false` when its maker has `most` already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_api_access(
        &self,
        access: &ApiAccess,
        client: &Client,
        secret: &ClientSecret,
        most: i64,
    ) -> Result<bool, StoreError> {
        let (role, administration) = access.role.as_ref().map_or(("", ""), Role::parts);
        transaction!(self, tx => {
            // Of two at the same moment one waits here, and counts the other's.
            sqlx::query(HOLD_AGENT).bind(&access.agent_id).execute(&mut *tx).await?;
            let made: (i64,) = sqlx::query_as(COUNT).bind(&access.agent_id).fetch_one(&mut *tx).await?;
            if made.0 >= most {
                return Ok(false);
            }
            sqlx::query(INSERT_CLIENT)
                .bind(&client.id)
                .bind(to_json(client)?)
                .bind(access.created_at)
                .bind(name_key(&client.name))
                .execute(&mut *tx)
                .await?;
            sqlx::query(INSERT)
                .bind(&client.id)
                .bind(&access.agent_id)
                .bind(role)
                .bind(administration)
                .bind(access.created_at)
                .bind(access.expires_at)
                .execute(&mut *tx)
                .await?;
            insert_secret!(&mut *tx, &client.id, secret)?;
        });
        Ok(true)
    }

    /// The access of this `client_id`, unless it was revoked or its client disabled.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_api_access(&self, client_id: &str) -> Result<Option<ApiAccess>, StoreError> {
        let sql = format!("{SELECT} and x.client_id = $1");
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql)).bind(client_id).fetch_optional(db).await
        })?;
        let found = row.map(Row::read).transpose()?;
        Ok(found.filter(|(_, client)| !client.disabled).map(|(access, _)| access))
    }

    /// Accesses, the oldest first, at most `limit`, after the place `after` (time and id) where it is given: those of an agent, or
    /// of everybody.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_api_accesses(
        &self,
        agent_id: Option<&str>,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<ApiAccess>, StoreError> {
        let of = if agent_id.is_some() { "and x.agent_id = $4" } else { "" };
        let sql = format!(
            "{SELECT} and x.created_at >= $1 and (x.created_at > $1 or x.client_id > $2) {of}
             order by x.created_at, x.client_id limit $3"
        );
        let (at, id) = after.unwrap_or((i64::MIN, ""));
        let rows = on!(self.reads(), db => {
            let mut query = sqlx::query_as::<_, Row>(sqlx::AssertSqlSafe(sql)).bind(at).bind(id).bind(i64::from(limit));
            if let Some(agent_id) = agent_id {
                query = query.bind(agent_id);
            }
            query.fetch_all(db).await
        })?;
        rows.into_iter()
            .map(|row| row.read().map(|(access, _)| access))
            .collect()
    }

    /// Notes that an access got a token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn use_api_access(&self, client_id: &str, now: i64) -> Result<(), StoreError> {
        let sql = "update api_accesses set last_used_at = $2 where client_id = $1";
        on!(self.writes(), db => sqlx::query(sql).bind(client_id).bind(now).execute(db).await.map(drop))?;
        Ok(())
    }
}
