//! Secrets at rest: sealing those that users may read again, digests to look keys
//! up by, and making new ones. Never logs, never shows a key in `Debug`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::io::Write;
use std::path::{Path, PathBuf};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 32 characters of base62 hold 190 bits.
const KEY_CHARACTERS: usize = 32;
/// A CRC32 in base62.
const CHECKSUM_CHARACTERS: usize = 6;
const NONCE_BYTES: usize = 24;

/// Seals and digests under the operator's key.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    pepper: [u8; 32],
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Vault(..)")
    }
}

/// Why the vault cannot work.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("vault key file {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The key file does not hold a key.
    #[error("vault key file {0} must hold 64 hexadecimal digits")]
    Malformed(PathBuf),
    /// A sealed value was sealed by another key or for another place, or was changed.
    #[error("a sealed secret does not open: is this the vault key it was sealed with?")]
    Sealed,
}

impl Vault {
    /// Reads the key file; makes one (readable by the owner alone) when there is none.
    ///
    /// # Errors
    /// [`VaultError`] when the file cannot be read, made or understood.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let unreadable = |source| VaultError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                make_key_file(path).map_err(unreadable)?
            }
            Err(error) => return Err(unreadable(error)),
        };
        let key = parse_hex(text.trim()).ok_or_else(|| VaultError::Malformed(path.to_owned()))?;
        Ok(Self::new(key))
    }

    /// A vault under this key. Sealing key and pepper are derived, so neither serves for the other.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let sealing = hmac_sha256(&key, b"ringback seal v1");
        Self {
            cipher: XChaCha20Poly1305::new(&sealing.into()),
            pepper: hmac_sha256(&key, b"ringback look-up v1"),
        }
    }

    /// Seals `secret` for one `place` (such as `team|live callback auth key`); it opens only there.
    #[must_use]
    pub fn seal(&self, place: &str, secret: &str) -> String {
        let nonce = random::<NONCE_BYTES>();
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: place.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("encrypting a short text in memory cannot fail");
        format!("v1.{}", STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what [`Vault::seal`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] when key or place differ or the text was changed.
    pub fn unseal(&self, place: &str, sealed: &str) -> Result<String, VaultError> {
        let encoded = sealed.strip_prefix("v1.").ok_or(VaultError::Sealed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| VaultError::Sealed)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(VaultError::Sealed)?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        String::from_utf8(secret.map_err(|_| VaultError::Sealed)?).map_err(|_| VaultError::Sealed)
    }

    /// What a key is looked up by. Without the vault's key it cannot be computed.
    #[must_use]
    pub fn digest(&self, key: &str) -> String {
        to_hex(&hmac_sha256(&self.pepper, key.as_bytes()))
    }
}

/// A new key: prefix, 32 random base62 characters, 6 of checksum, so that scanners can
/// recognise a leaked one and a mistyped one is refused before any look-up.
#[must_use]
pub fn new_key(prefix: &str) -> String {
    // 62 * 4 = 248: bytes above would favour some characters.
    let mut characters = String::with_capacity(KEY_CHARACTERS);
    while characters.len() < KEY_CHARACTERS {
        let fair = random::<64>().into_iter().filter(|byte| *byte < 248);
        let wanted = KEY_CHARACTERS - characters.len();
        characters.extend(
            fair.take(wanted)
                .map(|byte| char::from(BASE62[usize::from(byte % 62)])),
        );
    }
    let key = format!("{prefix}{characters}");
    let checksum = checksum(&key);
    key + &checksum
}

/// Whether a key has this prefix and a right checksum.
#[must_use]
pub fn is_key(prefix: &str, key: &str) -> bool {
    key.is_ascii()
        && key.len() == prefix.len() + KEY_CHARACTERS + CHECKSUM_CHARACTERS
        && key.starts_with(prefix)
        && key.ends_with(&checksum(&key[..key.len() - CHECKSUM_CHARACTERS]))
}

/// A new Standard Webhooks signing secret of 32 bytes, `whsec_` form.
#[must_use]
pub fn new_signing_secret() -> String {
    format!("whsec_{}", STANDARD.encode(random::<32>()))
}

fn checksum(key: &str) -> String {
    let mut rest = crc32fast::hash(key.as_bytes());
    let mut characters = [b'0'; CHECKSUM_CHARACTERS];
    for character in characters.iter_mut().rev() {
        *character = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    characters.iter().copied().map(char::from).collect()
}

fn make_key_file(path: &Path) -> std::io::Result<String> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text = to_hex(&random::<32>());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(text)
}

fn random<const BYTES: usize>() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_in_its_place_and_under_its_key() {
        let vault = Vault::new([7; 32]);
        let sealed = vault.seal("team_a|live", "secret");
        assert_eq!(vault.unseal("team_a|live", &sealed).unwrap(), "secret");
        assert!(vault.unseal("team_b|live", &sealed).is_err());
        assert!(Vault::new([8; 32]).unseal("team_a|live", &sealed).is_err());
        assert!(
            vault
                .unseal("team_a|live", &sealed.replace("v1.", "v1.AAAA"))
                .is_err()
        );
        assert!(!sealed.contains("secret"));
    }

    #[test]
    fn a_mistyped_key_is_refused_without_a_look_up() {
        let key = new_key("rb_live_");
        assert!(is_key("rb_live_", &key), "{key}");
        assert!(!is_key("rb_test_", &key));
        let mut mistyped = key.clone().into_bytes();
        mistyped[10] = if mistyped[10] == b'a' { b'b' } else { b'a' };
        assert!(!is_key("rb_live_", std::str::from_utf8(&mistyped).unwrap()));
        assert!(!is_key("rb_live_", "rb_live_é"));
    }

    #[test]
    fn digests_depend_on_the_vault() {
        assert_ne!(
            Vault::new([1; 32]).digest("k"),
            Vault::new([2; 32]).digest("k")
        );
        assert_eq!(Vault::new([1; 32]).digest("k").len(), 64);
    }
}
