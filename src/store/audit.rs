//! The audit log. Rows are only ever added; whole days leave at the old end, and no statement here changes a row.

use sqlx::AssertSqlSafe;

use super::{Store, StoreError};
use crate::domain::audit::chain::{self, Ends};
use crate::domain::audit::{Action, Actor, Class, Entry, Event, Filter, Link, ObjectKind};

const INSERT: &str = "insert into audit_events
    (id, at, class, action, actor_kind, actor_id, object_kind, object_id, detail, day, number, hash)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (id) do nothing";
const COLUMNS: &str =
    "select id, at, class, action, actor_kind, actor_id, object_kind, object_id, detail, day, number, hash
    from audit_events";
/// Locks the one row, so that whoever appends next waits and then sees what was appended.
const HOLD: &str = "update audit_chain set number = number where id = 1 returning day, number, hash";
const MOVE: &str = "update audit_chain set day = $1, number = $2, hash = $3 where id = 1";

#[derive(sqlx::FromRow)]
struct EntryRow {
    id: String,
    at: i64,
    class: String,
    action: String,
    actor_kind: String,
    actor_id: String,
    object_kind: String,
    object_id: String,
    detail: String,
    day: Option<i64>,
    number: Option<i64>,
    hash: Option<String>,
}

/// An INSERT with everything bound.
macro_rules! insert {
    ($entry:expr) => {{
        let entry: &Entry = $entry;
        let link = entry.link.as_ref();
        sqlx::query(INSERT)
            .bind(&entry.id)
            .bind(entry.at)
            .bind(&entry.class)
            .bind(&entry.action)
            .bind(&entry.actor_kind)
            .bind(&entry.actor_id)
            .bind(&entry.object_kind)
            .bind(&entry.object_id)
            .bind(&entry.detail)
            .bind(link.map(|link| link.day))
            .bind(link.map(|link| link.number))
            .bind(link.map(|link| &link.hash))
    }};
}

/// Appends an act to the chain within a transaction, and answers it at its place.
macro_rules! append {
    ($tx:ident, $now:expr, $event:expr) => {{
        let (day, number, hash) = sqlx::query_as::<_, (i64, i64, String)>(HOLD)
            .fetch_one(&mut *$tx)
            .await?;
        let entry = Entry::new(String::new(), $now, $event);
        let entry = chain::next(entry, &Link { day, number, hash });
        if insert!(&entry).execute(&mut *$tx).await?.rows_affected() == 0 {
            return Err(StoreError::Corrupt("audit_chain"));
        }
        if let Some(link) = &entry.link {
            let moved = sqlx::query(MOVE).bind(link.day).bind(link.number).bind(&link.hash);
            moved.execute(&mut *$tx).await?;
        }
        entry
    }};
}

impl Store {
    /// Appends an administrative act at `now`, and answers it as it stands in the log. Replicas take turns.
    ///
    /// # Errors
    /// When the database fails; then nothing was appended.
    pub async fn append_audit_act(&self, now: i64, event: &Event) -> Result<Entry, StoreError> {
        Ok(transaction!(self, tx => { append!(tx, now, event) }))
    }

    /// Adds a security event; `false` when one of this id is there already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn insert_audit_event(&self, entry: &Entry) -> Result<bool, StoreError> {
        let rows = on!(self.writes(), db => insert!(entry).execute(db).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Events, newest first, at most `limit`: those before the one of this time and id, if any is named.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_audit_events(
        &self,
        filter: &Filter,
        before: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        // Only what is asked for stands in the text, so that each combination finds its index; values are bound.
        let mut sql = COLUMNS.to_owned() + " where at >= $1 and (at, id) < ($2, $3)";
        let mut texts = Vec::new();
        let mut equal = |column: &str, value: &str| {
            texts.push(value.to_owned());
            sql.push_str(&format!(" and {column} = ${}", texts.len() + 3));
        };
        match (filter.class, filter.action) {
            (Some(class), Some(action)) if action.class() != class => return Ok(Vec::new()),
            (_, Some(action)) => equal("action", action.as_str()),
            (Some(class), None) => equal("class", class.as_str()),
            (None, None) => {}
        }
        if let Some(actor) = &filter.actor {
            equal("actor_kind", actor.kind());
            equal("actor_id", actor.id());
        }
        if let Some((kind, id)) = &filter.object {
            equal("object_kind", kind.as_str());
            equal("object_id", id);
        }
        sql.push_str(&format!(" order by at desc, id desc limit {limit}"));
        let until = (filter.until.unwrap_or(i64::MAX), "");
        let (at, id) = before.map_or(until, |before| before.min(until));
        let from = filter.from.unwrap_or(i64::MIN);
        let rows = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, EntryRow>(AssertSqlSafe(sql)).bind(from).bind(at).bind(id);
            texts.iter().fold(query, |query, text| query.bind(text)).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(Entry::from).collect())
    }

