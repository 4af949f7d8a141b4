//! The words of the audit log: what is done, and to which kinds of things.

use super::Class;

/// What was done. The name is that of the thing and what happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A client was added.
    ClientCreated,
    /// Its metadata were changed.
    ClientChanged,
    /// It signs nobody in until it is enabled.
    ClientDisabled,
    /// It may sign agents in again.
    ClientEnabled,
    /// It is gone with all that hung on it.
    ClientDeleted,
    /// It got a secret.
    ClientSecretAdded,
    /// A secret ends or has ended.
    ClientSecretRevoked,
    /// Its owner asked for production.
    ClientProductionRequested,
    /// An operator agreed.
    ClientProductionApproved,
    /// An operator answered otherwise.
    ClientProductionAnswered,
    /// Somebody was invited to it, as owner or as one who may sign in while it is a sandbox.
    ClientInvited,
    /// An invitation to it was taken up.
    ClientInvitationAccepted,
    /// Somebody has no part in it any more, or an invitation was taken back.
    ClientUninvited,
    /// A sign-in was run as this client.
    ClientTried,
    /// What was granted to it was ended by an operator or support.
    ClientGrantsRevoked,
    /// An administration was added.
    AdministrationCreated,
    /// It was changed.
    AdministrationChanged,
    /// It was deleted.
    AdministrationDeleted,
    /// A file of administrations was imported.
    AdministrationsImported,
    /// A homeserver was added.
    HomeserverCreated,
    /// It was changed.
    HomeserverChanged,
    /// Nobody signs in with it any more.
    HomeserverRetired,
    /// It was tested.
    HomeserverTested,
    /// The sessions of its agents were ended.
    HomeserverSessionsEnded,
    /// A protected resource was added.
    ResourceCreated,
    /// It was changed.
    ResourceChanged,
    /// It was deleted.
    ResourceDeleted,
    /// New signing keys were made.
    KeysRotated,
    /// A signing key was retired before its time.
    KeyRetired,
    /// Somebody was invited to a role.
    RoleInvited,
    /// An agent got a role.
    RoleGiven,
    /// An agent lost a role.
    RoleRemoved,
    /// An invitation to a role was taken back.
    RoleInvitationWithdrawn,
    /// A one-time code to set up a second factor was made.
    SecondFactorOffered,
    /// A second factor was set up.
    SecondFactorEnrolled,
    /// A second factor was removed, so that another can be set up.
    SecondFactorReset,
    /// Sessions of an agent were ended by somebody else.
    AgentSessionsEnded,
    /// Sessions of the agents of an administration were ended.
    AdministrationSessionsEnded,
    /// Somebody made an access to the API.
    ApiAccessCreated,
    /// It counts no more.
    ApiAccessRevoked,
    /// A token for self-registration was made.
    RegistrationTokenCreated,
    /// It was revoked.
    RegistrationTokenRevoked,
    /// Somebody took a copy of the audit log.
    AuditExported,
    /// The oldest days of the audit log were deleted.
    AuditPurged,
    /// An account stands again, is paused or closed.
    AccountStateChanged,
    /// An account of the same name is another's.
    AccountRecreated,
    /// So many passwords failed that no more are relayed for now.
    LoginThrottled,
    /// A browser went round and round.
    LoginLoopStopped,
    /// Too many unfinished logins from one network.
    FlowsThrottled,
    /// A spent code came again.
    CodeReplayed,
    /// A replaced refresh token came again.
    RefreshTokenReused,
    /// A form came from another site.
    ForeignForm,
    /// A second factor was wrong.
    SecondFactorFailed,
    /// So many second factors were wrong that none is taken for now.
    SecondFactorThrottled,
    /// Too many registrations from one network.
    RegistrationThrottled,
}

impl Action {
    /// All.
    pub const ALL: [Self; 55] = [
        Self::ClientCreated,
        Self::ClientChanged,
        Self::ClientDisabled,
        Self::ClientEnabled,
        Self::ClientDeleted,
        Self::ClientSecretAdded,
        Self::ClientSecretRevoked,
        Self::ClientProductionRequested,
        Self::ClientProductionApproved,
        Self::ClientProductionAnswered,
        Self::ClientInvited,
        Self::ClientInvitationAccepted,
        Self::ClientUninvited,
        Self::ClientTried,
        Self::ClientGrantsRevoked,
        Self::AdministrationCreated,
        Self::AdministrationChanged,
        Self::AdministrationDeleted,
        Self::AdministrationsImported,
        Self::HomeserverCreated,
        Self::HomeserverChanged,
        Self::HomeserverRetired,
        Self::HomeserverTested,
        Self::HomeserverSessionsEnded,
        Self::ResourceCreated,
        Self::ResourceChanged,
        Self::ResourceDeleted,
        Self::KeysRotated,
        Self::KeyRetired,
        Self::RoleInvited,
        Self::RoleGiven,
        Self::RoleRemoved,
        Self::RoleInvitationWithdrawn,
        Self::SecondFactorOffered,
        Self::SecondFactorEnrolled,
        Self::SecondFactorReset,
        Self::AgentSessionsEnded,
        Self::AdministrationSessionsEnded,
        Self::ApiAccessCreated,
        Self::ApiAccessRevoked,
        Self::RegistrationTokenCreated,
        Self::RegistrationTokenRevoked,
        Self::AuditExported,
        Self::AuditPurged,
        Self::AccountStateChanged,
        Self::AccountRecreated,
        Self::LoginThrottled,
        Self::LoginLoopStopped,
        Self::FlowsThrottled,
        Self::CodeReplayed,
        Self::RefreshTokenReused,
        Self::ForeignForm,
        Self::SecondFactorFailed,
        Self::SecondFactorThrottled,
        Self::RegistrationThrottled,
    ];

