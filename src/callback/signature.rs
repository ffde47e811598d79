//! Id + timestamp + body + secret → the `webhook-signature` header, as the
//! Standard Webhooks specification (v1, symmetric) has it. Never logs a secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Shortest and longest secret in bytes (Standard Webhooks, "Signature scheme").
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A signing secret, decoded from its `whsec_` form. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// Why a text is not a signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretError {
    /// It does not start with `whsec_`.
    Prefix,
    /// What follows the prefix is not base64.
    Encoding,
    /// It decodes to this many bytes, outside [`SECRET_BYTES`].
    Length(usize),
}

impl std::fmt::Display for SecretError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prefix => write!(out, "signing secret must start with `whsec_`"),
            Self::Encoding => write!(out, "signing secret must be base64 after `whsec_`"),
            Self::Length(bytes) => write!(
                out,
                "signing secret is {bytes} bytes; use {} to {}",
                SECRET_BYTES.start(),
                SECRET_BYTES.end()
            ),
        }
    }
}

impl std::error::Error for SecretError {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(..)")
    }
}

impl Secret {
    /// Reads a secret in its `whsec_<base64>` form.
    ///
    /// # Errors
    /// [`SecretError`] names what is wrong: prefix, encoding or length.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix("whsec_").ok_or(SecretError::Prefix)?;
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| SecretError::Encoding)?;
        if SECRET_BYTES.contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(SecretError::Length(bytes.len()))
        }
    }
}

/// The value of `webhook-signature`: one `v1,<base64>` per secret, separated by
/// spaces, so that old and new secrets both verify during a rotation.
/// `timestamp_s` is in Unix seconds. `id` must hold no `.`, the separator.
#[must_use]
pub fn sign(id: &str, timestamp_s: u64, body: &[u8], secrets: &[Secret]) -> String {
    debug_assert!(!id.contains('.'), "ids never contain the separator");
    let one = |secret: &Secret| {
        let code = mac(id, timestamp_s, body, secret).finalize().into_bytes();
        format!("v1,{}", STANDARD.encode(code))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Whether one of the signatures in `header` was made with one of the secrets.
/// Compares in constant time. The caller judges whether the timestamp is recent.
#[must_use]
pub fn verify(id: &str, timestamp_s: u64, body: &[u8], header: &str, secrets: &[Secret]) -> bool {
    let codes = header
        .split(' ')
        .filter_map(|part| part.strip_prefix("v1,"));
    codes
        .filter_map(|code| STANDARD.decode(code).ok())
        .any(|code| {
            let made_with = |secret| {
                mac(id, timestamp_s, body, secret)
                    .verify_slice(&code)
                    .is_ok()
            };
            secrets.iter().any(made_with)
        })
}

fn mac(id: &str, timestamp_s: u64, body: &[u8], secret: &Secret) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(&secret.0).expect("HMAC takes a key of any length");
    mac.update(format!("{id}.{timestamp_s}.").as_bytes());
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The example of the Standard Webhooks specification's own documentation.
    #[test]
    fn known_answer_of_the_specification() {
        let secret = Secret::parse(SECRET).unwrap();
        let signature = sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
            &[secret],
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_of_two_secrets_verifies_and_a_flipped_byte_does_not() {
        // The published verifier is the judge; it compares with its own wall clock.
        #[expect(
            clippy::disallowed_methods,
            reason = "the verifier reads the wall clock too"
        )]
        let now = std::time::SystemTime::now();
        let now_s = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        let secrets = [
            Secret::parse(SECRET).unwrap(),
            Secret::parse(other).unwrap(),
        ];
        let headers = verifier_headers("cb_1", now_s, &sign("cb_1", now_s, b"{}", &secrets));
        for text in [SECRET, other] {
            let verifier = standardwebhooks::Webhook::new(text).unwrap();
            assert!(verifier.verify(b"{}", &headers).is_ok());
            assert!(verifier.verify(b"{ ", &headers).is_err());
        }
    }

    #[test]
    fn our_own_verifier_agrees() {
        let secrets = [Secret::parse(SECRET).unwrap()];
        let header = format!("v1,AAAA {}", sign("cb_1", 7, b"{}", &secrets));
        assert!(verify("cb_1", 7, b"{}", &header, &secrets));
        assert!(!verify("cb_1", 8, b"{}", &header, &secrets));
        assert!(!verify("cb_1", 7, b"{ ", &header, &secrets));
        assert!(!verify("cb_1", 7, b"{}", "v1,AAAA", &secrets));
    }

    fn verifier_headers(id: &str, timestamp_s: u64, signature: &str) -> http::HeaderMap {
        let mut headers = http::HeaderMap::new();
        headers.insert("webhook-id", id.parse().unwrap());
        headers.insert("webhook-timestamp", timestamp_s.into());
        headers.insert("webhook-signature", signature.parse().unwrap());
        headers
    }

    #[test]
    fn a_bad_secret_is_told_apart() {
        let reason = |text| Secret::parse(text).err();
        assert_eq!(reason("secret"), Some(SecretError::Prefix));
        assert_eq!(reason("whsec_%%%"), Some(SecretError::Encoding));
        assert_eq!(reason("whsec_AAAA"), Some(SecretError::Length(3)));
    }
}
