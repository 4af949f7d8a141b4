//! Clients that registered themselves (RFC 7591, RFC 7592) and the tokens that let them: what is kept besides the client.

/// A registration. Its client goes with it when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The client.
    pub client_id: String,
    /// SHA-256 of the registration access token.
    pub fingerprint: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds; every use moves it on.
    pub expires_at: i64,
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored.
    Registered,
    /// The initial access token was used up, revoked or has expired meanwhile.
    TokenSpent,
    /// There are as many as there may be.
    Full,
}

/// An initial access token (RFC 7591 §3), made by an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationToken {
    /// By which operators name it.
    pub id: String,
    /// SHA-256 of the token.
    pub fingerprint: String,
    /// Whom it is for.
    pub note: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
    /// How many registrations it is still good for.
    pub uses_left: i64,
}
