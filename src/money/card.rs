//! PURE: what looks like a card number. Such a number is never kept, logged or repeated: whoever
//! takes one must protect it by rules that a gateway does not meet.

/// Digits of card numbers (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Whether a text holds a number of 13 to 19 digits, in groups or not, whose check digit is
/// right (Luhn). One other number in ten is taken for a card, too.
#[must_use]
pub fn looks_like_one(text: &str) -> bool {
    groups_in_rows(text).iter().any(|row| holds_one(row))
}

/// Rows of groups of digits: inside a row, only blanks and dashes stand between them.
fn groups_in_rows(text: &str) -> Vec<Vec<Vec<u32>>> {
    let mut rows = vec![Vec::new()];
    let mut group = Vec::new();
    for character in text.chars() {
        if let Some(digit) = digit(character) {
            group.push(digit);
            continue;
        }
        let row = rows.last_mut().expect("there is always a row");
        if !group.is_empty() {
            row.push(std::mem::take(&mut group));
        }
        if !is_between(character) {
            rows.push(Vec::new());
        }
    }
    let row = rows.last_mut().expect("there is always a row");
    row.push(group);
    rows
}

/// ASCII digits, and those of full width that some keyboards type.
fn digit(character: char) -> Option<u32> {
    let full_width = u32::from(character).checked_sub(u32::from('\u{ff10}'));
    character
        .to_digit(10)
        .or(full_width.filter(|digit| *digit < 10))
}

/// What people put between groups of digits, and what cannot be seen.
fn is_between(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '-' | '.' | '/' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{ad}'
        )
}

/// Any groups that follow each other may be one number.
fn holds_one(row: &[Vec<u32>]) -> bool {
    (0..row.len()).any(|first| {
        let mut digits = Vec::new();
        row[first..].iter().any(|group| {
            digits.extend(group);
            DIGITS.contains(&digits.len()) && passes(&digits)
        })
    })
}

/// The check of Luhn.
fn passes(digits: &[u32]) -> bool {
    let from_the_right = digits.iter().rev().enumerate();
    let sum: u32 = from_the_right
        .map(|(place, digit)| match digit * 2 {
            _ if place % 2 == 0 => *digit,
            double if double > 9 => double - 9,
            double => double,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cards_are_seen_however_they_are_typed() {
        // Numbers that processors publish for tests, of every length in use.
        for card in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "4242.4242.4242.4242",
            "my card: 5555 5555 5555 4444, thanks",
            "378282246310005",
            "3782 822463 10005",
            "4222222222222",
            "6304000000000000000",
            "4242 4242 4242 4242 12/27 123",
            "030 123 4242424242424242",
            "4242\u{a0}4242\u{a0}4242\u{a0}4242",
            "4242–4242–4242–4242",
            "4242\u{200b}424242424242",
            "４２４２４２４２４２４２４２４２",
            "4242\n4242\n4242\n4242",
        ] {
            assert!(looks_like_one(card), "{card}");
        }
    }

    #[test]
    fn what_else_people_write_is_let_through() {
        for text in [
            "",
            "cus_NffrFeUfNV2Hib",
            "pm_1MqLiJLkdIwHu7ixUEgbFdYF",
            "DE811128135",
            "4242424242424243",
            "+49 30 123456 78",
            "Main Street 12, 10115 Berlin",
            "0000000000000000",
            "424242424242",
            "4242 4242 a 4242 4242",
        ] {
            assert!(!looks_like_one(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_with_its_check_digit_is_seen_in_any_grouping(
            body in prop::collection::vec(0..10_u32, 12..=18),
            cuts in prop::collection::vec(any::<bool>(), 19),
        ) {
            prop_assume!(body.iter().any(|digit| *digit != 0));
            let check = (0..10).find(|check| passes(&[&body[..], &[*check]].concat())).unwrap();
            let mut text = String::new();
            for (digit, cut) in body.iter().chain([&check]).zip(&cuts) {
                text.push(char::from_digit(*digit, 10).unwrap());
                if *cut {
                    text.push('-');
                }
            }
            prop_assert!(looks_like_one(&text), "{}", text);
        }

        #[test]
        fn no_text_is_too_much(text in ".{0,400}") {
            let _ = looks_like_one(&text);
        }
    }
}