    /// As stored, exported and logged.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientCreated => "client.created",
            Self::ClientChanged => "client.changed",
            Self::ClientDisabled => "client.disabled",
            Self::ClientEnabled => "client.enabled",
            Self::ClientDeleted => "client.deleted",
            Self::ClientSecretAdded => "client.secret_added",
            Self::ClientSecretRevoked => "client.secret_revoked",
            Self::ClientProductionRequested => "client.production_requested",
            Self::ClientProductionApproved => "client.production_approved",
            Self::ClientProductionAnswered => "client.production_answered",
            Self::ClientInvited => "client.invited",
            Self::ClientInvitationAccepted => "client.invitation_accepted",
            Self::ClientUninvited => "client.uninvited",
            Self::ClientTried => "client.tried",
            Self::ClientGrantsRevoked => "client.grants_revoked",
            Self::AdministrationCreated => "administration.created",
            Self::AdministrationChanged => "administration.changed",
            Self::AdministrationDeleted => "administration.deleted",
            Self::AdministrationsImported => "administration.imported",
            Self::HomeserverCreated => "homeserver.created",
            Self::HomeserverChanged => "homeserver.changed",
            Self::HomeserverRetired => "homeserver.retired",
            Self::HomeserverTested => "homeserver.tested",
            Self::HomeserverSessionsEnded => "homeserver.sessions_ended",
            Self::ResourceCreated => "resource.created",
            Self::ResourceChanged => "resource.changed",
            Self::ResourceDeleted => "resource.deleted",
            Self::KeysRotated => "key.rotated",
            Self::KeyRetired => "key.retired",
            Self::RoleInvited => "role.invited",
            Self::RoleGiven => "role.given",
            Self::RoleRemoved => "role.removed",
            Self::RoleInvitationWithdrawn => "role.invitation_withdrawn",
            Self::SecondFactorOffered => "second_factor.offered",
            Self::SecondFactorEnrolled => "second_factor.enrolled",
            Self::SecondFactorReset => "second_factor.reset",
            Self::AgentSessionsEnded => "agent.sessions_ended",
            Self::AdministrationSessionsEnded => "administration.sessions_ended",
            Self::ApiAccessCreated => "api_access.created",
            Self::ApiAccessRevoked => "api_access.revoked",
            Self::RegistrationTokenCreated => "registration_token.created",
            Self::RegistrationTokenRevoked => "registration_token.revoked",
            Self::AuditExported => "audit.exported",
            Self::AuditPurged => "audit.purged",
            Self::AccountStateChanged => "account.state_changed",
            Self::AccountRecreated => "account.recreated",
            Self::LoginThrottled => "login.throttled",
            Self::LoginLoopStopped => "login.loop_stopped",
            Self::FlowsThrottled => "login.too_many_unfinished",
            Self::CodeReplayed => "code.replayed",
            Self::RefreshTokenReused => "refresh_token.reused",
            Self::ForeignForm => "form.from_another_site",
            Self::SecondFactorFailed => "second_factor.failed",
            Self::SecondFactorThrottled => "second_factor.throttled",
            Self::RegistrationThrottled => "registration.throttled",
        }
    }

    /// How it is kept.
    pub fn class(self) -> Class {
        match self {
            Self::AccountStateChanged
            | Self::AccountRecreated
            | Self::LoginThrottled
            | Self::LoginLoopStopped
            | Self::FlowsThrottled
            | Self::CodeReplayed
            | Self::RefreshTokenReused
            | Self::ForeignForm
            | Self::SecondFactorFailed
            | Self::SecondFactorThrottled
            | Self::RegistrationThrottled => Class::Security,
            _ => Class::Administrative,
        }
    }

    /// That of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

/// What it was done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// By our internal id.
    Agent,
    /// By `client_id`.
    Client,
    /// By e-mail domain.
    Administration,
    /// By server name.
    Homeserver,
    /// By identifier (RFC 8707).
    Resource,
    /// By `kid`.
    Key,
    /// By id.
    RegistrationToken,
    /// By id of the authorization that code and tokens hang on.
    Authorization,
    /// An invitation to a role or a client, by id.
    Invitation,
    /// An IPv4 address or an IPv6 /64.
    Network,
    /// What was typed as an account's name, by its fingerprint: it may be nobody's.
    Account,
    /// The log itself.
    Audit,
}

impl ObjectKind {
    /// All.
    pub const ALL: [Self; 12] = [
        Self::Agent,
        Self::Client,
        Self::Administration,
        Self::Homeserver,
        Self::Resource,
        Self::Key,
        Self::RegistrationToken,
        Self::Authorization,
        Self::Invitation,
        Self::Network,
        Self::Account,
        Self::Audit,
    ];

    /// As stored and exported.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Client => "client",
            Self::Administration => "administration",
            Self::Homeserver => "homeserver",
            Self::Resource => "resource",
            Self::Key => "key",
            Self::RegistrationToken => "registration_token",
            Self::Authorization => "authorization",
            Self::Invitation => "invitation",
            Self::Network => "network",
            Self::Account => "account",
            Self::Audit => "audit",
        }
    }

    /// That of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_one_of_its_own_and_leads_back() {
        let names: BTreeSet<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        assert!(
            Action::ALL
                .iter()
                .all(|action| Action::parse(action.as_str()) == Some(*action))
        );
        let kinds: BTreeSet<_> = ObjectKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(kinds.len(), ObjectKind::ALL.len());
    }
}
