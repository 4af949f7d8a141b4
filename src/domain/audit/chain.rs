//! The chain of administrative acts: each hash stands for its act and for the hash before it, within a day and from day to
//! day. Deleting the oldest whole days is an act of the chain itself, which names the hash that the days after them follow from.

use super::{Entry, Link, day_name, day_of};
use crate::secret::fingerprint;

/// No more findings than this are told: the first ones matter.
const MAX_FINDINGS: usize = 100;

/// Where the chain begins and ends, as stored beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The newest act; day and number 0 where there was none yet.
    pub head: Link,
    /// The last of the days that were deleted; 0 where none was.
    pub purged_day: i64,
    /// The last hash of that day.
    pub purged_hash: String,
}

/// The hash of an act at its place: SHA-256 over one line of JSON, as base64url.
pub fn hash(entry: &Entry, day: i64, number: i64, previous: &str) -> String {
    let texts: [&str; 9] = [
        &entry.id,
        &entry.class,
        &entry.action,
        &entry.actor_kind,
        &entry.actor_id,
        &entry.object_kind,
        &entry.object_id,
        &entry.detail,
        previous,
    ];
    let texts = texts.map(|text| serde_json::Value::from(text).to_string()).join(",");
    fingerprint(&format!("[{day},{number},{},{texts}]", entry.at))
}

/// A new act after `head`, with its id and its place. The day never goes back, not even where clocks differ by a little.
pub fn next(mut entry: Entry, head: &Link) -> Entry {
    let day = day_of(entry.at).max(head.day);
    let number = if day == head.day { head.number + 1 } else { 1 };
    // In the order of the acts, which the pages of the journal keep within a second.
    entry.id = format!("{day:06}.{number:08}");
    let hash = hash(&entry, day, number, &head.hash);
    entry.link = Some(Link { day, number, hash });
    entry
}

/// What is wrong with the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// This act does not follow from the one before it: one of the two was changed, moved or put in, or what stood between
    /// them was removed.
    Broken {
        /// Its day.
        day: i64,
        /// Its number.
        number: i64,
    },
    /// Acts of a day were removed.
    Missing {
        /// The day.
        day: i64,
        /// The first that is gone.
        from: i64,
        /// The last that is gone.
        to: i64,
    },
    /// The newest act is not the one that was written last.
    WrongEnd {
        /// The day of the one that was.
        day: i64,
        /// Its number.
        number: i64,
    },
    /// Days were taken from the beginning, and no act of the chain says so.
    WrongBeginning {
        /// Up to this one.
        day: i64,
    },
    /// An act that the auditor knows of is another, or gone.
    Unlike {
        /// Its day.
        day: i64,
        /// Its number.
        number: i64,
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken { day, number } => write!(
                f,
                "{}/{number} does not follow from what stands before it: one of the two was changed, moved or put in \
                 afterwards, or what stood between them was removed",
                day_name(*day)
            ),
            Self::Missing { day, from, to } => write!(f, "{}/{from} to /{to} were removed", day_name(*day)),
            Self::WrongEnd { day, number } => write!(
                f,
                "{}/{number} was written last, and is not the newest: it or what stood before it was removed or changed",
                day_name(*day)
            ),
            Self::WrongBeginning { day } => write!(
                f,
                "the days up to {} are gone, and no act of the log says that they were deleted like this",
                day_name(*day)
            ),
            Self::Unlike { day, number } => {
                write!(
                    f,
                    "{}/{number} is not the act that is known from elsewhere",
                    day_name(*day)
                )
            }
        }
    }
}

/// What a walk along the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Each day with acts, with its last number and hash.
    pub days: Vec<Link>,
    /// Acts in all.
    pub acts: u64,
    /// What is wrong, at most the first hundred.
    pub findings: Vec<Finding>,
}

/// Walks along the chain.
#[derive(Debug)]
pub struct Walk {
    ends: Ends,
    known: Vec<Link>,
    last: Link,
    purge: Option<(String, String)>,
    report: Report,
}

impl Walk {
    /// From the first day that was not deleted. `known`: places with hashes that the auditor has from elsewhere.
    pub fn new(ends: Ends, known: Vec<Link>) -> Self {
        let last = Link {
            day: ends.purged_day,
            number: 0,
            hash: ends.purged_hash.clone(),
        };
        Self {
            ends,
            known,
            last,
            purge: None,
            report: Report {
                days: Vec::new(),
                acts: 0,
                findings: Vec::new(),
            },
        }
    }

    /// The next act, by day and number.
    pub fn step(&mut self, entry: &Entry) {
        let Some(link) = &entry.link else { return };
        let expected = if link.day == self.last.day {
            self.last.number + 1
        } else {
            1
        };
        if link.number > expected {
            self.find(Finding::Missing {
                day: link.day,
                from: expected,
                to: link.number - 1,
            });
        } else if hash(entry, link.day, link.number, &self.last.hash) != link.hash {
            self.find(Finding::Broken {
                day: link.day,
                number: link.number,
            });
        }
        let is_known = |known: &Link| (known.day, known.number) == (link.day, link.number);
        if let Some(at) = self.known.iter().position(is_known) {
            let known = self.known.swap_remove(at);
            if known.hash != link.hash {
                self.find(Finding::Unlike {
                    day: known.day,
                    number: known.number,
                });
            }
        }
        if entry.action == super::Action::AuditPurged.as_str() {
            self.purge = purge_of(&entry.detail);
        }
        match self.report.days.last_mut().filter(|day| day.day == link.day) {
            Some(day) => *day = link.clone(),
            None => self.report.days.push(link.clone()),
        }
        self.report.acts += 1;
        self.last = link.clone();
    }

    /// After the last act, when `head` was written last.
    pub fn finish(mut self, head: &Link) -> Report {
        let (purged_day, purged_hash) = (self.ends.purged_day, self.ends.purged_hash.clone());
        // The last purge is never among the days that it deletes.
        let purge = (purged_day > 0).then(|| (day_name(purged_day), purged_hash));
        if purge != self.purge {
            self.find(Finding::WrongBeginning { day: purged_day });
        }
        if self.last != *head {
            self.find(Finding::WrongEnd {
                day: head.day,
                number: head.number,
            });
        }
        for known in std::mem::take(&mut self.known) {
            // Of days that were deleted nothing can be said any more.
            if known.day > purged_day {
                self.find(Finding::Unlike {
                    day: known.day,
                    number: known.number,
                });
            }
        }
        self.report
    }

    fn find(&mut self, finding: Finding) {
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(finding);
        }
    }
}

/// The detail of the act by which days up to `day` are deleted, the last of them with this hash.
pub fn purge_detail(day: i64, hash: &str) -> serde_json::Value {
    serde_json::json!({"through": day_name(day), "hash": hash})
}

fn purge_of(detail: &str) -> Option<(String, String)> {
    let detail: serde_json::Value = serde_json::from_str(detail).ok()?;
    let text = |name: &str| detail[name].as_str().map(str::to_owned);
    Some((text("through")?, text("hash")?))
}

#[cfg(test)]
mod tests;
