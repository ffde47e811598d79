//! What `[account]` and `[mail]` mean.

use crate::config::{Account, Mail};
use url::Url;

const HOUR_MS: u64 = 3_600_000;
/// Ten years; beyond it, a slip of the hand.
const HOURS_MAX: u32 = 87_600;

impl Account {
    /// How long an invitation is good, milliseconds.
    #[must_use]
    pub fn invite_valid_ms(&self) -> u64 {
        u64::from(self.invite_valid_hours) * HOUR_MS
    }

    /// How long a session is good, milliseconds.
    #[must_use]
    pub fn session_valid_ms(&self) -> u64 {
        u64::from(self.session_valid_hours) * HOUR_MS
    }

    /// A link to a page of this gateway, with a token that opens something.
    #[must_use]
    pub fn link(&self, page: &str, token: &str) -> String {
        let base = self.public_url.trim_end_matches('/');
        format!("{base}/dashboard/{page}?token={token}")
    }

    /// A link to a large response, with what opens it.
    #[must_use]
    pub fn response_link(&self, id: &str, signature: &str) -> String {
        let base = self.public_url.trim_end_matches('/');
        format!("{base}/responses/{id}?signature={signature}")
    }

    /// Every broken rule.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let url = Url::parse(&self.public_url);
        let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.query().is_none();
        if !url.as_ref().is_ok_and(is_http) {
            problems
                .push("account.public_url must be a URL such as https://ringback.example".into());
        }
        let hours = [
            ("invite_valid_hours", self.invite_valid_hours),
            ("session_valid_hours", self.session_valid_hours),
        ];
        for (name, hours) in hours {
            if !(1..=HOURS_MAX).contains(&hours) {
                problems.push(format!("account.{name} must be from 1 to {HOURS_MAX}"));
            }
        }
        if self.sign_in_account_tries_max == 0 || self.sign_in_address_tries_max == 0 {
            problems.push("account.sign_in_..._tries_max must be at least 1".into());
        }
        problems
    }
}

impl Mail {
    /// The server's URL, if there is one; else mail goes into files.
    #[must_use]
    pub fn server_url(&self) -> Option<&str> {
        matches!(self.url.scheme(), "smtp" | "smtps").then(|| self.url.reveal())
    }

    /// How long a letter is tried, milliseconds.
    #[must_use]
    pub fn give_up_ms(&self) -> u64 {
        u64::from(self.give_up_hours) * HOUR_MS
    }

    /// Every broken rule. Tells of the URL only what holds no password.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.server_url().is_none() && self.url.reveal() != "file:" {
            problems.push(format!(
                "mail.url must be \"file:\" or start with smtp:// or smtps://; it starts with {:?}",
                self.url.scheme()
            ));
        }
        let broken = |url| Url::parse(url).map_or(true, |url| url.host_str().is_none());
        if self.server_url().is_some_and(broken) {
            problems.push(
                "mail.url is no URL; write smtps://user:password@host:465, with %40 for @ and \
                 %2F for / in user and password"
                    .into(),
            );
        }
        if !(1..=HOURS_MAX).contains(&self.give_up_hours) {
            problems.push(format!("mail.give_up_hours must be from 1 to {HOURS_MAX}"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn build(text: &str) -> Result<Config, String> {
        Config::build(Some(("test.toml", text)), std::iter::empty())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn mail_goes_into_files_or_to_a_server() {
        let url = |url: &str| build(&format!("mail.url = {url:?}"));
        let good = url("smtps://me:secret-1@mail.test:465").unwrap();
        assert!(good.mail.server_url().unwrap().contains("secret-1"));
        assert!(!good.to_toml().contains("secret-1"));
        assert_eq!(url("file:").unwrap().mail.server_url(), None);
        for bad in ["file:elsewhere", "http://mail.test", "smtp://", "smtp:x"] {
            assert!(url(bad).unwrap_err().contains("mail.url"), "{bad}");
        }
    }

    #[test]
    fn links_begin_with_the_public_url() {
        let link = |url: &str| {
            let config = build(&format!("account.public_url = {url:?}"))?;
            Ok::<_, String>(config.account.link("invite", "t1"))
        };
        let expected = Ok("https://r.test/x/dashboard/invite?token=t1".to_owned());
        assert_eq!(link("https://r.test/x"), expected);
        assert_eq!(link("https://r.test/x/"), expected);
        assert!(link("r.test").unwrap_err().contains("account.public_url"));
        assert!(link("ftp://r.test").is_err());
    }
}
