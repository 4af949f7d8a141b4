//! Who looks after a client, and who was invited to.

use super::{Store, StoreError};
use crate::domain::client_change::Invitation;

/// An owner: the agent's id, Matrix id and name.
pub type Owner = (String, String, Option<String>);

impl Store {
    /// Whether an agent looks after a client.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_client_owner(&self, client_id: &str, agent_id: &str) -> Result<bool, StoreError> {
        let sql = "select since from client_owners where client_id = $1 and agent_id = $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(client_id).bind(agent_id).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// Who looks after a client, the first one first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_owners(&self, client_id: &str) -> Result<Vec<Owner>, StoreError> {
        let sql = "select a.id, a.matrix_id, a.display_name from client_owners o join agents a on a.id = o.agent_id
                   where o.client_id = $1 order by o.since, a.id";
        Ok(on!(self.reads(), db => sqlx::query_as::<_, Owner>(sql).bind(client_id).fetch_all(db).await)?)
    }

    /// Adds an owner, who may be one already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_client_owner(&self, client_id: &str, agent_id: &str, now: i64) -> Result<(), StoreError> {
        let sql = "insert into client_owners (client_id, agent_id, since) values ($1, $2, $3)
                   on conflict (client_id, agent_id) do nothing";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(client_id).bind(agent_id).bind(now).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// Removes an owner, unless it is the last one; `false` when nothing was done.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_client_owner(&self, client_id: &str, agent_id: &str) -> Result<bool, StoreError> {
        // Held by the client's row: two owners who remove one another at the same moment do not both succeed.
        let hold = "update clients set updated_at = updated_at where id = $1";
        let sql = "delete from client_owners where client_id = $1 and agent_id = $2
                   and (select count(*) from client_owners where client_id = $1) > 1";
        let done = transaction!(self, tx => {
            sqlx::query(hold).bind(client_id).execute(&mut *tx).await?;
            sqlx::query(sql).bind(client_id).bind(agent_id).execute(&mut *tx).await?.rows_affected()
        });
        Ok(done > 0)
    }

    /// Invites an account to look after a client; a former invitation begins anew.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_client_invitation(&self, invitation: &Invitation, by: &str) -> Result<(), StoreError> {
        let sql = "insert into client_invitations (client_id, matrix_id, invited_by, expires_at)
                   values ($1, $2, $3, $4) on conflict (client_id, matrix_id)
                   do update set invited_by = excluded.invited_by, expires_at = excluded.expires_at";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&invitation.client_id)
                .bind(&invitation.matrix_id)
                .bind(by)
                .bind(invitation.expires_at)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// The living invitations to a client.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_client_invitations(&self, client_id: &str, now: i64) -> Result<Vec<Invitation>, StoreError> {
        let sql = "select matrix_id, expires_at from client_invitations where client_id = $1 and expires_at > $2
                   order by matrix_id";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, i64)>(sql).bind(client_id).bind(now).fetch_all(db).await
        })?;
        let read = |(matrix_id, expires_at)| Invitation {
            client_id: client_id.to_owned(),
            matrix_id,
            expires_at,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// The living invitations of an account: the client's id and name are for it to read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_invitations_of(&self, matrix_id: &str, now: i64) -> Result<Vec<Invitation>, StoreError> {
        let sql = "select client_id, expires_at from client_invitations where matrix_id = $1 and expires_at > $2
                   order by expires_at, client_id limit 50";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, i64)>(sql).bind(matrix_id).bind(now).fetch_all(db).await
        })?;
        let read = |(client_id, expires_at)| Invitation {
            client_id,
            matrix_id: matrix_id.to_owned(),
            expires_at,
        };
        Ok(rows.into_iter().map(read).collect())
    }

    /// Takes an invitation up, once: the agent looks after the client from now on. `false` when there is none that lives.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_client_invitation(
        &self,
        client_id: &str,
        matrix_id: &str,
        agent_id: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let take = "delete from client_invitations where client_id = $1 and matrix_id = $2 and expires_at > $3";
        let add = "insert into client_owners (client_id, agent_id, since) values ($1, $2, $3)
                   on conflict (client_id, agent_id) do nothing";
        transaction!(self, tx => {
            let taken = sqlx::query(take).bind(client_id).bind(matrix_id).bind(now).execute(&mut *tx).await?;
            if taken.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(add).bind(client_id).bind(agent_id).bind(now).execute(&mut *tx).await?;
        });
        Ok(true)
    }

    /// Takes an invitation back; `false` when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_client_invitation(&self, client_id: &str, matrix_id: &str) -> Result<bool, StoreError> {
        let sql = "delete from client_invitations where client_id = $1 and matrix_id = $2";
        Ok(on!(self.writes(), db => {
            sqlx::query(sql).bind(client_id).bind(matrix_id).execute(db).await.map(|done| done.rows_affected() > 0)
        })?)
    }
}
