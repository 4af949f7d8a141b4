//! Real-life names of French agents, as a homeserver writes them.

use proptest::prelude::*;

use super::*;

#[test]
fn the_bracket_is_taken_off() {
    for (text, name, organization) in [
        ("Jean Dupont [DINUM]", Some("Jean Dupont"), Some("DINUM")),
        ("Jean Dupont", Some("Jean Dupont"), None),
        (
            "  Jean \u{a0} Dupont\t[ Premier  ministre ] ",
            Some("Jean Dupont"),
            Some("Premier ministre"),
        ),
        ("Jean Dupont[DINUM]", Some("Jean Dupont"), Some("DINUM")),
        ("Jean Dupont []", Some("Jean Dupont"), None),
        ("Jean Dupont [ ]", Some("Jean Dupont"), None),
        ("Jean Dupont [Ville [Lyon]]", Some("Jean Dupont"), Some("Ville [Lyon]")),
        ("Jean [X] Dupont [DINUM]", Some("Jean [X] Dupont"), Some("DINUM")),
        ("[DINUM] Jean Dupont", Some("Jean Dupont"), Some("DINUM")),
        ("Jean Dupont [DINU", Some("Jean Dupont"), None),
        ("Jean Dupont DINUM]", Some("Jean Dupont DINUM]"), None),
        ("[DINUM]", None, Some("DINUM")),
        ("[]", None, None),
        ("", None, None),
        (" \n ", None, None),
        ("Jean\r\nDupont \u{202e}[DINUM]", Some("Jean Dupont"), Some("DINUM")),
        ("Élodie Œuvrard [Éducation]", Some("Élodie Œuvrard"), Some("Éducation")),
    ] {
        let split = split(text, None);
        assert_eq!(split.name.as_deref(), name, "{text:?}");
        assert_eq!(split.organization.as_deref(), organization, "{text:?}");
    }
}

type Parts = Option<(&'static str, &'static str)>;

