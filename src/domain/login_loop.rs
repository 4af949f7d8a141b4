//! A login loop: sites that send the browser round and round without anybody doing anything. Either a service that asks
//! again as soon as it is answered, or a homeserver whose own login leads, by whatever way, back to us.

/// So many answers without a page within [`WINDOW`] seconds are nobody's doing. More than the tabs of a browser that is
/// opened again; far fewer than a loop makes.
const ANSWERS: u32 = 15;
/// Seconds.
pub const WINDOW: i64 = 20;
/// So many logins that a browser has left for a homeserver and not come back from, at a further request, are a loop.
pub const AWAY: i64 = 4;

/// How often one browser was answered without a page of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    count: u32,
    /// When the first of them was, Unix seconds.
    since: i64,
}

impl Turns {
    /// One more, after those that the browser brings (as [`Self::to_text`] wrote them; anything else counts for none).
    pub fn next(brought: Option<&str>, now: i64) -> Self {
        let earlier = brought.and_then(Self::parse);
        match earlier.filter(|turns| (0..WINDOW).contains(&now.saturating_sub(turns.since))) {
            Some(turns) => Self {
                count: turns.count.saturating_add(1),
                ..turns
            },
            None => Self { count: 1, since: now },
        }
    }

    /// Whether that is a loop.
    pub fn is_loop(self) -> bool {
        self.count > ANSWERS
    }

    /// For a cookie.
    pub fn to_text(self) -> String {
        format!("{}.{}", self.count, self.since)
    }

    fn parse(text: &str) -> Option<Self> {
        let (count, since) = text.split_once('.')?;
        Some(Self {
            count: count.parse().ok()?,
            since: since.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_turns_in_a_short_time_are_a_loop() {
        let mut text = None;
        for turn in 1..=ANSWERS + 1 {
            let turns = Turns::next(text.as_deref(), 1000 + i64::from(turn));
            assert_eq!(turns.is_loop(), turn > ANSWERS, "{turn}");
            text = Some(turns.to_text());
        }
        let later = Turns::next(text.as_deref(), 1001 + WINDOW);
        assert_eq!(later.to_text(), format!("1.{}", 1001 + WINDOW), "the window is over");
    }

    #[test]
    fn what_a_browser_makes_up_costs_nothing() {
        for text in [
            "",
            ".",
            "1",
            "x.1000",
            "99999999999999.1000",
            "-1.1000",
            "7.2000",
            "7.-9223372036854775808",
            "7.1000.0",
        ] {
            assert_eq!(Turns::next(Some(text), 1000).to_text(), "1.1000", "{text}");
        }
        assert!(!Turns::next(Some("4294967295.-5"), 1000).is_loop());
        assert!(Turns::next(Some("4294967295.1000"), 1000).is_loop(), "no overflow");
    }
}
