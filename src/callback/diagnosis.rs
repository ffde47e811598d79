//! Outcome → what went wrong in words, with one hint that helps. The texts are a
//! fixed list: a receiver cannot put words in our mouth. The single exception, the
//! address a redirect names, is cleaned and shortened first.

use crate::callback::Fault;
use crate::callback::MailReply;
use crate::callback::Outcome;
use crate::callback::Phase;
use crate::callback::bucket::Trouble;
use std::borrow::Cow;

/// Longest piece of a `Location` header shown, in characters: enough for any
/// address worth copying, too little for an essay.
pub const LOCATION_CHARS_MAX: usize = 200;

/// An outcome explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diagnosis {
    /// Stable short name, for metrics, search and storage.
    pub code: &'static str,
    /// What happened, one sentence.
    pub what: &'static str,
    /// What to do about it, one sentence. Empty when nothing is wrong.
    pub hint: &'static str,
}

impl Diagnosis {
    /// The hint; for a redirect it names the address that `location`, the raw
    /// header, points to.
    #[must_use]
    pub fn hint_with(&self, location: Option<&str>) -> Cow<'static, str> {
        match location.and_then(clean_location) {
            Some(address) if *self == REDIRECT => Cow::Owned(format!(
                "Redirects are never followed: set the callback URL to the new address, {address}."
            )),
            _ => Cow::Borrowed(self.hint),
        }
    }
}

/// Explains an outcome.
#[must_use]
pub fn diagnose(outcome: &Outcome) -> Diagnosis {
    match outcome {
        Outcome::Answered { status, .. } => of_status(*status),
        Outcome::Failed(fault) => of_fault(*fault),
        Outcome::Mailed(reply) => of_mail(*reply),
        Outcome::Unstored(trouble) => of_bucket(*trouble),
    }
}

/// Explains a stored code; `None` when no diagnosis has this code.
#[must_use]
pub fn from_code(code: &str) -> Option<Diagnosis> {
    ALL.iter().find(|known| known.code == code).copied()
}

/// The only characters RFC 3986 allows in an address. Everything else (spaces,
/// control characters, escapes, markup) is left out.
fn clean_location(raw: &str) -> Option<String> {
    let legal =
        |sign: &char| sign.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(*sign);
    let mut signs = raw.chars().filter(legal);
    let mut address: String = signs.by_ref().take(LOCATION_CHARS_MAX).collect();
    if signs.next().is_some() {
        address.push('…');
    }
    (!address.is_empty()).then_some(address)
}

fn of_status(status: u16) -> Diagnosis {
    match status {
        200..=299 => DELIVERED,
        300..=399 => REDIRECT,
        401 | 403 => AUTH_REFUSED,
        404 => NOT_FOUND,
        410 => GONE,
        413 => TOO_LARGE,
        429 => RATE_LIMITED,
        400..=499 => CLIENT_ERROR,
        502..=504 => OVERLOADED,
        500..=599 => SERVER_ERROR,
        _ => ODD_STATUS,
    }
}

fn of_fault(fault: Fault) -> Diagnosis {
    match fault {
        Fault::Url => ILLEGAL_URL,
        Fault::Dns => DNS,
        Fault::AddressRefused => ADDRESS_REFUSED,
        Fault::ConnectRefused => CONNECT_REFUSED,
        Fault::ConnectFailed => CONNECT_FAILED,
        Fault::TlsExpired => TLS_EXPIRED,
        Fault::TlsName => TLS_NAME,
        Fault::TlsChain => TLS_CHAIN,
        Fault::Tls => TLS_OTHER,
        Fault::Timeout(Phase::Dns) => TIMEOUT_DNS,
        Fault::Timeout(Phase::Connect) => TIMEOUT_CONNECT,
        Fault::Timeout(Phase::Tls) => TIMEOUT_TLS,
        Fault::Timeout(Phase::Answer) => TIMEOUT_ANSWER,
        Fault::Cut => CUT,
        Fault::Protocol => PROTOCOL,
    }
}

fn of_mail(reply: MailReply) -> Diagnosis {
    match reply {
        MailReply::Taken => DELIVERED,
        MailReply::Refused(_) => MAIL_REFUSED,
        MailReply::PutOff(_) => MAIL_PUT_OFF,
        MailReply::Away => MAIL_AWAY,
    }
}

fn of_bucket(trouble: Trouble) -> Diagnosis {
    from_code(trouble.code()).unwrap_or(BUCKET_ODD)
}

/// Declares each diagnosis as a constant and lists them all, so that none can be
/// forgotten by [`from_code`]. Codes are stored: never change one that was released.
macro_rules! diagnoses {
    ($($name:ident: $code:literal, $what:literal, $hint:literal;)*) => {
        $(const $name: Diagnosis = Diagnosis { code: $code, what: $what, hint: $hint };)*

        /// Every diagnosis there is, in the order of an attempt's life.
        pub const ALL: &[Diagnosis] = &[$($name),*];
    };
}

