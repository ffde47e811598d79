//! Where `[files]` keeps what is uploaded.

use crate::config::{Config, Files};
use std::path::PathBuf;

/// What `files.url` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Files are refused.
    Nowhere,
    /// A folder.
    Folder(PathBuf),
}

impl Config {
    /// Where the bytes of files are kept.
    #[must_use]
    pub fn files_place(&self) -> Place {
        let url = self.files.url.reveal();
        match url.strip_prefix("file:") {
            // Another process would not find what is in a folder of this one.
            Some("") if self.store.postgres_url().is_some() => Place::Nowhere,
            Some("") => Place::Folder(self.data.dir.join("files")),
            Some(path) => Place::Folder(path.trim_start_matches("//").into()),
            None => Place::Nowhere,
        }
    }
}

impl Files {
    /// Every broken rule.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let url = self.url.reveal();
        let folder = url.strip_prefix("file:");
        if !folder.is_some_and(|path| path.is_empty() || path.starts_with("///")) {
            problems.push(
                "files.url must be \"file:\" or name a folder, such as \"file:///srv/files\""
                    .to_owned(),
            );
        }
        if self.uploads_max == 0 {
            problems.push("files.uploads_max must be at least 1".to_owned());
        }
        if self.file_bytes_max == 0 {
            problems.push("files.file_bytes_max must be at least 1".to_owned());
        }
        problems
    }
}
