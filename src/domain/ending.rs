//! Ending sessions and tokens in an emergency: of what, and how many there are.

/// Whose sessions and tokens end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Of everybody with this client (`client_id`), and its own tokens.
    Client(String),
    /// Of the agents whose e-mail domain is or is under this one.
    Administration(String),
    /// Of the agents of this homeserver (server name).
    Homeserver(String),
}

impl Target {
    /// The kind as it stands in forms, and what is to be typed to confirm.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Client(id) => ("client", id),
            Self::Administration(domain) => ("administration", domain),
            Self::Homeserver(name) => ("homeserver", name),
        }
    }

    /// The one of these parts.
    pub fn parse(kind: &str, name: &str) -> Option<Self> {
        let name = name.to_owned();
        match kind {
            "client" => Some(Self::Client(name)),
            "administration" => Some(Self::Administration(name)),
            "homeserver" => Some(Self::Homeserver(name)),
            _ => None,
        }
    }
}

/// How many there are, or were ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Toll {
    /// Browser sessions; of a client: those it took part in.
    pub sessions: usize,
    /// What tokens hang on.
    pub authorizations: usize,
}

impl std::ops::AddAssign for Toll {
    fn add_assign(&mut self, more: Self) {
        self.sessions += more.sessions;
        self.authorizations += more.authorizations;
    }
}
