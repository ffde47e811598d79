//! PURE: what letters say, as plain text and as small HTML of the same words.

use crate::access::Role;
use crate::records::mails::Letter;

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
}
