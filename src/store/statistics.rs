//! How often agents signed in or were refused, by day.

use super::sessions::way_of;
use super::{Store, StoreError};
use crate::domain::homeserver::Way;
use crate::domain::statistics::{Counter, DayCount, Outcome, Scope};

impl Store {
    /// Adds to counters, all or none.
    ///
    /// # Errors
    /// When the database fails; it may then be that they were added (the answer to a commit was lost).
    pub async fn add_sign_in_counts(&self, counts: &[(Counter, i64)]) -> Result<(), StoreError> {
        let sql = "insert into sign_in_counts (day, client_id, administration, way, result, count)
                   values ($1, $2, $3, $4, $5, $6) on conflict (day, client_id, administration, way, result)
                   do update set count = sign_in_counts.count + excluded.count";
        let total = "insert into sign_in_totals (day, way, result, count) values ($1, $2, $3, $4)
                     on conflict (day, way, result) do update set count = sign_in_totals.count + excluded.count";
        transaction!(self, tx => {
            for (counter, count) in counts {
                sqlx::query(sql)
                    .bind(counter.day)
                    .bind(&counter.client_id)
                    .bind(&counter.administration)
                    .bind(way_name(counter.way))
                    .bind(counter.outcome.as_str())
                    .bind(count)
                    .execute(&mut *tx)
                    .await?;
            }
            for ((day, way, outcome), count) in totals(counts) {
                let query = sqlx::query(total).bind(day).bind(way_name(way)).bind(outcome.as_str()).bind(count);
                query.execute(&mut *tx).await?;
            }
        });
        Ok(())
    }

    /// What happened on the days from `from` up to, not including, `until`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sign_in_days(&self, scope: &Scope, from: i64, until: i64) -> Result<Vec<DayCount>, StoreError> {
        let all = "select day, way, result, count from sign_in_totals where day >= $1 and day < $2";
        let of_client = "select day, way, result, cast(sum(count) as bigint) from sign_in_counts
                         where day >= $1 and day < $2 and client_id = $3 group by day, way, result";
        let of_administration = "select day, way, result, cast(sum(count) as bigint) from sign_in_counts
                                 where day >= $1 and day < $2 and administration = $3 group by day, way, result";
        let (sql, value) = match scope {
            Scope::Everything => (all, None),
            Scope::Client(id) => (of_client, Some(id)),
            Scope::Administration(domain) => (of_administration, Some(domain)),
        };
        let rows = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, (i64, String, String, i64)>(sql).bind(from).bind(until);
            value.into_iter().fold(query, |query, value| query.bind(value)).fetch_all(db).await
        })?;
        // What a newer release counts besides is no concern of ours.
        let known = |(day, way, result, count): (i64, String, String, i64)| {
            Some(DayCount {
                day,
                way: way_of(&way),
                outcome: Outcome::parse(&result)?,
                count,
            })
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Sign-ins by client, the most first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sign_ins_by_client(
        &self,
        scope: &Scope,
        from: i64,
        until: i64,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let all = "select client_id, cast(sum(count) as bigint) as total from sign_in_counts
                   where day >= $1 and day < $2 and result = $3 group by client_id
                   order by total desc, client_id";
        let of_client = "select client_id, cast(sum(count) as bigint) as total from sign_in_counts
                         where day >= $1 and day < $2 and result = $3 and client_id = $4 group by client_id
                         order by total desc, client_id";
        let of_administration = "select client_id, cast(sum(count) as bigint) as total from sign_in_counts
                                 where day >= $1 and day < $2 and result = $3 and administration = $4 group by client_id
                                 order by total desc, client_id";
        self.sign_in_groups([all, of_client, of_administration], scope, from, until)
            .await
    }

    /// Sign-ins by administration (its domain, empty where it is not known), the most first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_sign_ins_by_administration(
        &self,
        scope: &Scope,
        from: i64,
        until: i64,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let all = "select administration, cast(sum(count) as bigint) as total from sign_in_counts
                   where day >= $1 and day < $2 and result = $3 group by administration
                   order by total desc, administration";
        let of_client = "select administration, cast(sum(count) as bigint) as total from sign_in_counts
                         where day >= $1 and day < $2 and result = $3 and client_id = $4 group by administration
                         order by total desc, administration";
        let of_administration = "select administration, cast(sum(count) as bigint) as total from sign_in_counts
                                 where day >= $1 and day < $2 and result = $3 and administration = $4
                                 group by administration order by total desc, administration";
        self.sign_in_groups([all, of_client, of_administration], scope, from, until)
            .await
    }

    async fn sign_in_groups(
        &self,
        [all, of_client, of_administration]: [&'static str; 3],
        scope: &Scope,
        from: i64,
        until: i64,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let (sql, value) = match scope {
            Scope::Everything => (all, None),
            Scope::Client(id) => (of_client, Some(id)),
            Scope::Administration(domain) => (of_administration, Some(domain)),
        };
        Ok(on!(self.reads(), db => {
            let query = sqlx::query_as::<_, (String, i64)>(sql).bind(from).bind(until);
            let query = query.bind(Outcome::SignedIn.as_str());
            value.into_iter().fold(query, |query, value| query.bind(value)).fetch_all(db).await
        })?)
    }

    /// Deletes the days before `day`, in batches; answers how many rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_sign_in_counts(&self, day: i64, batch: u32) -> Result<u64, StoreError> {
        let counts = "delete from sign_in_counts where (day, client_id, administration, way, result) in
                      (select day, client_id, administration, way, result from sign_in_counts where day < $1 limit $2)";
        let totals = "delete from sign_in_totals where (day, way, result) in
                      (select day, way, result from sign_in_totals where day < $1 limit $2)";
        let mut all = 0;
        for sql in [counts, totals] {
            loop {
                let rows = on!(self.writes(), db => {
                    sqlx::query(sql).bind(day).bind(i64::from(batch)).execute(db).await.map(|done| done.rows_affected())
                })?;
                all += rows;
                if rows < u64::from(batch) {
                    break;
                }
            }
        }
        Ok(all)
    }
}

fn way_name(way: Option<Way>) -> &'static str {
    way.map_or("", Way::as_str)
}

/// The same without client and administration.
fn totals(counts: &[(Counter, i64)]) -> std::collections::BTreeMap<(i64, Option<Way>, Outcome), i64> {
    let mut totals = std::collections::BTreeMap::new();
    for (counter, count) in counts {
        *totals.entry((counter.day, counter.way, counter.outcome)).or_default() += count;
    }
    totals
}
