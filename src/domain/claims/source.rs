//! Where the value of each claim comes from, for those who wonder why it is what it is.

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Made here, or told by the login itself.
    Provider,
    /// The agent's profile at their homeserver.
    Homeserver,
    /// The address that the homeserver asserts, where the rules believe it.
    Address,
    /// The table of administrations, by the domain of that address.
    Administration,
    /// The language chosen on our pages.
    Language,
}

/// Where the value of a claim about an agent comes from.
pub fn source(claim: &str) -> Source {
    match claim {
        "name" | "given_name" | "family_name" | "usual_name" | "preferred_username" | "tchap_user_id"
        | "tchap_homeserver" | "tchap_guest" => Source::Homeserver,
        "email" | "email_verified" | "administration_domain" => Source::Address,
        "administration_name"
        | "organization_label"
        | "siren"
        | "siret"
        | "organizational_unit"
        | "belonging_population"
        | "roles" => Source::Administration,
        "locale" => Source::Language,
        _ => Source::Provider,
    }
}
