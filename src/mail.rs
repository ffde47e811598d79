//! Mail: the outbox's letters to an SMTP server, or into files. Off the path of requests, by
//! whichever process takes a letter out first; a letter is in the outbox until it is sent or
//! given up. Decides nothing about who gets what.

pub mod letters;

use crate::app::App;
use crate::callback::TimestampMs;
use crate::config::Config;
use crate::records::RecordsError;
use crate::records::mails::{Claimed, Mail};
use lettre::address::Address;
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The poll under the wake-ups: other processes write letters, too.
const POLL: Duration = Duration::from_secs(5);
/// A letter taken out is due again after this, when its process has died.
const LEASE_MS: u64 = 120_000;
/// Before the second try; doubled with each further one.
const FIRST_DELAY_MS: u64 = 5_000;
const DELAY_MS_MAX: u64 = 900_000;
/// Longest address (RFC 5321, the path).
const ADDRESS_BYTES_MAX: usize = 254;

/// Why no mail can be sent with these settings.
#[derive(Debug, thiserror::Error)]
#[error("mail.{setting}: {reason}")]
pub struct MailError {
    setting: &'static str,
    reason: String,
}

/// What became of a try to send.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sent {
    Done,
    Later(String),
    Never(String),
}

/// Where mail goes.
pub struct Sender {
    from: Mailbox,
    way: Way,
}

enum Way {
    Folder(PathBuf),
    Server(AsyncSmtpTransport<Tokio1Executor>),
}

/// Whether mail can be addressed so.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.is_ascii() && text.len() <= ADDRESS_BYTES_MAX && text.parse::<Address>().is_ok()
}

impl Sender {
    /// Ready to send; dials nobody yet.
    ///
    /// # Errors
    /// [`MailError`] names the setting.
    pub fn open(config: &Config) -> Result<Self, MailError> {
        let mail = &config.mail;
        let from = mail.from.parse().map_err(|error| MailError {
            setting: "from",
            reason: format!("{error}; write \"Name <address>\""),
        })?;
        let way = match mail.server_url() {
            None => Way::Folder(config.data.dir.join("mails")),
            Some(url) => Way::Server(server(config, url)?),
        };
        Ok(Self { from, way })
    }

    async fn send(&self, id: &str, mail: &Mail) -> Sent {
        let message = match self.message(mail) {
            Ok(message) => message,
            Err(error) => return Sent::Never(error),
        };
        match &self.way {
            Way::Folder(folder) => {
                let written = async {
                    tokio::fs::create_dir_all(folder).await?;
                    tokio::fs::write(folder.join(format!("{id}.eml")), message.formatted()).await
                };
                match written.await {
                    Ok(()) => Sent::Done,
                    Err(error) => Sent::Later(error.to_string()),
                }
            }
            Way::Server(server) => match server.send(message).await {
                Ok(_) => Sent::Done,
                Err(error) if error.is_permanent() => Sent::Never(error.to_string()),
                Err(error) => Sent::Later(error.to_string()),
            },
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, String> {
        let address: Address = mail
            .recipient
            .parse()
            .map_err(|_| "not an address".to_owned())?;
        let letter = &mail.letter;
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address))
            .subject(&letter.subject)
            .multipart(MultiPart::alternative_plain_html(
                letter.text.clone(),
                letter.html.clone(),
            ))
            .map_err(|error| error.to_string())
    }
}

fn server(config: &Config, url: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    let fault = |setting, reason: String| MailError { setting, reason };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
        .map_err(|error| fault("url", error.to_string()))?
        .timeout(Some(Duration::from_millis(config.mail.timeout_ms)));
    let file = &config.mail.ca_file;
    if file.as_os_str().is_empty() {
        return Ok(builder.build());
    }
    let unusable = |reason: String| fault("ca_file", format!("{}: {reason}", file.display()));
    let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    let authorities = Certificate::from_pem(&pem).map_err(|error| unusable(error.to_string()))?;
    let host = Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let parameters = TlsParameters::builder(host.unwrap_or_default())
        .certificate_store(CertificateStore::None)
        .add_root_certificate(authorities)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    let is_wrapped = config.mail.url.scheme() == "smtps";
    Ok(if is_wrapped {
        builder.tls(Tls::Wrapper(parameters)).build()
    } else {
        builder.tls(Tls::Required(parameters)).build()
    })
}

/// Sends until shutdown.
pub async fn run(app: App, sender: Sender) {
    loop {
        if let Err(error) = send_due(&app, &sender).await {
            tracing::warn!(error = %error, "the outbox will be looked into again");
        }
        tokio::select! {
            () = app.mail_written.notified() => {}
            () = tokio::time::sleep(POLL) => {}
            () = app.shutdown.stopping() => return,
        }
    }
}

/// Sends whatever is due now.
///
/// # Errors
/// [`RecordsError`] when the records do not answer; a letter may have been sent and is sent
/// again then.
pub async fn send_due(app: &App, sender: &Sender) -> Result<(), RecordsError> {
    while !app.shutdown.is_stopping() {
        let now = app.clock.now();
        let Some(claimed) = app.records.claim_mail(now, now + LEASE_MS).await? else {
            break;
        };
        let sent = sender.send(&claimed.id, &claimed.mail).await;
        conclude(app, &claimed, sent).await?;
    }
    Ok(())
}

async fn conclude(app: &App, claimed: &Claimed, sent: Sent) -> Result<(), RecordsError> {
    let now = app.clock.now();
    let count = |outcome| app.metrics.mails_total.with_label_values(&[outcome]).inc();
    let is_old = now
        >= claimed
            .created_ms
            .saturating_add(app.config.mail.give_up_ms());
    match sent {
        Sent::Done => {
            count("sent");
            app.records.forget_mail(&claimed.id).await
        }
        Sent::Later(reason) if !is_old => {
            tracing::warn!(mail.id = %claimed.id, tries = claimed.tries, reason, "a mail is put off");
            count("delayed");
            let due = now + delay_ms(claimed.tries);
            app.records.put_mail_off(&claimed.id, due).await
        }
        Sent::Later(reason) | Sent::Never(reason) => {
            tracing::error!(mail.id = %claimed.id, tries = claimed.tries, reason, "a mail is given up");
            count("failed");
            app.records.forget_mail(&claimed.id).await
        }
    }
}

fn delay_ms(tries: u32) -> TimestampMs {
    let doubled = 1_u64
        .checked_shl(tries.saturating_sub(1))
        .unwrap_or(u64::MAX);
    FIRST_DELAY_MS.saturating_mul(doubled).min(DELAY_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_waits_is_tried_less_and_less_often() {
        let delays: Vec<_> = [1, 2, 3, 8, 9, 64, 65, u32::MAX].map(delay_ms).into();
        let (quarter, first) = (DELAY_MS_MAX, FIRST_DELAY_MS);
        let expected = [
            first,
            first * 2,
            first * 4,
            640_000,
            quarter,
            quarter,
            quarter,
            quarter,
        ];
        assert_eq!(delays, expected);
    }

    #[test]
    fn addresses_are_those_that_mail_can_reach() {
        for good in ["ana@example.com", "a.b+c@x.test", "A@B.C"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@x.test", "a".repeat(250));
        for bad in [
            "",
            "ana",
            "@x",
            "a@",
            "a b@x.test",
            "a@x\r\n.test",
            "ä@x.test",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
