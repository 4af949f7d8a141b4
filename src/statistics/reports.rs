//! What is shown of days that are over, kept until the day ends: nothing in it changes, and at a thousand services it is dear to
//! add up (decision 68).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::domain::audit::{day_of, day_start};
use crate::domain::statistics::{PERIODS, Report, Scope};
use crate::store::{Store, StoreError};

/// Before so much of a day has passed, in seconds, replicas may still be writing counts of the day before.
const UNSETTLED: i64 = 600;
/// No more are kept, the ones of everything aside.
const MOST: usize = 32;

/// The reports of a day.
#[derive(Debug, Default)]
pub struct Reports(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The day on which they were made, and whether the one before was settled.
    made: (i64, bool),
    reports: HashMap<(Scope, i64), Arc<OnceCell<Arc<Report>>>>,
}

impl Reports {
    /// What is shown of so many `days` before that of `now`. Whoever asks while it is made waits for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, store: &Store, scope: &Scope, days: i64, now: i64) -> Result<Arc<Report>, StoreError> {
        let made = self.cell(scope, days, now);
        let report = made
            .get_or_try_init(async || make(store, scope, days, now).await.map(Arc::new))
            .await?;
        Ok(report.clone())
    }

    /// Makes those of everything, which take long, once a day and before anybody asks.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prepare(&self, store: &Store, now: i64) -> Result<(), StoreError> {
        if now - day_start(day_of(now)) >= UNSETTLED {
            for days in PERIODS {
                self.get(store, &Scope::Everything, days, now).await?;
            }
        }
        Ok(())
    }

    fn cell(&self, scope: &Scope, days: i64, now: i64) -> Arc<OnceCell<Arc<Report>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let today = day_of(now);
        let made = (today, now - day_start(today) >= UNSETTLED);
        if kept.made != made {
            *kept = Kept {
                made,
                reports: HashMap::new(),
            };
        }
        let key = (scope.clone(), days);
        if kept.reports.len() >= MOST && !kept.reports.contains_key(&key) {
            kept.reports.retain(|(scope, _), _| *scope == Scope::Everything);
        }
        kept.reports.entry(key).or_default().clone()
    }
}

async fn make(store: &Store, scope: &Scope, days: i64, now: i64) -> Result<Report, StoreError> {
    let (from, until) = (day_of(now) - days, day_of(now));
    let counts = store.list_sign_in_days(scope, from, until).await?;
    let clients = store.list_sign_ins_by_client(scope, from, until).await?;
    let administrations = store.list_sign_ins_by_administration(scope, from, until).await?;
    Ok(Report::of(from, until, &counts, clients, administrations))
}
