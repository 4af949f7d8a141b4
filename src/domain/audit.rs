//! The audit log: who did what to which thing. Administrative acts hang together in a chain of hashes, so that one that is
//! changed, removed, moved or put in afterwards shows (`chain`); security events stand alone. Both are only ever added.

mod actions;
pub mod chain;

use serde_json::Value;

pub use actions::{Action, ObjectKind};

/// How an event is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Somebody changed what the provider is or does: chained.
    Administrative,
    /// Something happened that whoever watches over security wants to know.
    Security,
}

impl Class {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Administrative, Self::Security];

    /// As stored and exported.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrative => "administrative",
            Self::Security => "security",
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Actor {
    /// An agent, by our internal id.
    Agent(String),
    /// An agent by way of a program, by our internal id and the `client_id` of their access to the API.
    AgentByApi(String, String),
    /// A client, by its `client_id`.
    Client(String),
    /// Whoever may use the command line on the machine.
    CommandLine,
    /// The program by itself.
    System,
}

impl Actor {
    /// The kinds, as stored and exported.
    pub const KINDS: [&'static str; 4] = ["agent", "client", "command_line", "system"];

    /// As stored and exported.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Agent(_) | Self::AgentByApi(..) => "agent",
            Self::Client(_) => "client",
            Self::CommandLine => "command_line",
            Self::System => "system",
        }
    }

    /// Which one of its kind; empty where there is but one.
    pub fn id(&self) -> &str {
        match self {
            Self::Agent(id) | Self::AgentByApi(id, _) | Self::Client(id) => id,
            Self::CommandLine | Self::System => "",
        }
    }
}

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who did it.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// To which thing, by the id that it has for us: for clients the `client_id`, for administrations the domain.
    pub object: (ObjectKind, String),
    /// What else matters. Never a secret, an e-mail address or a claim.
    pub detail: Value,
}

impl Event {
    /// What `actor` does to the thing of this kind and id.
    pub fn new(actor: Actor, action: Action, (kind, id): (ObjectKind, &str), detail: Value) -> Self {
        let object = (kind, id.to_owned());
        Self {
            actor,
            action,
            object,
            detail,
        }
    }

    /// What else matters, with the access to the API that it was done by.
    fn told(&self) -> Value {
        let mut told = self.detail.clone();
        if let Actor::AgentByApi(_, access) = &self.actor {
            match &mut told {
                Value::Object(members) => {
                    members.insert("api_access".to_owned(), access.clone().into());
                }
                other => *other = serde_json::json!({"api_access": access, "detail": other}),
            }
        }
        told
    }
}

/// The place of an act in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Days since 1970-01-01, UTC.
    pub day: i64,
    /// Within the day, from 1.
    pub number: i64,
    /// For this act and all before it.
    pub hash: String,
}

impl Link {
    /// Day and number, as people read and write them: `2026-11-24/7`.
    pub fn place(&self) -> String {
        format!("{}/{}", day_name(self.day), self.number)
    }
}

/// An event as it stands in the log. Words rather than enums: a newer release may have written it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Unique.
    pub id: String,
    /// Unix seconds.
    pub at: i64,
    /// [`Class`].
    pub class: String,
    /// [`Action`].
    pub action: String,
    /// [`Actor::kind`].
    pub actor_kind: String,
    /// [`Actor::id`].
    pub actor_id: String,
    /// [`ObjectKind`].
    pub object_kind: String,
    /// Which one.
    pub object_id: String,
    /// JSON, as it was hashed.
    pub detail: String,
    /// Administrative acts only.
    pub link: Option<Link>,
}

impl Entry {
    /// An event on its way into the log.
    pub fn new(id: String, at: i64, event: &Event) -> Self {
        Self {
            id,
            at,
            class: event.action.class().as_str().to_owned(),
            action: event.action.as_str().to_owned(),
            actor_kind: event.actor.kind().to_owned(),
            actor_id: event.actor.id().to_owned(),
            object_kind: event.object.0.as_str().to_owned(),
            object_id: event.object.1.clone(),
            detail: event.told().to_string(),
            link: None,
        }
    }

    /// One line of an export.
    pub fn to_json(&self) -> Value {
        let detail = serde_json::from_str(&self.detail).unwrap_or(Value::Null);
        let mut line = serde_json::json!({
            "id": self.id,
            "at": self.at,
            "class": self.class,
            "action": self.action,
            "actor": {"kind": self.actor_kind, "id": self.actor_id},
            "object": {"kind": self.object_kind, "id": self.object_id},
            "detail": detail,
        });
        if let Some(link) = &self.link {
            line["chain"] = serde_json::json!({
                "day": day_name(link.day), "number": link.number, "hash": link.hash,
            });
        }
        line
    }
}

/// Which events are asked for; `None` is any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of this class.
    pub class: Option<Class>,
    /// This was done.
    pub action: Option<Action>,
    /// By this one.
    pub actor: Option<Actor>,
    /// To this thing.
    pub object: Option<(ObjectKind, String)>,
    /// Not before this instant, Unix seconds.
    pub from: Option<i64>,
    /// Before this instant, Unix seconds.
    pub until: Option<i64>,
}

impl Filter {
    /// As an export's record says what was taken.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "class": self.class.map(Class::as_str),
            "action": self.action.map(Action::as_str),
            "actor": self.actor.as_ref().map(|actor| [actor.kind(), actor.id()]),
            "object": self.object.as_ref().map(|(kind, id)| [kind.as_str(), id]),
            "from": self.from,
            "until": self.until,
        })
    }
}

/// The UTC day of an instant (Unix seconds), as days since 1970-01-01.
pub fn day_of(at: i64) -> i64 {
    at.div_euclid(86_400)
}

/// When a day begins, Unix seconds.
pub fn day_start(day: i64) -> i64 {
    day * 86_400
}

/// A day in the calendar; none where the calendar ends.
pub fn day_date(day: i64) -> Option<time::Date> {
    let epoch = time::Date::from_calendar_date(1970, time::Month::January, 1);
    epoch.ok()?.checked_add(time::Duration::days(day))
}

/// A day as `2026-11-24`.
pub fn day_name(day: i64) -> String {
    day_date(day).map_or_else(|| format!("day {day}"), |date| date.to_string())
}

/// The day that [`day_name`] wrote.
pub fn parse_day(name: &str) -> Option<i64> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let date = time::Date::parse(name, format).ok()?;
    Some(date.midnight().assume_utc().unix_timestamp() / 86_400)
}
