//! Sealing, versions of the key, keys and their checksums.

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

#[test]
fn after_a_rotation_old_and_new_open_and_look_ups_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.key");
    let running = Vault::open(&path).unwrap();
    let (old, digest) = (running.seal("place", "old"), running.digest("key"));
    assert_eq!(Vault::add_version(&path).unwrap(), 2);
    let started = Vault::open(&path).unwrap();
    let new = started.seal("place", "new");
    assert!(
        old.starts_with("v1.") && new.starts_with("v2."),
        "{old} {new}"
    );
    for vault in [&running, &started] {
        assert_eq!(vault.unseal("place", &old).unwrap(), "old");
        assert_eq!(vault.unseal("place", &new).unwrap(), "new");
        assert_eq!(vault.digest("key"), digest);
        assert!(vault.seal("place", "x").starts_with("v2."));
    }
    assert_eq!(Vault::drop_old_versions(&path).unwrap(), 1);
    let later = Vault::open(&path).unwrap();
    assert_eq!(later.digest("key"), digest);
    assert_eq!(later.unseal("place", &new).unwrap(), "new");
    let gone = later.unseal("place", &old);
    assert!(matches!(gone, Err(VaultError::Version(1))), "{gone:?}");
    let elsewhere = Vault::new([7; 32]).unseal("place", &new);
    assert!(matches!(elsewhere, Err(VaultError::Version(2))));
}
