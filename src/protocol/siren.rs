//! The numbers of public bodies and companies in France: SIREN and SIRET, with their check digits.

/// La Poste's SIREN. Its establishments are too many for Luhn: their SIRET's digits sum to a multiple of five.
const LA_POSTE: &str = "356000000";

/// Whether a text is a SIREN: 9 digits, Luhn.
pub fn is_siren(text: &str) -> bool {
    is_number(text, 9) && luhn(text)
}

/// Whether a text is a SIRET: 14 digits, Luhn (but for La Poste).
pub fn is_siret(text: &str) -> bool {
    let of_la_poste =
        || text.starts_with(LA_POSTE) && text.bytes().map(|digit| u32::from(digit - b'0')).sum::<u32>() % 5 == 0;
    is_number(text, 14) && (luhn(text) || of_la_poste())
}

fn is_number(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()) && text.bytes().any(|byte| byte != b'0')
}

/// Luhn's check over a text of digits.
fn luhn(digits: &str) -> bool {
    let value = |(place, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        match (place % 2, digit) {
            (0, digit) => digit,
            (_, digit @ 5..) => digit * 2 - 9,
            (_, digit) => digit * 2,
        }
    };
    digits.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_numbers_are_accepted() {
        assert!(is_siren("130025265") && is_siret("13002526500013"), "DINUM");
        assert!(
            is_siret("35600000000048") && is_siren("356000000"),
            "La Poste, head office"
        );
        assert!(
            !luhn("35600000009075") && is_siret("35600000009075"),
            "La Poste, an establishment"
        );
    }

    #[test]
    fn wrong_numbers_are_found() {
        for bad in [
            "",
            "13002526",
            "130025266",
            "1300252650",
            "13002526x",
            "000000000",
            "１３００２５２６５",
        ] {
            assert!(!is_siren(bad), "{bad}");
        }
        for bad in ["13002526500014", "1300252650001", "35600000009076", "00000000000000"] {
            assert!(!is_siret(bad), "{bad}");
        }
    }
}
