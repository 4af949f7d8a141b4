//! Text from outside: which characters may stand in a line that a person reads, on a page, in a log or on a terminal.

/// Whether a character is a control character, ends a line, reorders the text around it (Unicode UAX #9) or is invisible.
pub fn is_hostile(c: char) -> bool {
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}');
    let ends_line = matches!(c, '\u{2028}' | '\u{2029}');
    let hides = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    c.is_control() || reorders || ends_line || hides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_are_not_hostile_and_what_deceives_is() {
        assert!(
            !"Zoë d’Arc-Œuvré Chloe\u{301} محمد [DINUM] 李\u{a0}«\u{202f}x\u{202f}»"
                .chars()
                .any(is_hostile)
        );
        for c in "\0\t\n\r\u{1b}\u{7f}\u{85}\u{ad}\u{61c}\u{200b}\u{200d}\u{200e}\u{2028}\u{2029}\u{202e}\u{2060}\u{2066}\u{206f}".chars() {
            assert!(is_hostile(c), "{c:?}");
        }
        assert!("\u{feff}\u{fffb}\u{e0041}".chars().all(is_hostile));
    }
}
