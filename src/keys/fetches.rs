//! How often the key set is fetched since the newest keys were published: whether the world can know them. Counted here, and
//! reported to the database now and then, where the counts of all replicas come together.

use std::sync::{Mutex, PoisonError};

use super::Keys;
use crate::store::{Store, StoreError};

/// Fetches that are not reported yet, and since which keys.
#[derive(Debug, Default)]
pub(super) struct Fetches(Mutex<Count>);

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    published_at: i64,
    fetches: i64,
}

impl Fetches {
    /// One more. Those of older keys do not matter any more.
    fn add(&self, published_at: i64) {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if count.published_at != published_at {
            *count = Count {
                published_at,
                fetches: 0,
            };
        }
        count.fetches = count.fetches.saturating_add(1);
    }

    fn take(&self) -> Count {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = *count;
        count.fetches = 0;
        taken
    }

    fn put_back(&self, taken: Count) {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if count.published_at == taken.published_at {
            count.fetches = count.fetches.saturating_add(taken.fetches);
        }
    }
}

impl Keys {
    /// When the newest keys were published, Unix seconds; 0 while there are none.
    pub fn published_at(&self) -> i64 {
        self.current()
            .iter()
            .map(|key| key.created_at)
            .max()
            .unwrap_or_default()
    }

    /// Somebody fetched the key set.
    pub fn fetched(&self) {
        self.fetches.add(self.published_at());
    }

    /// Adds the fetches of late to those of all replicas.
    ///
    /// # Errors
    /// When the database fails; they are reported the next time.
    pub async fn report_fetches(&self, store: &Store) -> Result<(), StoreError> {
        let taken = self.fetches.take();
        if taken.fetches == 0 {
            return Ok(());
        }
        let reported = store.add_key_set_fetches(taken.published_at, taken.fetches).await;
        if reported.is_err() {
            self.fetches.put_back(taken);
        }
        reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_keys_begin_a_new_count_and_nothing_is_counted_twice() {
        let fetches = Fetches::default();
        (0..3).for_each(|_| fetches.add(100));
        let taken = fetches.take();
        assert_eq!((taken.published_at, taken.fetches), (100, 3));
        assert_eq!(fetches.take().fetches, 0);
        fetches.add(100);
        fetches.put_back(taken);
        assert_eq!(fetches.take().fetches, 4, "the database failed");
        fetches.add(100);
        fetches.add(200);
        fetches.put_back(taken);
        let taken = fetches.take();
        assert_eq!((taken.published_at, taken.fetches), (200, 1));
    }
}
