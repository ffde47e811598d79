//! PURE: letters in a PDF without a font of its own: the standard fonts that every reader
//! brings know the letters of western and central Europe. What they lack becomes `?`.

use std::collections::BTreeMap;

/// Codes that the western encoding leaves free.
const FREE: std::ops::RangeInclusive<u8> = 1..=31;
/// Width of letters that have no entry, in thousandths of the size: those of digits.
const WIDTH: u16 = 556;
/// Widths from the blank to the tilde in Helvetica, thousandths of the size (Adobe's metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
/// Signs that stand elsewhere in the western encoding (Windows-1252).
const WESTERN: &str = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";
/// Letters of central Europe by the names that fonts have for them.
const CENTRAL: [(char, &str); 58] = [
    ('Ą', "Aogonek"),
    ('ą', "aogonek"),
    ('Ć', "Cacute"),
    ('ć', "cacute"),
    ('Č', "Ccaron"),
    ('č', "ccaron"),
    ('Ď', "Dcaron"),
    ('ď', "dcaron"),
    ('Đ', "Dcroat"),
    ('đ', "dcroat"),
    ('Ę', "Eogonek"),
    ('ę', "eogonek"),
    ('Ě', "Ecaron"),
    ('ě', "ecaron"),
    ('Ğ', "Gbreve"),
    ('ğ', "gbreve"),
    ('İ', "Idotaccent"),
    ('ı', "dotlessi"),
    ('Ł', "Lslash"),
    ('ł', "lslash"),
    ('Ľ', "Lcaron"),
    ('ľ', "lcaron"),
    ('Ĺ', "Lacute"),
    ('ĺ', "lacute"),
    ('Ń', "Nacute"),
    ('ń', "nacute"),
    ('Ň', "Ncaron"),
    ('ň', "ncaron"),
    ('Ő', "Ohungarumlaut"),
    ('ő', "ohungarumlaut"),
    ('Ř', "Rcaron"),
    ('ř', "rcaron"),
    ('Ś', "Sacute"),
    ('ś', "sacute"),
    ('Ş', "Scedilla"),
    ('ş', "scedilla"),
    ('Ť', "Tcaron"),
    ('ť', "tcaron"),
    ('Ů', "Uring"),
    ('ů', "uring"),
    ('Ű', "Uhungarumlaut"),
    ('ű', "uhungarumlaut"),
    ('Ź', "Zacute"),
    ('ź', "zacute"),
    ('Ż', "Zdotaccent"),
    ('ż', "zdotaccent"),
    ('Ā', "Amacron"),
    ('ā', "amacron"),
    ('Ē', "Emacron"),
    ('ē', "emacron"),
    ('Ī', "Imacron"),
    ('ī', "imacron"),
    ('Ū', "Umacron"),
    ('ū', "umacron"),
    ('Ă', "Abreve"),
    ('ă', "abreve"),
    ('Ė', "Edotaccent"),
    ('ė', "edotaccent"),
];

/// The codes of one document: western ones, and those that its other letters were given.
#[derive(Debug, Default)]
pub(super) struct Letters(BTreeMap<char, (u8, &'static str)>);

impl Letters {
    /// A text in the document's codes; letters not yet seen are given the next free ones.
    pub(super) fn encode(&mut self, text: &str) -> Vec<u8> {
        text.chars().map(|letter| self.code(letter)).collect()
    }

    fn code(&mut self, letter: char) -> u8 {
        if let Some(code) = western(letter) {
            return code;
        }
        if let Some((code, _)) = self.0.get(&letter) {
            return *code;
        }
        let name = CENTRAL.iter().find(|(known, _)| *known == letter);
        let free = u8::try_from(self.0.len())
            .ok()
            .map(|used| used + FREE.start());
        match (name, free.filter(|code| FREE.contains(code))) {
            (Some((_, name)), Some(code)) => {
                self.0.insert(letter, (code, *name));
                code
            }
            _ => b'?',
        }
    }

    /// The names of the codes that were given, by code.
    pub(super) fn given(&self) -> BTreeMap<u8, &'static str> {
        self.0.values().copied().collect()
    }
}

fn western(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    if matches!(code, 0x20..=0x7e | 0xa0..=0xff) {
        return u8::try_from(code).ok();
    }
    let place = WESTERN.chars().position(|known| known == letter)?;
    u8::try_from(place)
        .ok()
        .map(|place| place + 0x80)
        .filter(|_| letter != '\0')
}

/// How wide a text is at a size.
pub(super) fn width(text: &str, size: f32) -> f32 {
    let of = |letter: char| {
        let place = usize::try_from(u32::from(letter)).ok()?.checked_sub(0x20)?;
        WIDTHS.get(place).copied()
    };
    let sum: f32 = text
        .chars()
        .map(|letter| f32::from(of(letter).unwrap_or(WIDTH)))
        .sum();
    sum * size / 1000.0
}

/// The text, or as much of its start as fits, then dots.
pub(super) fn fitted(text: &str, size: f32, width_max: f32) -> String {
    if width(text, size) <= width_max {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if width(&kept, size) + width("…", size) > width_max {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_europe_have_codes_and_others_do_not() {
        let mut letters = Letters::default();
        assert_eq!(letters.encode("Aé€–~"), [b'A', 0xe9, 0x80, 0x96, b'~']);
        assert_eq!(letters.encode("Łódź"), [1, 0xf3, b'd', 2]);
        assert_eq!(letters.encode("Ł"), [1]);
        assert_eq!(letters.encode("日\0\n"), *b"???");
        let given: Vec<_> = letters.given().into_iter().collect();
        assert_eq!(given, [(1, "Lslash"), (2, "zacute")]);
        let all: String = CENTRAL.iter().map(|(letter, _)| letter).collect();
        let codes = Letters::default().encode(&all);
        assert_eq!(codes.iter().filter(|code| **code != b'?').count(), 31);
    }

    #[test]
    fn what_is_too_wide_ends_in_dots() {
        assert!((width("0.5", 10.0) - 13.9).abs() < 0.01);
        assert_eq!(fitted("kites", 10.0, 100.0), "kites");
        assert_eq!(fitted("kites and more kites", 10.0, 40.0), "kites a…");
        assert_eq!(fitted("kites", 10.0, 1.0), "…");
    }
}
