//! The second factor of operators and support: one-time passwords by time (RFC 6238), six digits every 30 seconds.

use super::throttle::Limit;

/// How long a sensitive act may come after the second factor, in seconds.
pub const FRESH: i64 = 300;

/// How long an invitation to a role and a one-time code for enrolment live, in seconds.
pub const INVITED_FOR: i64 = 24 * 3600;

/// What is known of an agent's second factor in a browser session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondFactor {
    /// Whether the agent has one.
    pub is_enrolled: bool,
    /// When it was last given in this session, Unix seconds.
    pub given_at: Option<i64>,
}

impl SecondFactor {
    /// Whether it was given in this session.
    pub fn is_given(self) -> bool {
        self.is_enrolled && self.given_at.is_some()
    }

    /// Whether it was given a short time ago.
    pub fn is_fresh(self, now: i64) -> bool {
        self.is_enrolled && self.given_at.is_some_and(|at| now - at <= FRESH)
    }
}

/// The bucket of an agent's wrong codes: six digits are few.
pub fn bucket(agent_id: &str) -> String {
    format!("second-factor/{agent_id}")
}

/// How many wrong codes are let through.
pub fn limit() -> Limit {
    Limit::per_half_hour(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_counts_while_there_is_a_factor_and_is_fresh_for_five_minutes() {
        let given = |is_enrolled, given_at| SecondFactor { is_enrolled, given_at };
        assert!(!given(true, None).is_given() && !given(true, None).is_fresh(0));
        assert!(!given(false, Some(0)).is_given() && !given(false, Some(0)).is_fresh(0));
        assert!(given(true, Some(0)).is_given());
        assert!(given(true, Some(0)).is_fresh(300) && !given(true, Some(0)).is_fresh(301));
    }
}
