//! Administrations by e-mail domain, what they are found by, and imports that wait for a word.

use super::{Former, Store, StoreError, Versioned, from_json, to_json};
use crate::domain::administration::Administration;
use crate::domain::administration::import::Import;

const INSERT: &str = "insert into administrations (domain, document, indexed) values ($1, $2, 1)
                      on conflict (domain) do nothing";
const UPDATE: &str = "update administrations set document = $2, indexed = 1 where domain = $1 and document = $3";
const FORGET_TERMS: &str = "delete from administration_terms where domain = $1";
const INSERT_TERM: &str = "insert into administration_terms (term, domain) values ($1, $2) on conflict do nothing";

/// Writes the terms of an administration in a transaction.
macro_rules! write_terms {
    ($tx:ident, $administration:expr) => {
        sqlx::query(FORGET_TERMS)
            .bind(&$administration.domain)
            .execute(&mut *$tx)
            .await?;
        for term in $administration.terms() {
            sqlx::query(INSERT_TERM)
                .bind(&term)
                .bind(&$administration.domain)
                .execute(&mut *$tx)
                .await?;
        }
    };
}

impl Store {
    /// All administrations by domain.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_administrations(&self) -> Result<Vec<Administration>, StoreError> {
        let all = self.list_administration_versions().await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    /// The same with their versions.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_administration_versions(&self) -> Result<Vec<Versioned<Administration>>, StoreError> {
        let sql = "select document from administrations order by domain";
        let rows = on!(self.reads(), db => sqlx::query_as::<_, (String,)>(sql).fetch_all(db).await)?;
        rows.into_iter()
            .map(|row| Versioned::read(row.0, "administrations"))
            .collect()
    }

    /// At most `limit` administrations by domain: those after this one, and of a search those with a term that begins so
    /// (`domain::administration::term`).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_administration_page(
        &self,
        after: Option<&str>,
        term: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Administration>, StoreError> {
        let all = "select document from administrations where domain > $1 order by domain limit $2";
        let found = "select document from administrations where domain > $1 and domain in
                     (select domain from administration_terms where term >= $3 and term < $4) order by domain limit $2";
        let (after, limit) = (after.unwrap_or_default(), i64::from(limit));
        let rows = match term {
            None => on!(self.reads(), db => {
                sqlx::query_as::<_, (String,)>(all).bind(after).bind(limit).fetch_all(db).await
            }),
            // Terms are letters and digits: whatever goes on after this one comes before this.
            Some(term) => on!(self.reads(), db => {
                sqlx::query_as::<_, (String,)>(found)
                    .bind(after)
                    .bind(limit)
                    .bind(term)
                    .bind(format!("{term}zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"))
                    .fetch_all(db)
                    .await
            }),
        }?;
        rows.iter().map(|row| from_json(&row.0, "administrations")).collect()
    }

    /// The administration of an e-mail domain (lower case): the entry of the domain itself or of its nearest parent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_administration(&self, email_domain: &str) -> Result<Option<Administration>, StoreError> {
        let mut candidate = Some(email_domain);
        while let Some(domain) = candidate {
            if let Some(stored) = self.find_administration_version(domain).await? {
                return Ok(Some(stored.value));
            }
            candidate = domain.split_once('.').map(|(_, parent)| parent);
        }
        Ok(None)
    }

    /// The entry of this very domain.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_administration_version(
        &self,
        domain: &str,
    ) -> Result<Option<Versioned<Administration>>, StoreError> {
        let sql = "select document from administrations where domain = $1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(domain).fetch_optional(db).await
        })?;
        row.map(|row| Versioned::read(row.0, "administrations")).transpose()
    }

    /// Adds or changes administrations, all or none: `false` when what is there of any of them is not what is said.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn save_administrations(&self, entries: &[(&Administration, Former<'_>)]) -> Result<bool, StoreError> {
        transaction!(self, tx => {
            for (administration, former) in entries {
                let document = to_json(administration)?;
                let (sql, version) = match former {
                    Former::Absent => (INSERT, None),
                    Former::Version(version) => (UPDATE, Some(*version)),
                };
                let mut query = sqlx::query(sql).bind(&administration.domain).bind(document);
                if let Some(version) = version {
                    query = query.bind(version);
                }
                if query.execute(&mut *tx).await?.rows_affected() != 1 {
                    return Ok(false);
                }
                write_terms!(tx, administration);
            }
        });
        Ok(true)
    }

    /// Deletes an administration if it is still what this version says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_administration(&self, domain: &str, version: &str) -> Result<bool, StoreError> {
        let sql = "delete from administrations where domain = $1 and document = $2";
        let rows = on!(self.writes(), db => {
            sqlx::query(sql).bind(domain).bind(version).execute(db).await.map(|done| done.rows_affected())
        })?;
        Ok(rows == 1)
    }

    /// Makes the terms of administrations that have none, at most `limit`: a former release wrote them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn index_administrations(&self, limit: u32) -> Result<(), StoreError> {
        let sql = "select document from administrations where indexed = 0 order by domain limit $1";
        let rows = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(i64::from(limit)).fetch_all(db).await
        })?;
        let done = "update administrations set indexed = 1 where domain = $1 and document = $2";
        for (document,) in rows {
            let administration: Administration = from_json(&document, "administrations")?;
            transaction!(self, tx => {
                sqlx::query(done).bind(&administration.domain).bind(&document).execute(&mut *tx).await?;
                write_terms!(tx, administration);
            });
        }
        Ok(())
    }

    /// Keeps an import until `expires_at` (Unix seconds) for the agent who is shown it, instead of a former one of theirs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn upsert_administration_import(
        &self,
        agent_id: &str,
        id: &str,
        import: &Import,
        expires_at: i64,
    ) -> Result<(), StoreError> {
        let document = to_json(import)?;
        let sql = "insert into administration_imports (agent_id, id, document, expires_at) values ($1, $2, $3, $4)
                   on conflict (agent_id) do update set
                   id = excluded.id, document = excluded.document, expires_at = excluded.expires_at";
        on!(self.writes(), db => {
            sqlx::query(sql).bind(agent_id).bind(id).bind(&document).bind(expires_at).execute(db).await.map(drop)
        })?;
        Ok(())
    }

    /// The import of this id, if this agent was shown it and it has not expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_administration_import(
        &self,
        agent_id: &str,
        id: &str,
        now: i64,
    ) -> Result<Option<Import>, StoreError> {
        let sql = "select document from administration_imports where agent_id = $1 and id = $2 and expires_at > $3";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(agent_id).bind(id).bind(now).fetch_optional(db).await
        })?;
        row.map(|row| from_json(&row.0, "administration_imports")).transpose()
    }

    /// The same, once: it is gone afterwards.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consume_administration_import(
        &self,
        agent_id: &str,
        id: &str,
        now: i64,
    ) -> Result<Option<Import>, StoreError> {
        let sql = "delete from administration_imports where agent_id = $1 and id = $2 and expires_at > $3
                   returning document";
        let row = on!(self.writes(), db => {
            sqlx::query_as::<_, (String,)>(sql).bind(agent_id).bind(id).bind(now).fetch_optional(db).await
        })?;
        row.map(|row| from_json(&row.0, "administration_imports")).transpose()
    }
}
