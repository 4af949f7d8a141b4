//! The second factor of operators and support: one-time passwords by time (RFC 6238), six digits every 30 seconds.

use totp_rs::{Builder, Secret, Totp, TotpError};

use super::throttle::Limit;

/// The length of a secret, in bytes (RFC 4226 §4: at least 16, better 20).
pub const SECRET_BYTES: usize = 20;
/// Seconds that a code is shown for (RFC 6238 §5.2).
const STEP: u64 = 30;
/// How many steps the clock of a telephone may be off.
const SKEW: u16 = 1;

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

/// A secret, with the names under which an application keeps it.
pub struct Authenticator(Totp);

impl Authenticator {
    /// That of a secret. `service` and `account` are shown by the application.
    ///
    /// # Errors
    /// When the secret is too short.
    pub fn new(secret: Vec<u8>, service: &str, account: &str) -> Result<Self, TotpError> {
        // A colon parts the two names in the address.
        let plain = |text: &str| text.trim_start_matches('@').replace(':', " ");
        let builder = Builder::new()
            .with_secret(Secret::from(secret))
            .with_skew(SKEW)
            .with_step_duration(STEP)
            .with_issuer(Some(plain(service)))
            .with_account_name(plain(account));
        builder.build().map(Self)
    }

    /// The time step whose code this is, of those that are near enough to `now`. Whether the step was taken before is for the
    /// caller to ask (RFC 6238 §5.2).
    pub fn step(&self, code: &str, now: i64) -> Option<i64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let step = self.0.check(&digits, u64::try_from(now).ok()?)?;
        i64::try_from(step).ok()
    }

    /// The secret in base32, to be typed.
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The `otpauth:` address that applications read.
    ///
    /// # Errors
    /// When there is no name for the account.
    pub fn url(&self) -> Result<String, TotpError> {
        self.0.to_url()
    }
}

/// A one-time code for enrolment as it was typed: without what makes it easier to read.
pub fn enrolment_code(typed: &str) -> String {
    typed
        .chars()
        .filter(char::is_ascii_hexdigit)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authenticator() -> Authenticator {
        Authenticator::new(
            b"12345678901234567890".to_vec(),
            "Tchap: Connect",
            "@jean.dupont:server.fr",
        )
        .unwrap()
    }

    /// RFC 6238 appendix B, SHA-1, the last six of the eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (now, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(authenticator().step(code, now), Some(now / 30), "{now}");
        }
    }

    #[test]
    fn a_code_counts_one_step_early_and_late_and_nothing_else_does() {
        let step = |code: &str, now| authenticator().step(code, now);
        assert_eq!((step("287082", 29), step("287082", 89)), (Some(1), Some(1)));
        assert_eq!(
            (step("287082", -1), step("287082", 90), step("287082", 120)),
            (None, None, None)
        );
        assert_eq!(step(" 287 082 ", 59), Some(1));
        for wrong in [
            "",
            "0",
            "28708",
            "2870822",
            "287083",
            "-87082",
            "٢٨٧٠٨٢",
            "287082\0",
            "+28708",
        ] {
            assert_eq!(step(wrong, 59), None, "{wrong}");
        }
    }

    #[test]
    fn an_application_is_given_the_secret_and_two_names() {
        assert_eq!(authenticator().secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            authenticator().url().unwrap(),
            "otpauth://totp/Tchap%20%20Connect:jean.dupont%20server.fr?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tchap%20%20Connect"
        );
        assert!(Authenticator::new(vec![0; 8], "a", "b").is_err());
        assert_eq!(enrolment_code(" AB12-cd34 zz"), "ab12cd34");
    }

    #[test]
    fn what_was_given_counts_while_there_is_a_factor_and_is_fresh_for_five_minutes() {
        let given = |is_enrolled, given_at| SecondFactor { is_enrolled, given_at };
        assert!(!given(true, None).is_given() && !given(true, None).is_fresh(0));
        assert!(!given(false, Some(0)).is_given() && !given(false, Some(0)).is_fresh(0));
        assert!(given(true, Some(0)).is_given());
        assert!(given(true, Some(0)).is_fresh(300) && !given(true, Some(0)).is_fresh(301));
    }
}
