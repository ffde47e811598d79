//! Secrets at rest: sealing those that users may read again, digests to look keys
//! up by, and making new ones. Never logs, never shows a key in `Debug`.
//!
//! The key has versions, and what is sealed says with which. The look-up digests stay with
//! the first one: they cannot be made anew from digests, and of keys with 190 random bits
//! nobody finds one through them.

mod key_file;

use crate::hex;
use crate::vault::key_file::{Key, KeyFile, write_new};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 32 characters of base62 hold 190 bits.
const KEY_CHARACTERS: usize = 32;
/// A CRC32 in base62.
const CHECKSUM_CHARACTERS: usize = 6;
const NONCE_BYTES: usize = 24;

/// Seals and digests under the operator's key; clones share what they know of it.
#[derive(Clone)]
pub struct Vault {
    sealing: Arc<RwLock<Sealing>>,
    /// Read again when it has changed; `None` for a key that came from elsewhere.
    path: Option<PathBuf>,
    pepper: Key,
}

/// The ciphers by version, and the file as it was when they were read.
struct Sealing {
    ciphers: BTreeMap<u32, XChaCha20Poly1305>,
    read: Option<Stamp>,
}

/// Changes when the file is replaced.
type Stamp = (SystemTime, u64);

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
    #[error(
        "vault key file {0} must hold 64 hexadecimal digits, or what `ringback vault rotate` wrote"
    )]
    Malformed(PathBuf),
    /// A sealed value was sealed by another key or for another place, or was changed.
    #[error("a sealed secret does not open: is this the vault key it was sealed with?")]
    Sealed,
    /// A sealed value needs a version of the key that is not in the file.
    #[error(
        "a secret is sealed with version {0} of the vault key, which this key file does not \
         hold: the key was rotated elsewhere; copy the key file from there"
    )]
    Version(u32),
}

