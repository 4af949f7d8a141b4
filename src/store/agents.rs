//! Agents, and the subjects by which clients know them. A closed agent stays for ever: its subjects are never given to
//! anybody else.

use super::{Store, StoreError};
use crate::domain::agent::{Agent, AgentEmail, IssuerSubject, Pause};

/// The columns of an [`AgentRow`].
macro_rules! agent_columns {
    () => {
        "id, homeserver, matrix_id, display_name, email_address, email_added_at, last_believed_address,
         last_believed_added_at, upstream_issuer, upstream_subject, locale, created_at, updated_at, closed_at, paused,
         checked_at"
    };
}
pub(super) use agent_columns;

#[derive(sqlx::FromRow)]
pub(super) struct AgentRow {
    id: String,
    homeserver: String,
    matrix_id: String,
    display_name: Option<String>,
    email_address: Option<String>,
    email_added_at: Option<i64>,
    last_believed_address: Option<String>,
    last_believed_added_at: Option<i64>,
    upstream_issuer: Option<String>,
    upstream_subject: Option<String>,
    locale: Option<String>,
    created_at: i64,
    updated_at: i64,
    closed_at: Option<i64>,
    paused: Option<String>,
    checked_at: Option<i64>,
}

impl Store {
    /// The agent of this id, open or closed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_agent(&self, id: &str) -> Result<Option<Agent>, StoreError> {
        let sql = concat!("select ", agent_columns!(), " from agents where id = $1");
        let row = on!(self.reads(), db => sqlx::query_as::<_, AgentRow>(sql).bind(id).fetch_optional(db).await)?;
        Ok(row.map(Agent::from))
    }

    /// The open agent of an account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_open_agent(&self, homeserver: &str, matrix_id: &str) -> Result<Option<Agent>, StoreError> {
        let sql = concat!(
            "select ",
            agent_columns!(),
            " from agents where homeserver = $1 and matrix_id = $2 and closed_at is null"
        );
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, AgentRow>(sql).bind(homeserver).bind(matrix_id).fetch_optional(db).await
        })?;
        Ok(row.map(Agent::from))
    }

    /// The open agent of an account that its authentication service knows by this subject, as far as its last login told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_open_agent_at_issuer(
        &self,
        homeserver: &str,
        at: &IssuerSubject,
    ) -> Result<Option<Agent>, StoreError> {
        let sql = concat!(
            "select ",
            agent_columns!(),
            " from agents where homeserver = $1 and upstream_subject = $2 and upstream_issuer = $3
              and closed_at is null"
        );
        let row = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, AgentRow>(sql).bind(homeserver).bind(&at.subject).bind(&at.issuer);
            query.fetch_optional(db).await
        })?;
        Ok(row.map(Agent::from))
    }

    /// Adds an open agent and answers the account's open agent: another one when a racing sign-in was first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_agent(&self, agent: &Agent) -> Result<Agent, StoreError> {
        let sql = concat!(
            "insert into agents (id, homeserver, matrix_id, display_name, email_address, email_added_at,
                   last_believed_address, last_believed_added_at, locale, created_at, updated_at, upstream_issuer,
                   upstream_subject) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                   on conflict (homeserver, matrix_id) where closed_at is null do update set id = agents.id
                   returning ",
            agent_columns!()
        );
        let (email, last_believed) = (agent.email.as_ref(), agent.last_believed.as_ref());
        let at_issuer = agent.at_issuer.as_ref();
        let row = on!(self.writes(), db => {
            sqlx::query_as::<_, AgentRow>(sql)
                .bind(&agent.id)
                .bind(&agent.homeserver)
                .bind(&agent.matrix_id)
                .bind(&agent.display_name)
                .bind(email.map(|email| email.address.as_str()))
                .bind(email.map(|email| email.added_at))
                .bind(last_believed.map(|email| email.address.as_str()))
                .bind(last_believed.map(|email| email.added_at))
                .bind(&agent.locale)
                .bind(agent.created_at)
                .bind(agent.updated_at)
                .bind(at_issuer.map(|at| at.issuer.as_str()))
                .bind(at_issuer.map(|at| at.subject.as_str()))
                .fetch_one(db)
                .await
        })?;
        Ok(row.into())
    }

    /// Writes an agent's facts: display name, e-mails, account at its issuer, locale, `updated_at`. Never opens or closes one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_agent(&self, agent: &Agent) -> Result<(), StoreError> {
        let sql = "update agents set display_name = $2, email_address = $3, email_added_at = $4,
                   last_believed_address = $5, last_believed_added_at = $6, locale = $7, updated_at = $8,
                   upstream_issuer = $9, upstream_subject = $10 where id = $1";
        let (email, last_believed) = (agent.email.as_ref(), agent.last_believed.as_ref());
        let at_issuer = agent.at_issuer.as_ref();
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(&agent.id)
                .bind(&agent.display_name)
                .bind(email.map(|email| email.address.as_str()))
                .bind(email.map(|email| email.added_at))
                .bind(last_believed.map(|email| email.address.as_str()))
                .bind(last_believed.map(|email| email.added_at))
                .bind(&agent.locale)
                .bind(agent.updated_at)
                .bind(at_issuer.map(|at| at.issuer.as_str()))
                .bind(at_issuer.map(|at| at.subject.as_str()))
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// The subjects of an agent by sector.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_subjects(&self, agent_id: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "select sector, subject from subjects where agent_id = $1 order by sector";
        Ok(on!(self.reads(), db => {
            sqlx::query_as::<_, (String, String)>(sql).bind(agent_id).fetch_all(db).await
        })?)
    }

    /// The subject of an agent in a sector: the stored one, or `candidate` (random), which then is stored for ever.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn subject(&self, agent_id: &str, sector: &str, candidate: &str) -> Result<String, StoreError> {
        let find = "select subject from subjects where agent_id = $1 and sector = $2";
        let found = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(find).bind(agent_id).bind(sector).fetch_optional(db).await
        })?;
        if let Some(row) = found {
            return Ok(row.0);
        }
        let insert = "insert into subjects (agent_id, sector, subject) values ($1, $2, $3)
                      on conflict (agent_id, sector) do update set subject = subjects.subject returning subject";
        let row = on!(self.writes(), db => {
            sqlx::query_as::<_, (String,)>(insert).bind(agent_id).bind(sector).bind(candidate).fetch_one(db).await
        })?;
        Ok(row.0)
    }
}

impl From<AgentRow> for Agent {
    fn from(row: AgentRow) -> Self {
        let email = |address: Option<String>, added_at: Option<i64>| {
            let (address, added_at) = address.zip(added_at)?;
            Some(AgentEmail { address, added_at })
        };
        Self {
            id: row.id,
            homeserver: row.homeserver,
            matrix_id: row.matrix_id,
            display_name: row.display_name,
            email: email(row.email_address, row.email_added_at),
            last_believed: email(row.last_believed_address, row.last_believed_added_at),
            at_issuer: IssuerSubject::from_stored(row.upstream_issuer, row.upstream_subject),
            locale: row.locale,
            created_at: row.created_at,
            updated_at: row.updated_at,
            closed_at: row.closed_at,
            paused: row.paused.as_deref().map(Pause::from_stored),
            checked_at: row.checked_at,
        }
    }
}
