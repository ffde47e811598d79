//! Mail: the outbox's letters and callbacks to an SMTP server, or into files. The outbox is
//! emptied off the path of requests, by whichever process takes a letter out first; a letter
//! is in it until it is sent or given up. Callbacks are in the journal, which decides about
//! their retries. Decides nothing about who gets what.

pub mod letters;

use crate::app::App;
use crate::callback::{MailReply, TimestampMs};
use crate::config::Config;
use crate::mail::letters::CallbackLetter;
use crate::metrics::labels::MailOutcome;
use crate::records::RecordsError;
use crate::records::mails::{Claimed, Mail};
use lettre::address::Address;
use lettre::message::header::ContentType;
use lettre::message::{Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::error::Error;
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
/// Answers that are about us, not about the letter: 5xx, and yet another try may succeed
/// (RFC 4954).
const NOT_LET_IN: [u16; 4] = [530, 534, 535, 538];

/// Why no mail can be sent with these settings.
#[derive(Debug, thiserror::Error)]
#[error("mail.{setting}: {reason}")]
pub struct MailError {
    setting: &'static str,
    reason: String,
}

/// What became of a try to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What the server made of it.
    pub reply: MailReply,
    /// The server's own words, or what was wrong with reaching it. The latter are the
    /// operator's business, not the customer's.
    pub words: String,
}

/// Where mail goes. Clones share it.
#[derive(Clone)]
pub struct Sender {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Folder(PathBuf),
    Server(AsyncSmtpTransport<Tokio1Executor>),
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

    /// Connects, greets and signs in as for a letter, and sends none. With a folder there is
    /// nobody to ask.
    ///
    /// # Errors
    /// The server's own words, or what was wrong with reaching it.
    pub async fn greet(&self) -> Result<(), String> {
        match &self.way {
            Way::Folder(_) => Ok(()),
            Way::Server(server) => match server.test_connection().await {
                Ok(true) => Ok(()),
                Ok(false) => Err("it hung up".to_owned()),
                Err(error) => Err(refused(&error).words),
            },
        }
    }

    /// Hands a callback to the server. `id` names it in every try, so that a mailbox can
    /// know it again.
    pub async fn send_callback(&self, recipient: &str, id: &str, letter: CallbackLetter) -> Told {
        self.dispatch(id, self.callback(recipient, id, letter))
            .await
    }

    async fn send(&self, id: &str, mail: &Mail) -> Told {
        self.dispatch(id, self.message(mail)).await
    }

    async fn dispatch(&self, id: &str, message: Result<Message, String>) -> Told {
        let message = match message {
            Ok(message) => message,
            // What cannot be written today cannot be written tomorrow.
            Err(words) => return told(MailReply::Refused(553), words),
        };
        match &self.way {
            Way::Folder(folder) => {
                let written = async {
                    tokio::fs::create_dir_all(folder).await?;
                    tokio::fs::write(folder.join(format!("{id}.eml")), message.formatted()).await
                };
                match written.await {
                    Ok(()) => told(MailReply::Taken, String::new()),
                    Err(error) => told(MailReply::Away, error.to_string()),
                }
            }
            Way::Server(server) => match server.send(message).await {
                Ok(response) => {
                    let words: Vec<_> = response.message().collect();
                    told(MailReply::Taken, words.join(" "))
                }
                Err(error) => refused(&error),
            },
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, String> {
        let letter = &mail.letter;
        self.to(&mail.recipient)?
            .subject(&letter.subject)
            .multipart(MultiPart::alternative_plain_html(
                letter.text.clone(),
                letter.html.clone(),
            ))
            .map_err(|error| error.to_string())
    }

    fn callback(
        &self,
        recipient: &str,
        id: &str,
        letter: CallbackLetter,
    ) -> Result<Message, String> {
        let domain = self.from.email.domain();
        let head = self
            .to(recipient)?
            .subject(letter.subject)
            .message_id(Some(format!("<{id}@{domain}>")));
        let text = SinglePart::plain(letter.text);
        match letter.attachment {
            None => head.singlepart(text),
            Some(json) => {
                let json = Attachment::new("callback.json".to_owned()).body(json, json_type());
                head.multipart(MultiPart::mixed().singlepart(text).singlepart(json))
            }
        }
        .map_err(|error| error.to_string())
    }

    fn to(&self, recipient: &str) -> Result<MessageBuilder, String> {
        let address: Address = recipient.parse().map_err(|_| "not an address".to_owned())?;
        let head = Message::builder().from(self.from.clone());
        Ok(head.to(Mailbox::new(None, address)))
    }
}

fn json_type() -> ContentType {
    ContentType::parse("application/json").expect("a type of RFC 8259")
}

fn told(reply: MailReply, words: String) -> Told {
    Told { reply, words }
}

fn refused(error: &lettre::transport::smtp::Error) -> Told {
    let Some(code) = error.status().map(u16::from) else {
        return told(MailReply::Away, error.to_string());
    };
    if NOT_LET_IN.contains(&code) {
        return told(MailReply::Away, error.to_string());
    }
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let reply = if error.is_permanent() {
        MailReply::Refused(code)
    } else {
        MailReply::PutOff(code)
    };
    told(reply, format!("{code} {words}").trim_end().to_owned())
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
        let told = sender.send(&claimed.id, &claimed.mail).await;
        conclude(app, &claimed, told).await?;
    }
    Ok(())
}

async fn conclude(app: &App, claimed: &Claimed, told: Told) -> Result<(), RecordsError> {
    let now = app.clock.now();
    let count = |outcome| app.metrics.mails_total.of(outcome).inc();
    let is_old = now
        >= claimed
            .created_ms
            .saturating_add(app.config.mail.give_up_ms());
    let reason = told.words;
    match told.reply {
        MailReply::Taken => {
            count(MailOutcome::Sent);
            app.records.forget_mail(&claimed.id).await
        }
        MailReply::PutOff(_) | MailReply::Away if !is_old => {
            tracing::warn!(mail.id = %claimed.id, tries = claimed.tries, reason, "a mail is put off");
            count(MailOutcome::Delayed);
            let due = now + delay_ms(claimed.tries);
            app.records.put_mail_off(&claimed.id, due).await
        }
        MailReply::PutOff(_) | MailReply::Away | MailReply::Refused(_) => {
            tracing::error!(mail.id = %claimed.id, tries = claimed.tries, reason, "a mail is given up");
            count(MailOutcome::Failed);
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
    fn what_passes_for_an_address_can_be_written_to() {
        use crate::callback::email::is_address;
        let alphabet: Vec<_> = ('!'..='~').collect();
        for one in &alphabet {
            for text in [format!("a{one}b@x.test"), format!("a@x{one}y.te-st.c")] {
                assert!(
                    !is_address(&text) || text.parse::<Address>().is_ok(),
                    "{text}"
                );
            }
        }
        let longest = format!("{0}@{1}.{1}.{1}", "a".repeat(61), "x".repeat(63));
        assert!(is_address(&longest) && longest.parse::<Address>().is_ok());
    }
}
