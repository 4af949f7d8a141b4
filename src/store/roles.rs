//! Roles in the console, and the invitations to them that wait for a first sign-in.

use super::{Store, StoreError};
use crate::domain::role::Role;

/// A role as it was given. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantedRole {
    /// Whose it is.
    pub agent_id: String,
    /// `@local:server` of that agent.
    pub matrix_id: String,
    /// As the homeserver gave it.
    pub display_name: Option<String>,
    /// The role.
    pub role: Role,
    /// Since when.
    pub granted_at: i64,
    /// Matrix id of the agent who gave it; `None` when the command line did.
    pub granted_by: Option<String>,
    /// Whether the agent has a second factor.
    pub has_second_factor: bool,
}

/// A place in the list of roles: role, time, agent, administration.
pub type RolePlace = (String, i64, String, String);

impl GrantedRole {
    /// Its own.
    pub fn place(&self) -> RolePlace {
        let (role, administration) = self.role.parts();
        (
            role.to_owned(),
            self.granted_at,
            self.agent_id.clone(),
            administration.to_owned(),
        )
    }
}

/// An invitation of an account that never signed in. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleInvitation {
    /// Random, ours.
    pub id: String,
    /// The account invited.
    pub matrix_id: String,
    /// To this role.
    pub role: Role,
    /// When.
    pub invited_at: i64,
    /// Id of the agent who did; `None` for the command line.
    pub invited_by: Option<String>,
    /// Until when it counts.
    pub expires_at: i64,
}

#[derive(sqlx::FromRow)]
struct GrantedRow {
    agent_id: String,
    matrix_id: String,
    display_name: Option<String>,
    role: String,
    administration: String,
    granted_at: i64,
    granted_by: Option<String>,
    factor_since: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct InvitationRow {
    id: String,
    matrix_id: String,
    role: String,
    administration: String,
    invited_at: i64,
    invited_by: Option<String>,
    expires_at: i64,
}

/// One row for the order of those who change who is an operator.
const ONE_AT_A_TIME: &str = "insert into settings (name, value) values ('operators', '')
                             on conflict (name) do update set value = settings.value";
const INSERT: &str = "insert into roles (agent_id, role, administration, granted_at, granted_by)
                      values ($1, $2, $3, $4, $5) on conflict (agent_id, role, administration) do nothing";

impl Store {
    /// The roles of an agent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_roles(&self, agent_id: &str) -> Result<Vec<Role>, StoreError> {
        self.find_roles_given_by(agent_id, i64::MAX).await
    }

