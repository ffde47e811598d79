//! Passwords as argon2id hashes. Hashing takes memory and time on purpose, so only a few
//! run at once, off the runtime's threads. Keeps and shows no password.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Each takes 19 MiB (argon2's defaults, which are OWASP's second choice).
const AT_ONCE_MAX: usize = 4;
/// Fewest characters of a password (NIST SP 800-63B asks for 8; ours guard keys).
pub const CHARACTERS_MIN: usize = 10;
/// Most bytes of a password: longer ones cost work and add nothing.
pub const BYTES_MAX: usize = 200;

/// Hashes and checks passwords; clones share the places.
#[derive(Debug, Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    /// What a password is checked against when there is no user.
    nobody: Arc<str>,
}

impl Passwords {
    /// Ready to hash. Takes as long as one password.
    #[must_use]
    pub fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            nobody: hash("nobody has this password").into(),
        }
    }

    /// The password's hash, as stored.
    pub async fn hash(&self, password: String) -> String {
        self.work(move || hash(&password)).await
    }

    /// Whether this is the password. Without a hash there is no such user: it takes as long
    /// and is never right, so that nobody learns from the time who has an account.
    pub async fn verify(&self, password: String, stored: Option<String>) -> bool {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.as_ref().to_owned());
        let fits = self.work(move || verify(&password, &stored)).await;
        fits && known
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let place = self.places.clone().acquire_owned().await;
        let place = place.expect("never closed");
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        done.await.expect("hashing does not panic")
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

/// What is wrong with a password that somebody chose, if anything.
#[must_use]
pub fn fault(password: &str, email: &str) -> Option<String> {
    if password.chars().count() < CHARACTERS_MIN {
        return Some(format!("must have at least {CHARACTERS_MIN} characters"));
    }
    if password.len() > BYTES_MAX {
        return Some(format!("must have at most {BYTES_MAX} bytes"));
    }
    let first = password.chars().next();
    if password.chars().all(|character| Some(character) == first) {
        return Some("must not be one character repeated".to_owned());
    }
    (password.to_lowercase() == email.to_lowercase())
        .then(|| "must not be the e-mail address".to_owned())
}

fn hash(password: &str) -> String {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.expect("the default parameters and a bounded password can be hashed")
        .to_string()
}

fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_user_verifies() {
        let passwords = Passwords::new();
        let stored = passwords.hash("correct horse battery".to_owned()).await;
        assert!(stored.starts_with("$argon2id$"), "{stored}");
        let verify = |password: &str, stored: Option<&String>| {
            passwords.verify(password.to_owned(), stored.cloned())
        };
        assert!(verify("correct horse battery", Some(&stored)).await);
        assert!(!verify("correct horse batterz", Some(&stored)).await);
        assert!(!verify("nobody has this password", None).await);
        assert!(!verify("x", Some(&"no hash".to_owned())).await);
    }

    #[test]
    fn a_weak_password_is_told_why() {
        let check = |password: &str, part: Option<&str>| {
            let fault = fault(password, "ana@example.com");
            assert_eq!(fault.is_some(), part.is_some(), "{password}: {fault:?}");
            if let (Some(fault), Some(part)) = (fault, part) {
                assert!(fault.contains(part), "{fault}");
            }
        };
        check("a good one here", None);
        check("short", Some("10 characters"));
        check("aaaaaaaaaaaaa", Some("repeated"));
        check("Ana@Example.com", Some("e-mail"));
        check(&"ab".repeat(101), Some("200 bytes"));
        check("пароль-пароль", None);
    }
}
