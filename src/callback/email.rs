//! Which texts are e-mail addresses, for callbacks and for people alike. Stricter than the
//! standards: no quotes, no comments, no literal hosts, ASCII alone. Says nothing about
//! whether anybody reads there.

/// Longest address, bytes (RFC 5321, the path).
const BYTES_MAX: usize = 254;
/// Longest part before the `@`, bytes (RFC 5321).
const LOCAL_BYTES_MAX: usize = 64;
/// Longest label of a domain, bytes (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;
/// What may stand before the `@` beside letters, digits and dots (RFC 5322, atext).
const LOCAL_SIGNS: &[u8] = b"!#$%&'*+-/=?^_`{|}~";

/// Whether mail can be addressed so.
#[must_use]
pub fn is_address(text: &str) -> bool {
    domain_of(text).is_some()
}

/// The domain of an address as it was written; `None` for a text that is no address.
#[must_use]
pub fn domain_of(text: &str) -> Option<&str> {
    let (local, domain) = text.split_once('@')?;
    let is_legal = text.len() <= BYTES_MAX
        && local.len() <= LOCAL_BYTES_MAX
        && local.split('.').all(is_atom)
        && is_domain(domain);
    is_legal.then_some(domain)
}

fn is_atom(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || LOCAL_SIGNS.contains(&byte);
    !text.is_empty() && text.bytes().all(legal)
}

/// At least two labels, the last not a number: what has one label is nobody's in public, and
/// four numbers are a host.
fn is_domain(text: &str) -> bool {
    let last = text.rsplit_once('.').map(|(_, last)| last);
    text.split('.').all(is_label)
        && last.is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_label(text: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_everything_else() {
        for good in [
            "ops@example.com",
            "a.b+c@mail.x-y.test",
            "A@B.C",
            "/a@x.test",
        ] {
            assert!(is_address(good), "{good}");
        }
        let long_local = format!("{}@x.test", "a".repeat(65));
        let long_label = format!("a@{}.test", "x".repeat(64));
        let long = format!("a@{}test", "x.".repeat(130));
        let bad = [
            "",
            "ops",
            "@example.com",
            "ops@",
            "ops@localhost",
            "ops@1.2.3.4",
            "ops@[1.2.3.4]",
            "a b@example.com",
            "a@b@example.com",
            "https://me@example.com",
            "mailto:a@x.test",
            "ops@example..com",
            "ops@.example.com",
            ".ops@example.com",
            "o..ps@example.com",
            "ops@-x.test",
            "ops@x-.test",
            "ops@x_y.test",
            "ops@example.com\n",
            "a@x\r\n.test",
            "<ops@example.com>",
            "\"a b\"@x.test",
            "ä@x.test",
            "a@ä.test",
            "a,b@x.test",
            &long_local,
            &long_label,
            &long,
        ];
        for bad in bad {
            assert!(!is_address(bad), "{bad}");
        }
        assert_eq!(domain_of("ops@Example.com"), Some("Example.com"));
    }
}