impl Vault {
    /// Reads the key file; makes one (readable by the owner alone) when there is none.
    ///
    /// # Errors
    /// [`VaultError`] when the file cannot be read, made or understood.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        if !path.exists() {
            make_key_file(path).map_err(|source| unreadable(path, source))?;
        }
        let read = stamp(path);
        let mut vault = Self::of(&read_file(path)?);
        vault.path = Some(path.to_owned());
        vault.write().read = read;
        Ok(vault)
    }

    /// A vault under this key alone.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self::of(&KeyFile::of(key))
    }

    fn of(file: &KeyFile) -> Self {
        Self {
            pepper: pepper(file),
            sealing: Arc::new(RwLock::new(Sealing {
                ciphers: ciphers(file),
                read: None,
            })),
            path: None,
        }
    }

    /// Adds a new version of the key to the file; it seals from now on, in other processes
    /// that read this file, too. The former ones stay, so that everything still opens.
    /// Returns the new version.
    ///
    /// # Errors
    /// [`VaultError`] when the file cannot be read or replaced.
    pub fn add_version(path: &Path) -> Result<u32, VaultError> {
        let mut file = read_file(path)?;
        let newest = file
            .keys
            .last_key_value()
            .map_or(0, |(version, _)| *version);
        file.look_up = Some(pepper(&file));
        file.keys.insert(newest + 1, random());
        file.replace(path)
            .map_err(|source| unreadable(path, source))?;
        Ok(newest + 1)
    }

    /// Takes every version but the newest out of the file: what is sealed with those cannot
    /// be read any more. Returns how many that were.
    ///
    /// # Errors
    /// [`VaultError`] when the file cannot be read or replaced.
    pub fn drop_old_versions(path: &Path) -> Result<usize, VaultError> {
        let mut file = read_file(path)?;
        let old = file.keys.len() - 1;
        file.look_up = Some(pepper(&file));
        let newest = file.keys.pop_last();
        file.keys = newest.into_iter().collect();
        file.replace(path)
            .map_err(|source| unreadable(path, source))?;
        Ok(old)
    }

    /// Seals `secret` for one `place` (such as `team|live callback auth key`); it opens only there.
    #[must_use]
    pub fn seal(&self, place: &str, secret: &str) -> String {
        if let Err(error) = self.refresh() {
            // Sealed with what is known: that stays in the file until it is retired.
            tracing::error!(error = %error, "the vault key file was replaced and cannot be read");
        }
        let nonce = random::<NONCE_BYTES>();
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: place.as_bytes(),
        };
        let sealing = self.sealing.read().unwrap_or_else(PoisonError::into_inner);
        let newest = sealing.ciphers.last_key_value();
        let (version, cipher) = newest.expect("a key file holds a key");
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("encrypting a short text in memory cannot fail");
        format!(
            "v{version}.{}",
            STANDARD.encode([&nonce[..], &sealed].concat())
        )
    }

    /// Opens what [`Vault::seal`] made for the same place.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] when key or place differ or the text was changed,
    /// [`VaultError::Version`] when the key file lacks the key.
    pub fn unseal(&self, place: &str, sealed: &str) -> Result<String, VaultError> {
        let (version, encoded) = sealed.split_once('.').ok_or(VaultError::Sealed)?;
        let version = version.strip_prefix('v').and_then(|n| n.parse().ok());
        let cipher = self.cipher(version.ok_or(VaultError::Sealed)?)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| VaultError::Sealed)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(VaultError::Sealed)?;
        let payload = Payload {
            msg: sealed,
            aad: place.as_bytes(),
        };
        let secret = cipher.decrypt(&XNonce::from(*nonce), payload);
        String::from_utf8(secret.map_err(|_| VaultError::Sealed)?).map_err(|_| VaultError::Sealed)
    }

    /// One that is not known yet may have come into the file meanwhile.
    fn cipher(&self, version: u32) -> Result<XChaCha20Poly1305, VaultError> {
        let known = || {
            let sealing = self.sealing.read().unwrap_or_else(PoisonError::into_inner);
            sealing.ciphers.get(&version).cloned()
        };
        if let Some(cipher) = known() {
            return Ok(cipher);
        }
        self.refresh()?;
        known().ok_or(VaultError::Version(version))
    }

    /// Reads the key file again if it was replaced.
    fn refresh(&self) -> Result<(), VaultError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let read = stamp(path);
        let known = self
            .sealing
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .read;
        if read.is_none() || read == known {
            return Ok(());
        }
        let fresh = ciphers(&read_file(path)?);
        let mut sealing = self.write();
        sealing.ciphers = fresh;
        sealing.read = read;
        Ok(())
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Sealing> {
        self.sealing.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a key is looked up by. Without the vault's key it cannot be computed.
    #[must_use]
    pub fn digest(&self, key: &str) -> String {
        hex::encode(&hmac_sha256(&self.pepper, key.as_bytes()))
    }
}

/// Sealing key and pepper are derived, so neither serves for the other.
fn ciphers(file: &KeyFile) -> BTreeMap<u32, XChaCha20Poly1305> {
    let cipher = |key: &Key| XChaCha20Poly1305::new(&hmac_sha256(key, b"ringback seal v1").into());
    let keys = file.keys.iter();
    keys.map(|(version, key)| (*version, cipher(key))).collect()
}

fn pepper(file: &KeyFile) -> Key {
    file.look_up.unwrap_or_else(|| {
        let first = file.keys.get(&1);
        let first = first.expect("a key file without its look-up key holds the first one");
        hmac_sha256(first, b"ringback look-up v1")
    })
}

fn unreadable(path: &Path, source: std::io::Error) -> VaultError {
    VaultError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

fn read_file(path: &Path) -> Result<KeyFile, VaultError> {
    let text = std::fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    KeyFile::parse(&text).ok_or_else(|| VaultError::Malformed(path.to_owned()))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
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

fn make_key_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match write_new(path, &hex::encode(&random::<32>())) {
        // Another process was quicker.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
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

#[cfg(test)]
mod tests;