/// `None` in the last column: unsure, the parts are omitted.
const PARTS: &[(&str, Option<&str>, Parts)] = &[
    // The address spells both names, in either order.
    ("Jean Dupont", Some("jean.dupont"), Some(("Jean", "Dupont"))),
    ("Dupont Jean", Some("jean.dupont"), Some(("Jean", "Dupont"))),
    ("DUPONT Jean", Some("jean.dupont"), Some(("Jean", "DUPONT"))),
    ("JEAN DUPONT", Some("jean.dupont"), Some(("JEAN", "DUPONT"))),
    ("DUPONT JEAN", Some("Jean.DUPONT"), Some(("JEAN", "DUPONT"))),
    (
        "Jean-Pierre Martin",
        Some("jean-pierre.martin"),
        Some(("Jean-Pierre", "Martin")),
    ),
    (
        "Jean-Pierre Martin",
        Some("jeanpierre.martin"),
        Some(("Jean-Pierre", "Martin")),
    ),
    (
        "Jean Pierre Martin",
        Some("jean-pierre.martin"),
        Some(("Jean Pierre", "Martin")),
    ),
    (
        "Marie de La Tour",
        Some("marie.de-la-tour"),
        Some(("Marie", "de La Tour")),
    ),
    (
        "de La Tour Marie",
        Some("marie.delatour"),
        Some(("Marie", "de La Tour")),
    ),
    (
        "Anne Marie du Pont",
        Some("anne-marie.dupont"),
        Some(("Anne Marie", "du Pont")),
    ),
    ("Chloé Lefèvre", Some("chloe.lefevre"), Some(("Chloé", "Lefèvre"))),
    (
        "Chloe\u{301} Lefe\u{300}vre",
        Some("chloe.lefevre"),
        Some(("Chloe\u{301}", "Lefe\u{300}vre")),
    ),
    ("Lœtitia Nuñez", Some("loetitia.nunez"), Some(("Lœtitia", "Nuñez"))),
    (
        "François Châtelet",
        Some("francois.chatelet"),
        Some(("François", "Châtelet")),
    ),
    ("Jean d'Ormesson", Some("jean.dormesson"), Some(("Jean", "d'Ormesson"))),
    ("D’Ormesson Jean", Some("jean.d-ormesson"), Some(("Jean", "D’Ormesson"))),
    ("Jean Dupont", Some("jean.dupont2"), Some(("Jean", "Dupont"))),
    ("Dupont Jean", Some("jean.dupont-3"), Some(("Jean", "Dupont"))),
    ("Dupont Jean", Some("jean.dupont.ext"), Some(("Jean", "Dupont"))),
    ("Dupont Jean", Some("jean.dupont-ext"), Some(("Jean", "Dupont"))),
    ("Dupont Jean", Some("jean.dupont+tchap"), Some(("Jean", "Dupont"))),
    ("Martin Thomas", Some("martin.thomas"), Some(("Martin", "Thomas"))),
    ("Martin Thomas", Some("thomas.martin"), Some(("Thomas", "Martin"))),
    ("Martin Martin", Some("martin.martin"), Some(("Martin", "Martin"))),
    ("Ben Dupont", Some("ben.dupont"), Some(("Ben", "Dupont"))),
    // It spells one of them, and only one split fits.
    ("Marie Durand", Some("marie.dupont"), Some(("Marie", "Durand"))),
    ("Durand Marie", Some("marie.dupont"), Some(("Marie", "Durand"))),
    ("Martin Jean-Pierre", Some("jp.martin"), Some(("Jean-Pierre", "Martin"))),
    ("Dupont Jean", Some("j.dupont"), Some(("Jean", "Dupont"))),
    (
        "Marie Dupont-Martin",
        Some("marie.dupont"),
        Some(("Marie", "Dupont-Martin")),
    ),
    ("Jean de Gaulle", Some("jean.gaulle"), Some(("Jean", "de Gaulle"))),
    ("Marie Claire Dupont", Some("marie.dupont"), None),
    (
        "Marie Claire DUPONT",
        Some("marie.dupont"),
        Some(("Marie Claire", "DUPONT")),
    ),
    ("Marie de La Tour", Some("m.latour"), Some(("Marie", "de La Tour"))),
    // It spells neither.
    ("Jean Dupont", Some("secretariat.general"), None),
    ("Jean DUPONT", Some("secretariat.general"), Some(("Jean", "DUPONT"))),
    // It has another shape, or there is none: capitals, a particle, two words.
    ("Jean Dupont", None, Some(("Jean", "Dupont"))),
    ("Jean Dupont", Some("jdupont"), Some(("Jean", "Dupont"))),
    (
        "Jean-Pierre Martin",
        Some("jean.pierre.martin"),
        Some(("Jean-Pierre", "Martin")),
    ),
    ("Jean DUPONT", None, Some(("Jean", "DUPONT"))),
    ("DUPONT Jean", None, Some(("Jean", "DUPONT"))),
    (
        "DUPONT-MARTIN Jean Pierre",
        None,
        Some(("Jean Pierre", "DUPONT-MARTIN")),
    ),
    (
        "Jean Pierre DUPONT MARTIN",
        None,
        Some(("Jean Pierre", "DUPONT MARTIN")),
    ),
    ("Charles de GAULLE", None, Some(("Charles", "de GAULLE"))),
    ("DE LA TOUR Marie", None, Some(("Marie", "DE LA TOUR"))),
    ("LE GOFF Yann", None, Some(("Yann", "LE GOFF"))),
    ("Élise d'ARTAGNAN", None, Some(("Élise", "d'ARTAGNAN"))),
    ("Marie de La Tour", None, Some(("Marie", "de La Tour"))),
    (
        "Marie de La Tour",
        Some("marie.de.la.tour"),
        Some(("Marie", "de La Tour")),
    ),
    ("Jean Le Goff", None, Some(("Jean", "Le Goff"))),
    ("Mohamed Ben Salah", None, Some(("Mohamed", "Ben Salah"))),
    (
        "Jean d'Ormesson de Bayonne",
        None,
        Some(("Jean", "d'Ormesson de Bayonne")),
    ),
    ("Wei LI", None, Some(("Wei", "LI"))),
    // Unsure.
    ("LI Wei", None, None),
    ("LI XUEFENG", None, None),
    ("JP Martin", None, None),
    ("JEAN DUPONT", None, None),
    ("Jean Pierre Martin", None, None),
    ("Marie Martin de Souza", None, None),
    ("de La Tour Marie", None, None),
    ("Le Goff", None, None),
    ("Marie DUPONT épouse MARTIN", None, None),
    ("J Dupont", Some("j.dupont"), None),
    ("J. Dupont", None, None),
    ("Jean Dupont 2", Some("jean.dupont2"), None),
    ("Jean Dupont (prestataire)", Some("jean.dupont"), None),
    ("Jean", Some("jean.dupont"), None),
    ("jean.dupont-beta.gouv.fr", Some("jean.dupont"), None),
    ("Jean - Dupont", None, None),
    ("", Some("jean.dupont"), None),
    ("Jean Dupont", Some("."), Some(("Jean", "Dupont"))),
    ("Jean Dupont", Some(""), Some(("Jean", "Dupont"))),
];

#[test]
fn given_and_family_names_come_apart_or_are_omitted() {
    for (text, local_part, expected) in PARTS {
        let with_bracket = format!("{text} [DINUM]");
        for text in [*text, &with_bracket] {
            let parts = split(text, *local_part).parts;
            let parts = parts.as_ref().map(|(given, family)| (given.as_str(), family.as_str()));
            assert_eq!(parts, *expected, "{text} / {local_part:?}");
        }
    }
}

proptest! {
    #[test]
    fn parts_are_the_words_of_the_name_and_nothing_else(
        text in "[A-Za-zéÉ'’\\[\\] .-]{0,40}|\\PC{0,40}",
        local_part in proptest::option::of("[a-z.-]{0,20}"),
    ) {
        let split = split(&text, local_part.as_deref());
        prop_assert_ne!(split.name.as_deref(), Some(""));
        prop_assert_ne!(split.organization.as_deref(), Some(""));
        if let Some((given, family)) = split.parts {
            let name = split.name.unwrap_or_default();
            let orders = [format!("{given} {family}"), format!("{family} {given}")];
            prop_assert!(orders.contains(&name));
        }
    }
}
