//! Which target wins, and why: task → project → team default → held. Resolved at
//! each attempt, so a corrected default saves the backlog. What a legal target is: a URL
//! that may be dialled, or an e-mail address. Never looks up a name: addresses are judged
//! where they are dialled.

use crate::callback::address::Guard;
use crate::callback::email::{domain_of, is_address};
use std::sync::Arc;
use url::Url;

/// Longest callback URL accepted, in bytes.
pub const URL_BYTES_MAX: usize = 2048;

/// The rule that chose a target; stored with each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// The task named it when it was accepted.
    Task,
    /// The project's parameters name it.
    Project,
    /// The team's default callback URL.
    TeamDefault,
}

/// What is known about where a callback could go. Empty text means none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Candidates<'a> {
    /// The task's own URL, fixed at acceptance.
    pub task: Option<&'a str>,
    /// The project's, as it is now.
    pub project: Option<&'a str>,
    /// The team's default, as it is now.
    pub team_default: Option<&'a str>,
}

/// The first candidate that is set and the rule that chose it;
/// `None` when there is nowhere to go and the callback must be held.
#[must_use]
pub fn resolve<'a>(candidates: Candidates<'a>) -> Option<(&'a str, Provenance)> {
    let set =
        |url: Option<&'a str>, rule| url.filter(|text| !text.is_empty()).map(|text| (text, rule));
    set(candidates.task, Provenance::Task)
        .or_else(|| set(candidates.project, Provenance::Project))
        .or_else(|| set(candidates.team_default, Provenance::TeamDefault))
}

impl Provenance {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Project => "project",
            Self::TeamDefault => "team default",
        }
    }
}

/// What names a target's lane: a URL's origin (scheme, host, port), or an address's domain.
/// Empty for a text that is neither, so that even such a callback has a lane in which its
/// fault is found.
#[must_use]
pub fn origin_of(target: &str) -> Arc<str> {
    match Url::parse(target) {
        Ok(url) => url.origin().ascii_serialization().into(),
        Err(_) => domain_of(target).map_or_else(Arc::default, |domain| {
            format!("mailto:{}", domain.to_ascii_lowercase()).into()
        }),
    }
}

/// Where a callback can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// It is POSTed there.
    Url(Url),
    /// It is mailed there.
    Email(String),
}

impl Target {
    /// Whether the guard lets it be saved. Names are judged when they are resolved, at each
    /// attempt; mail goes to the operator's own server.
    #[must_use]
    pub fn is_permitted(&self, guard: &Guard) -> bool {
        match self {
            Self::Url(url) => guard.permits_host(url),
            Self::Email(_) => true,
        }
    }
}

/// Checks the form of a callback target.
///
/// # Errors
/// [`UrlError`] names the rule that was broken and the way out.
pub fn parse(text: &str) -> Result<Target, UrlError> {
    if is_address(text) {
        return Ok(Target::Email(text.to_owned()));
    }
    match parse_url(text) {
        Ok(url) => Ok(Target::Url(url)),
        Err(UrlError::Malformed) => Err(UrlError::NoTarget),
        Err(error) => Err(error),
    }
}

/// Why a text is not a legal URL or target; to be read behind the name of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlError {
    /// Longer than [`URL_BYTES_MAX`].
    TooLong(usize),
    /// Not an absolute URL.
    Malformed,
    /// Neither an absolute URL nor an e-mail address.
    NoTarget,
    /// Holds a control character, which no store need keep and no header may carry.
    Control,
    /// Neither `http` nor `https`.
    Scheme,
    /// Holds a user name or password.
    Userinfo,
    /// Port 0 cannot be dialled.
    Port,
}

impl std::fmt::Display for UrlError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong(bytes) => {
                write!(out, "is {bytes} bytes; shorten it to {URL_BYTES_MAX}")
            }
            Self::Malformed => {
                write!(out, "must be absolute, such as https://example.com/hook")
            }
            Self::NoTarget => write!(
                out,
                "must be a URL such as https://example.com/hook, or an e-mail address"
            ),
            Self::Control => write!(
                out,
                "must not contain control characters; percent-encode them"
            ),
            Self::Scheme => write!(out, "must start with https:// or http://"),
            Self::Userinfo => write!(
                out,
                "must not hold a user name or password; check scale-callback-auth instead"
            ),
            Self::Port => write!(out, "must not use port 0; name a port from 1 to 65535"),
        }
    }
}

impl std::error::Error for UrlError {}

/// Checks the form of a callback URL.
///
/// # Errors
/// [`UrlError`] names the rule that was broken and the way out.
pub fn parse_url(text: &str) -> Result<Url, UrlError> {
    if text.len() > URL_BYTES_MAX {
        return Err(UrlError::TooLong(text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err(UrlError::Control);
    }
    let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Userinfo);
    }
    if url.port() == Some(0) {
        return Err(UrlError::Port);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_url_wins_and_says_why() {
        let check = |task, project, team_default, expected| {
            assert_eq!(
                resolve(Candidates {
                    task,
                    project,
                    team_default
                }),
                expected
            );
        };
        let (t, p, d) = (Some("t"), Some("p"), Some("d"));
        check(t, p, d, Some(("t", Provenance::Task)));
        check(None, p, d, Some(("p", Provenance::Project)));
        check(Some(""), None, d, Some(("d", Provenance::TeamDefault)));
        check(None, Some(""), None, None);
    }

    #[test]
    fn an_origin_ignores_path_and_default_port() {
        assert_eq!(
            &*origin_of("https://example.com:443/a?b"),
            "https://example.com"
        );
        assert_eq!(
            &*origin_of("http://example.com:81/"),
            "http://example.com:81"
        );
        assert_eq!(&*origin_of("ops@Mail.example"), "mailto:mail.example");
        assert_eq!(&*origin_of("nonsense"), "");
        assert_eq!(&*origin_of("non@sense"), "");
    }

    #[test]
    fn a_target_is_a_url_or_an_address() {
        let email = Target::Email("ops@example.com".to_owned());
        assert!(email.is_permitted(&Guard::default()));
        assert_eq!(parse("ops@example.com"), Ok(email));
        let url = parse("http://10.0.0.1/").unwrap();
        assert!(!url.is_permitted(&Guard::default()));
        assert!(matches!(url, Target::Url(_)));
        for (bad, reason) in [
            ("ops@", UrlError::NoTarget),
            ("mailto:ops@example.com", UrlError::Scheme),
            ("https://me@example.com", UrlError::Userinfo),
        ] {
            assert_eq!(parse(bad), Err(reason), "{bad}");
        }
    }

    #[test]
    fn hostile_urls_are_refused_with_their_reason() {
        let reason = |text: &str| parse_url(text).err();
        assert_eq!(reason("https://example.com/hook?x=1"), None);
        assert_eq!(reason("http://[2001:db8::1]:8080/"), None);
        assert_eq!(reason("/hook"), Some(UrlError::Malformed));
        assert_eq!(reason("https://"), Some(UrlError::Malformed));
        for hidden in ["\0", "\t", "\r\n", "\u{7f}"] {
            let text = format!("https://example.com/a{hidden}b");
            assert_eq!(reason(&text), Some(UrlError::Control));
        }
        assert_eq!(reason("ftp://example.com/"), Some(UrlError::Scheme));
        assert_eq!(reason("https://a:b@example.com/"), Some(UrlError::Userinfo));
        assert_eq!(reason("https://example.com:0/"), Some(UrlError::Port));
        let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(reason(&long), Some(UrlError::TooLong(long.len())));
    }
}
