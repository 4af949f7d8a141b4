//! E-mail domains of no known administration, counted at sign-ins. Nothing is kept of who signed in.

use super::{Store, StoreError};

/// No more domains are counted at a time: whoever can make up addresses must not fill the database.
pub const MOST_UNKNOWN_DOMAINS: u32 = 1000;

/// A domain that no administration covers.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UnknownDomain {
    /// Lower case.
    pub domain: String,
    /// How many sign-ins since it was first seen.
    pub sign_ins: i64,
    /// Unix seconds.
    pub first_seen_at: i64,
    /// Unix seconds.
    pub last_seen_at: i64,
}

impl Store {
    /// Counts a sign-in with an address of this domain; nothing while [`MOST_UNKNOWN_DOMAINS`] others are counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_unknown_domain(&self, domain: &str, now: i64) -> Result<(), StoreError> {
        let sql = "insert into unknown_email_domains (domain, sign_ins, first_seen_at, last_seen_at)
                   select $1, 1, $2, $2
                   where (select count(*) from unknown_email_domains) < $3
                   or exists (select 1 from unknown_email_domains where domain = $1)
                   on conflict (domain) do update set
                   sign_ins = unknown_email_domains.sign_ins + 1, last_seen_at = excluded.last_seen_at";
        on!(self.writes(), db => {
            sqlx::query(sql)
                .bind(domain)
                .bind(now)
                .bind(i64::from(MOST_UNKNOWN_DOMAINS))
                .execute(db)
                .await
                .map(drop)
        })?;
        Ok(())
    }

    /// All that are counted, the most frequent first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_unknown_domains(&self) -> Result<Vec<UnknownDomain>, StoreError> {
        self.list_unknown_domain_page(None, MOST_UNKNOWN_DOMAINS).await
    }

    /// At most `limit` of them: those after the one of this count and domain, if any is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_unknown_domain_page(
        &self,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<UnknownDomain>, StoreError> {
        let sql = "select domain, sign_ins, first_seen_at, last_seen_at from unknown_email_domains
                   where (sign_ins, domain) < ($1, $2) order by sign_ins desc, domain desc limit $3";
        let (sign_ins, domain) = after.unwrap_or((i64::MAX, ""));
        Ok(on!(self.reads(), db => {
            let query = sqlx::query_as::<_, UnknownDomain>(sql).bind(sign_ins).bind(domain);
            query.bind(i64::from(limit)).fetch_all(db).await
        })?)
    }

    /// How many are counted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_unknown_domains(&self) -> Result<i64, StoreError> {
        let sql = "select count(*) from unknown_email_domains";
        Ok(on!(self.reads(), db => sqlx::query_as::<_, (i64,)>(sql).fetch_one(db).await)?.0)
    }

    /// Counts these no longer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_unknown_domains(&self, domains: &[String]) -> Result<(), StoreError> {
        let sql = "delete from unknown_email_domains where domain = $1";
        for domain in domains {
            on!(self.writes(), db => sqlx::query(sql).bind(domain).execute(db).await.map(drop))?;
        }
        Ok(())
    }
}
