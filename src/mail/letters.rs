//! PURE: what letters say, as plain text and as small HTML of the same words.

use crate::access::Role;
use crate::callback::Mode;
use crate::records::mails::Letter;
use bytes::Bytes;
use serde::Deserialize;

/// Longest callback that stands in the text of its mail, bytes; a longer one is attached.
pub const INLINE_BYTES_MAX: usize = 65_536;

/// A callback as a mail. Holds what the customer gets anyway, and no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackLetter {
    /// One line.
    pub subject: String,
    /// What happened, then the JSON, unless that is attached.
    pub text: String,
    /// The JSON that is too long for the text.
    pub attachment: Option<Vec<u8>>,
}

/// What a callback says of itself: a task's has `task_id`, a batch's has `name`.
#[derive(Deserialize)]
struct Peek {
    task_id: Option<String>,
    name: Option<String>,
    status: Option<String>,
}

/// Brings a callback's JSON to a mailbox.
#[must_use]
pub fn callback(mode: Mode, body: &Bytes) -> CallbackLetter {
    let subject = subject(mode, body);
    let head = format!(
        "{subject}.\n\nThis is the callback, mailed to this address in place of a POST to a URL."
    );
    if body.len() > INLINE_BYTES_MAX {
        let text = format!("{head}\nIt is {} bytes of JSON, attached.\n", body.len());
        return CallbackLetter {
            subject,
            text,
            attachment: Some(body.to_vec()),
        };
    }
    let json = String::from_utf8_lossy(body);
    CallbackLetter {
        subject,
        text: format!("{head}\n\n{json}\n"),
        attachment: None,
    }
}

fn subject(mode: Mode, body: &[u8]) -> String {
    const UNKNOWN: &str = "A callback of Ringback";
    let Ok(peek) = serde_json::from_slice::<Peek>(body) else {
        return UNKNOWN.to_owned();
    };
    let (what, name) = match (mode, peek.task_id, peek.name) {
        (Mode::Live, Some(id), _) => ("Task", id),
        (Mode::Test, Some(id), _) => ("Test task", id),
        (Mode::Live, None, Some(name)) => ("Batch", name),
        (Mode::Test, None, Some(name)) => ("Test batch", name),
        (_, None, None) => return UNKNOWN.to_owned(),
    };
    match peek.status {
        Some(status) => format!("{what} {name} is {status}"),
        None => format!("{what} {name} has changed"),
    }
}

/// Asks somebody to join a team.
#[must_use]
pub fn invitation(team: &str, role: Role, link: &str, valid_hours: u64) -> Letter {
    letter(
        &format!("Join {team} on Ringback"),
        &[
            &format!("You were invited to the team {team} as {}.", role.as_str()),
            &format!(
                "The link is good once, within {valid_hours} hours. If you expected no invitation, do nothing."
            ),
        ],
        ("Accept the invitation", link),
    )
}

/// Lets somebody choose a new password.
#[must_use]
pub fn password_reset(link: &str, valid_minutes: u64) -> Letter {
    letter(
        "Choose a new password for Ringback",
        &[
            "Somebody, most likely you, asked for a new password.",
            &format!(
                "The link is good once, within {valid_minutes} minutes. If it was not you, do nothing: your password stays."
            ),
        ],
        ("Choose a new password", link),
    )
}

fn letter(subject: &str, paragraphs: &[&str], (label, link): (&str, &str)) -> Letter {
    let text = format!("{}\n\n{label}:\n{link}\n", paragraphs.join("\n\n"));
    let marked: Vec<_> = paragraphs
        .iter()
        .map(|paragraph| format!("<p>{}</p>\n", escape(paragraph)))
        .collect();
    let marked = marked.concat();
    let link = escape(link);
    Letter {
        subject: subject.to_owned(),
        text,
        html: format!("{marked}<p><a href=\"{link}\">{label}</a></p>\n<p>{link}</p>\n"),
    }
}

/// Text as it may stand in HTML, in attributes, too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_team_name_stays_text() {
        let letter = invitation("<b>\"A & B\"", Role::Member, "https://r.test/?a=1&b=2", 24);
        assert!(letter.text.contains("<b>\"A & B\""));
        assert!(letter.text.contains("https://r.test/?a=1&b=2\n"));
        assert!(!letter.html.contains("<b>"), "{}", letter.html);
        assert!(letter.html.contains("&lt;b&gt;&quot;A &amp; B&quot;"));
        assert!(letter.html.contains("href=\"https://r.test/?a=1&amp;b=2\""));
    }

    #[test]
    fn a_callback_says_what_happened_above_its_json() {
        let check = |mode, body: &'static str, expected: &str| {
            let letter = callback(mode, &Bytes::from_static(body.as_bytes()));
            assert_eq!(letter.subject, expected);
            assert!(letter.text.starts_with(&format!("{expected}.\n")));
            assert!(letter.text.ends_with(&format!("\n\n{body}\n")));
            assert_eq!(letter.attachment, None);
        };
        let task = r#"{"task_id":"t1","status":"completed","response":{"name":"x"}}"#;
        check(Mode::Live, task, "Task t1 is completed");
        check(Mode::Test, task, "Test task t1 is completed");
        let batch = r#"{"batch":{"status":"x"},"name":"week 18","status":"completed"}"#;
        check(Mode::Live, batch, "Batch week 18 is completed");
        check(Mode::Test, batch, "Test batch week 18 is completed");
        check(Mode::Live, r#"{"name":"w"}"#, "Batch w has changed");
        check(Mode::Live, "{}", "A callback of Ringback");
        check(Mode::Live, "[1]", "A callback of Ringback");
    }

    #[test]
    fn a_long_callback_is_attached() {
        let body = |bytes| Bytes::from(format!("\"{}\"", "x".repeat(bytes - 2)));
        assert_eq!(
            callback(Mode::Live, &body(INLINE_BYTES_MAX)).attachment,
            None
        );
        let long = body(INLINE_BYTES_MAX + 1);
        let letter = callback(Mode::Live, &long);
        assert_eq!(letter.attachment.as_deref(), Some(&*long));
        assert!(
            letter
                .text
                .ends_with("It is 65537 bytes of JSON, attached.\n")
        );
    }
}