    /// Acts of the chain after a place, in its order, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_audit_acts(&self, after: (i64, i64), limit: u32) -> Result<Vec<Entry>, StoreError> {
        let sql = COLUMNS.to_owned() + " where (day, number) > ($1, $2) order by day, number limit $3";
        let rows = on!(self.reads(), db => {
            let query = sqlx::query_as::<_, EntryRow>(AssertSqlSafe(sql)).bind(after.0).bind(after.1);
            query.bind(i64::from(limit)).fetch_all(db).await
        })?;
        Ok(rows.into_iter().map(Entry::from).collect())
    }

    /// Where the chain begins and ends.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_audit_ends(&self) -> Result<Option<Ends>, StoreError> {
        let sql = "select day, number, hash, purged_day, purged_hash from audit_chain where id = 1";
        let row = on!(self.reads(), db => {
            sqlx::query_as::<_, (i64, i64, String, i64, String)>(sql).fetch_optional(db).await
        })?;
        Ok(row.map(|(day, number, hash, purged_day, purged_hash)| Ends {
            head: Link { day, number, hash },
            purged_day,
            purged_hash,
        }))
    }

    /// Takes the days before `day` out of the chain, by an act of the chain itself, which is answered; `None` when there are
    /// none. Their rows wait for [`Store::delete_audit_events`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn purge_audit_acts(&self, day: i64, now: i64) -> Result<Option<Entry>, StoreError> {
        let last = "select day, hash from audit_events where day < $1 and day > (select purged_day from audit_chain)
                    order by day desc, number desc limit 1";
        let purge = "update audit_chain set purged_day = $1, purged_hash = $2 where id = 1";
        // Looked at without the lock first: there is nothing to do but once a day.
        let any = on!(self.reads(), db => sqlx::query_as::<_, (i64, String)>(last).bind(day).fetch_optional(db).await)?;
        if any.is_none() {
            return Ok(None);
        }
        Ok(transaction!(self, tx => {
            sqlx::query(HOLD).execute(&mut *tx).await?;
            let found = sqlx::query_as::<_, (i64, String)>(last).bind(day).fetch_optional(&mut *tx).await?;
            let Some((last_day, hash)) = found else { return Ok(None) };
            let event = Event {
                actor: Actor::System,
                action: Action::AuditPurged,
                object: (ObjectKind::Audit, String::new()),
                detail: chain::purge_detail(last_day, &hash),
            };
            let entry = append!(tx, now, &event);
            sqlx::query(purge).bind(last_day).bind(&hash).execute(&mut *tx).await?;
            Some(entry)
        }))
    }

    /// Deletes acts of the days that were taken out of the chain, and security events before `security_until` (Unix seconds),
    /// in batches; answers how many rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_audit_events(&self, security_until: i64, batch: u32) -> Result<u64, StoreError> {
        let acts = "delete from audit_events where id in (select id from audit_events
                    where day <= (select purged_day from audit_chain) order by day limit $1)";
        let security = "delete from audit_events where id in
                        (select id from audit_events where class = $1 and at < $2 order by at limit $3)";
        let batch = i64::from(batch);
        let mut total = 0;
        loop {
            let acts = on!(self.writes(), db => {
                sqlx::query(acts).bind(batch).execute(db).await.map(|done| done.rows_affected())
            })?;
            let security = on!(self.writes(), db => {
                let query = sqlx::query(security).bind(Class::Security.as_str()).bind(security_until).bind(batch);
                query.execute(db).await.map(|done| done.rows_affected())
            })?;
            total += acts + security;
            if acts.max(security) < batch.unsigned_abs() {
                return Ok(total);
            }
        }
    }
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        let link = match (row.day, row.number, row.hash) {
            (Some(day), Some(number), Some(hash)) => Some(Link { day, number, hash }),
            _ => None,
        };
        Self {
            id: row.id,
            at: row.at,
            class: row.class,
            action: row.action,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            object_kind: row.object_kind,
            object_id: row.object_id,
            detail: row.detail,
            link,
        }
    }
}
