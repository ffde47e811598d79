//! The operator's key file: every version of the key that may still be needed, newest first.
//! A file of one bare key, as the first start makes it, is version 1.

use crate::hex;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A key as its file has it.
pub(super) type Key = [u8; 32];

/// What the file holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyFile {
    /// By version; the highest seals. Never empty.
    pub(super) keys: BTreeMap<u32, Key>,
    /// What look-up digests are made with, once the key it was derived from is not here.
    pub(super) look_up: Option<Key>,
}

impl KeyFile {
    pub(super) fn of(key: Key) -> Self {
        Self {
            keys: BTreeMap::from([(1, key)]),
            look_up: None,
        }
    }

    /// `None` when it is not a key file.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(key) = parse_hex(text.trim()) {
            return Some(Self::of(key));
        }
        let (mut keys, mut look_up) = (BTreeMap::new(), None);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (name, key) = line.trim().split_once(' ')?;
            let key = parse_hex(key.trim())?;
            match name.strip_prefix('v') {
                Some(version) => drop(keys.insert(version.parse().ok()?, key)),
                None if name == "look-up" => look_up = Some(key),
                None => return None,
            }
        }
        let is_whole = !keys.is_empty() && (look_up.is_some() || keys.contains_key(&1));
        is_whole.then_some(Self { keys, look_up })
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, key: &Key| {
            writeln!(text, "{name} {}", hex::encode(key)).expect("a string takes any text");
        };
        for (version, key) in self.keys.iter().rev() {
            line(&format!("v{version}"), key);
        }
        if let Some(key) = &self.look_up {
            line("look-up", key);
        }
        text
    }

    /// Replaces the file in one step: whoever reads it finds the old one or the new one.
    pub(super) fn replace(&self, path: &Path) -> std::io::Result<()> {
        let fresh = path.with_extension("new");
        // What an interrupted replacement left is nobody's.
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        write_new(&fresh, &self.to_text())?;
        std::fs::rename(&fresh, path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Writes a file that only its owner may read, and that must not be there yet.
pub(super) fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn parse_hex(text: &str) -> Option<Key> {
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
    fn a_key_file_is_read_as_it_is_written() {
        let mut file = KeyFile::of([7; 32]);
        let bare = hex::encode(&[7; 32]);
        assert!(KeyFile::parse(&format!("{bare}\n")).as_ref() == Some(&file));
        file.keys.insert(2, [8; 32]);
        file.look_up = Some([9; 32]);
        assert!(KeyFile::parse(&file.to_text()).as_ref() == Some(&file));
        assert!(file.to_text().starts_with("v2 0808"));
        let key = hex::encode(&[1; 32]);
        // The last lacks what its look-ups are made with.
        for bad in ["", "v1", "v1 12", "w1 x", "vx 1", &format!("v2 {key}")] {
            assert!(KeyFile::parse(bad).is_none(), "{bad}");
        }
    }
}