diagnoses! {
    DELIVERED: "delivered",
        "The receiver accepted the callback.",
        "";
    ILLEGAL_URL: "illegal_url",
        "The callback URL cannot be dialled.",
        "Set an absolute http:// or https:// URL without user name or password, or an e-mail address.";
    DNS: "dns",
        "The host name does not resolve.",
        "Check the host name for typing errors and that its DNS record is public.";
    ADDRESS_REFUSED: "address_refused",
        "The host name leads to an address that may not be called.",
        "Use a publicly reachable endpoint, or ask the operator to allow this private range.";
    CONNECT_REFUSED: "connect_refused",
        "Nothing listens on the receiver's port.",
        "Start the receiving server, or correct the port in the callback URL.";
    CONNECT_FAILED: "connect_failed",
        "The receiver's network cannot be reached.",
        "Check that the host is up and that its firewall lets this gateway in.";
    TLS_EXPIRED: "tls_expired",
        "The receiver's certificate has expired or is not valid yet.",
        "Renew the certificate and check the receiver's clock.";
    TLS_NAME: "tls_name",
        "The receiver's certificate is for another host name.",
        "Install a certificate that covers the host name of the callback URL.";
    TLS_CHAIN: "tls_chain",
        "The receiver's certificate does not lead to a trusted authority.",
        "Serve the full chain with its intermediates, from a public authority; self-signed ones are not trusted.";
    TLS_OTHER: "tls",
        "No secure connection could be agreed.",
        "Check that the port speaks TLS 1.2 or 1.3 and asks for no client certificate.";
    TIMEOUT_DNS: "timeout_dns",
        "Looking up the host name took too long.",
        "Check that the name servers of the domain answer quickly.";
    TIMEOUT_CONNECT: "timeout_connect",
        "The receiver did not accept the connection in time.",
        "Check that a firewall does not drop packets from this gateway.";
    TIMEOUT_TLS: "timeout_tls",
        "The receiver did not finish the TLS handshake in time.",
        "Check that the port speaks TLS and that the server is not overloaded.";
    TIMEOUT_ANSWER: "timeout_answer",
        "The receiver took too long to answer.",
        "Answer 2xx at once and do the work afterwards, from a queue of your own.";
    CUT: "cut",
        "The connection was closed before the answer was complete.",
        "Look for crashes or proxy time limits on the receiver at this time.";
    PROTOCOL: "protocol",
        "What came back was not a legal HTTP/1.1 answer, or its head was too large.",
        "Check that the port serves HTTP and keeps its response head below 16 KiB and 100 headers.";
    ODD_STATUS: "odd_status",
        "The receiver answered with a status that ends no request.",
        "Answer with a final status, 200 when the callback was received.";
    REDIRECT: "redirect",
        "The receiver redirected the callback.",
        "Redirects are never followed: set the callback URL to the final address.";
    AUTH_REFUSED: "auth_refused",
        "The receiver refused the callback's credentials.",
        "Compare the scale-callback-auth header with the current callback auth key, and exempt this path from other logins.";
    NOT_FOUND: "not_found",
        "The receiver has nothing at this path.",
        "Correct the path of the callback URL, or deploy the handler there.";
    GONE: "gone",
        "The receiver said the endpoint is gone for good, so it was paused.",
        "Set a new callback URL, or resume the endpoint if this was a mistake.";
    TOO_LARGE: "too_large",
        "The receiver refused the callback as too large.",
        "Raise the request body limit of the receiver or of the proxy before it.";
    RATE_LIMITED: "rate_limited",
        "The receiver asked for fewer requests.",
        "Raise the receiver's rate limit for this gateway; sending has been slowed down meanwhile.";
    CLIENT_ERROR: "client_error",
        "The receiver rejected the request.",
        "Read the response body, then make the handler accept POST with a JSON body.";
    OVERLOADED: "overloaded",
        "The receiver or the proxy before it is overloaded or down.",
        "Check the receiver's health and capacity; sending has been slowed down meanwhile.";
    SERVER_ERROR: "server_error",
        "The receiver failed while handling the callback.",
        "Look in the receiver's error log at the time of this attempt.";
    MAIL_REFUSED: "mail_refused",
        "The mail server refused the callback for good.",
        "Correct the e-mail address or free the mailbox, as the server's answer says, then replay the callback.";
    MAIL_PUT_OFF: "mail_put_off",
        "The mail server did not take the callback now.",
        "Nothing is to be done at first: it is tried again; if it goes on, read the server's answer.";
    MAIL_AWAY: "mail_server_away",
        "This gateway's mail server did not answer, or did not let the gateway in.",
        "It is tried again; ask the operator to check the mail settings if it goes on.";
    BUCKET_NOT_SET_UP: "bucket_not_set_up",
        "There is no integration with this cloud.",
        "Set it up on the Integrations page, or have large results delivered whole.";
    BUCKET_NOT_TRUSTED: "bucket_not_trusted",
        "The cloud account does not let this gateway in.",
        "Press Test connection on the Integrations page: it says what to change.";
    BUCKET_DENIED: "bucket_denied",
        "This gateway is let in, but may not do this with the bucket.",
        "Press Test connection on the Integrations page: it says what to change.";
    BUCKET_MISSING: "bucket_missing",
        "There is no such bucket or container.",
        "Correct its name on the Integrations page, or make it.";
    BUCKET_OBJECT_MISSING: "bucket_object_missing",
        "There is no such object in the bucket.",
        "Correct the object's name, or put it into the bucket.";
    BUCKET_REGION: "bucket_region",
        "The bucket is in another region.",
        "Press Test connection on the Integrations page: it says which region that is.";
    BUCKET_CLOCK: "bucket_clock",
        "The clocks of this gateway and of the cloud differ by minutes.",
        "Ask the operator of this gateway to set its clock.";
    BUCKET_NETWORK: "bucket_network",
        "The cloud cannot be reached.",
        "It is tried again; ask the operator whether this gateway reaches the cloud if it goes on.";
    BUCKET_BUSY: "bucket_busy",
        "The cloud asks to come later.",
        "Nothing is to be done: it is tried again.";
    BUCKET_GATEWAY: "bucket_gateway",
        "The cloud does not know this gateway.",
        "Ask the operator of this gateway to renew its own credentials at this cloud.";
    BUCKET_ODD: "bucket_odd",
        "The cloud answered with something unexpected.",
        "Read the cloud's answer, and send it to the operator of this gateway.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answered(status: u16) -> Outcome {
        Outcome::Answered {
            status,
            retry_after: None,
            location: None,
        }
    }

    #[test]
    fn every_outcome_has_its_code() {
        let check = |outcome: Outcome, code| assert_eq!(diagnose(&outcome).code, code);
        for (status, code) in [
            (100, "odd_status"),
            (101, "odd_status"),
            (200, "delivered"),
            (204, "delivered"),
            (301, "redirect"),
            (308, "redirect"),
            (400, "client_error"),
            (401, "auth_refused"),
            (403, "auth_refused"),
            (404, "not_found"),
            (410, "gone"),
            (413, "too_large"),
            (418, "client_error"),
            (429, "rate_limited"),
            (500, "server_error"),
            (501, "server_error"),
            (502, "overloaded"),
            (503, "overloaded"),
            (504, "overloaded"),
            (599, "server_error"),
            (999, "odd_status"),
        ] {
            check(answered(status), code);
        }
        for (fault, code) in [
            (Fault::Url, "illegal_url"),
            (Fault::Dns, "dns"),
            (Fault::AddressRefused, "address_refused"),
            (Fault::ConnectRefused, "connect_refused"),
            (Fault::ConnectFailed, "connect_failed"),
            (Fault::TlsExpired, "tls_expired"),
            (Fault::TlsName, "tls_name"),
            (Fault::TlsChain, "tls_chain"),
            (Fault::Tls, "tls"),
            (Fault::Timeout(Phase::Dns), "timeout_dns"),
            (Fault::Timeout(Phase::Connect), "timeout_connect"),
            (Fault::Timeout(Phase::Tls), "timeout_tls"),
            (Fault::Timeout(Phase::Answer), "timeout_answer"),
            (Fault::Cut, "cut"),
            (Fault::Protocol, "protocol"),
        ] {
            check(Outcome::Failed(fault), code);
        }
        for (reply, code) in [
            (MailReply::Taken, "delivered"),
            (MailReply::Refused(550), "mail_refused"),
            (MailReply::PutOff(451), "mail_put_off"),
            (MailReply::Away, "mail_server_away"),
        ] {
            check(Outcome::Mailed(reply), code);
        }
        for trouble in Trouble::ALL {
            check(Outcome::Unstored(trouble), trouble.code());
        }
    }

    #[test]
    fn codes_are_unique_and_each_failure_has_one_hint() {
        for (index, one) in ALL.iter().enumerate() {
            assert_eq!(from_code(one.code), Some(*one));
            assert!(ALL[..index].iter().all(|other| other.code != one.code));
            assert!(one.what.ends_with('.'), "{}", one.code);
            assert_eq!(one.hint.is_empty(), one.code == "delivered");
            assert!(one.hint.is_empty() || one.hint.ends_with('.'));
        }
        assert_eq!(from_code("never heard of"), None);
    }

    #[test]
    fn only_a_redirect_names_the_new_address() {
        let check = |status, location, expected: &str| {
            let hint = diagnose(&answered(status)).hint_with(location);
            assert!(hint.ends_with(expected), "{hint}");
        };
        check(301, Some("https://b.example/x"), ", https://b.example/x.");
        check(302, Some("/new\x1b[31m <b>"), ", /new[31mb.");
        check(302, Some(" \r\n"), "final address.");
        check(302, None, "final address.");
        check(500, Some("https://b.example/x"), "of this attempt.");
    }

    proptest! {
        #[test]
        fn a_shown_location_is_short_and_plain(raw in "\\PC*|.{0,900}") {
            let shown = clean_location(&raw).unwrap_or_default();
            prop_assert!(shown.chars().count() <= LOCATION_CHARS_MAX + 1);
            prop_assert!(shown.chars().all(|sign| sign.is_ascii_graphic() || sign == '…'));
            prop_assert!(!shown.contains(['<', '>', '"', '\\']));
        }
    }
}