    /// The roles of an agent that they have had since `at` (Unix seconds) or longer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_roles_given_by(&self, agent_id: &str, at: i64) -> Result<Vec<Role>, StoreError> {
        let sql = "select role, administration from roles where agent_id = $1 and granted_at <= $2
                   order by role, administration";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String, String)>(sql).bind(agent_id).bind(at).fetch_all(db).await
        })?;
        rows.iter()
            .map(|(role, administration)| role_of(role, administration))
            .collect()
    }

    /// Roles of open agents, managers last and the newest first, at most `limit`: those after the place `after` where it is
    /// given.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_role_page(&self, after: Option<&RolePlace>, limit: u32) -> Result<Vec<GrantedRole>, StoreError> {
        let sql = "select r.agent_id, a.matrix_id, a.display_name, r.role, r.administration, r.granted_at,
                   g.matrix_id as granted_by, f.confirmed_at as factor_since
                   from roles r join agents a on a.id = r.agent_id left join agents g on g.id = r.granted_by
                   left join second_factors f on f.agent_id = r.agent_id
                   where a.closed_at is null and (r.role, r.granted_at, r.agent_id, r.administration) < ($1, $2, $3, $4)
                   order by r.role desc, r.granted_at desc, r.agent_id desc, r.administration desc limit $5";
        let first = || ("zz".to_owned(), i64::MAX, String::new(), String::new());
        let (role, granted_at, agent_id, administration) = after.cloned().unwrap_or_else(first);
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, GrantedRow>(sql)
                .bind(role)
                .bind(granted_at)
                .bind(agent_id)
                .bind(administration)
                .bind(i64::from(limit))
                .fetch_all(db)
                .await
        })?;
        rows.into_iter().map(GrantedRole::try_from).collect()
    }

    /// Every role of an open agent, managers last and the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_roles(&self) -> Result<Vec<GrantedRole>, StoreError> {
        self.list_role_page(None, u32::MAX).await
    }

    /// Whether another open agent than this one is an operator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_other_operator(&self, agent_id: &str) -> Result<bool, StoreError> {
        let sql = "select r.granted_at from roles r join agents a on a.id = r.agent_id
                   where r.role = 'operator' and r.agent_id <> $1 and a.closed_at is null limit 1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64,)>(sql).bind(agent_id).fetch_optional(db).await
        })?;
        Ok(row.is_some())
    }

    /// Gives an agent a role; `false` when the agent had it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_role(
        &self,
        agent_id: &str,
        role: &Role,
        granted_by: Option<&str>,
        now: i64,
    ) -> Result<bool, StoreError> {
        let (name, administration) = role.parts();
        let rows = on!(self.writes(), db => {
            sqlx::query(INSERT)
                .bind(agent_id)
                .bind(name)
                .bind(administration)
                .bind(now)
                .bind(granted_by)
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Takes a role away; `false` when the agent has it not, or is the last operator and `last_too` is not said.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_role(&self, agent_id: &str, role: &Role, last_too: bool) -> Result<bool, StoreError> {
        let sql = "delete from roles where agent_id = $1 and role = $2 and administration = $3
                   and (role <> 'operator' or $4 = 1 or exists (select 1 from roles r join agents a on a.id = r.agent_id
                        where r.role = 'operator' and r.agent_id <> $1 and a.closed_at is null))";
        let (name, administration) = role.parts();
        let rows = transaction!(self, tx => {
            // Of two operators who remove each other at once, one stays.
            sqlx::query(ONE_AT_A_TIME).execute(&mut *tx).await?;
            let delete = sqlx::query(sql).bind(agent_id).bind(name).bind(administration).bind(i64::from(last_too));
            delete.execute(&mut *tx).await?.rows_affected()
        });
        Ok(rows == 1)
    }

    /// Invites an account to a role. One invitation per account and role: a later one takes the place of the former.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_role_invitation(&self, invitation: &RoleInvitation) -> Result<(), StoreError> {
        let sql =
            "insert into role_invitations (id, matrix_id, role, administration, invited_at, invited_by, expires_at)
                   values ($1, $2, $3, $4, $5, $6, $7) on conflict (matrix_id, role, administration) do update
                   set id = excluded.id, invited_at = excluded.invited_at, invited_by = excluded.invited_by,
                   expires_at = excluded.expires_at";
        let (name, administration) = invitation.role.parts();
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&invitation.id)
                .bind(&invitation.matrix_id)
                .bind(name)
                .bind(administration)
                .bind(invitation.invited_at)
                .bind(&invitation.invited_by)
                .bind(invitation.expires_at)
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// The invitations that count at `now`, those that end first first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_role_invitations(&self, now: i64) -> Result<Vec<RoleInvitation>, StoreError> {
        self.list_role_invitation_page(now, None, u32::MAX).await
    }

    /// At most `limit` of them: those after the one of this end and id, if any is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_role_invitation_page(
        &self,
        now: i64,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<RoleInvitation>, StoreError> {
        let sql = "select id, matrix_id, role, administration, invited_at, invited_by, expires_at from role_invitations
                   where expires_at > $1 and (expires_at, id) > ($2, $3) order by expires_at, id limit $4";
        let (expires_at, id) = after.unwrap_or((now, ""));
        let rows = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, InvitationRow>(sql).bind(now).bind(expires_at).bind(id);
            query.bind(i64::from(limit)).fetch_all(db).await
        })?;
        rows.into_iter().map(RoleInvitation::try_from).collect()
    }

    /// The one of this id, if it counts at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_role_invitation(&self, id: &str, now: i64) -> Result<Option<RoleInvitation>, StoreError> {
        let sql = "select id, matrix_id, role, administration, invited_at, invited_by, expires_at from role_invitations
                   where id = $1 and expires_at > $2";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, InvitationRow>(sql).bind(id).bind(now).fetch_optional(db).await
        })?;
        row.map(RoleInvitation::try_from).transpose()
    }

    /// Those of an account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_role_invitations_of(&self, matrix_id: &str, now: i64) -> Result<Vec<RoleInvitation>, StoreError> {
        let sql = "select id, matrix_id, role, administration, invited_at, invited_by, expires_at from role_invitations
                   where matrix_id = $1 and expires_at > $2 order by invited_at, id";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, InvitationRow>(sql).bind(matrix_id).bind(now).fetch_all(db).await
        })?;
        rows.into_iter().map(RoleInvitation::try_from).collect()
    }

    /// Turns an invitation into a role of the agent who signed in; `false` when it was withdrawn, taken or has expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_role_invitation(
        &self,
        invitation: &RoleInvitation,
        agent_id: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        let take = "delete from role_invitations where id = $1 and expires_at > $2";
        let (name, administration) = invitation.role.parts();
        transaction!(self, tx => {
            let take = sqlx::query(take).bind(&invitation.id).bind(now);
            if take.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let insert = sqlx::query(INSERT).bind(agent_id).bind(name).bind(administration).bind(now);
            insert.bind(&invitation.invited_by).execute(&mut *tx).await?;
        });
        Ok(true)
    }

    /// Withdraws an invitation; `false` when there is none of this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_role_invitation(&self, id: &str) -> Result<bool, StoreError> {
        let sql = "delete from role_invitations where id = $1";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql).bind(id).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }
}

fn role_of(name: &str, administration: &str) -> Result<Role, StoreError> {
    Role::parse(name, administration).ok_or(StoreError::Corrupt("roles"))
}

impl TryFrom<GrantedRow> for GrantedRole {
    type Error = StoreError;

    fn try_from(row: GrantedRow) -> Result<Self, StoreError> {
        Ok(Self {
            role: role_of(&row.role, &row.administration)?,
            agent_id: row.agent_id,
            matrix_id: row.matrix_id,
            display_name: row.display_name,
            granted_at: row.granted_at,
            granted_by: row.granted_by,
            has_second_factor: row.factor_since.is_some(),
        })
    }
}

impl TryFrom<InvitationRow> for RoleInvitation {
    type Error = StoreError;

    fn try_from(row: InvitationRow) -> Result<Self, StoreError> {
        Ok(Self {
            role: role_of(&row.role, &row.administration)?,
            id: row.id,
            matrix_id: row.matrix_id,
            invited_at: row.invited_at,
            invited_by: row.invited_by,
            expires_at: row.expires_at,
        })
    }
}
