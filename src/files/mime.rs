//! PURE: what kind of file it is, as far as it can be told without reading it.

/// When nothing is known.
const UNKNOWN: &str = "application/octet-stream";
/// Longest name of a kind that is kept, in bytes.
const NAME_BYTES_MAX: usize = 127;

/// What annotation tasks are made of, by the end of the file's name.
const KINDS: [(&str, &str); 22] = [
    ("bmp", "image/bmp"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("zip", "application/zip"),
];

/// What the sender says, if it is plain and says something; else what the name's end says.
#[must_use]
pub fn mime_type_of(told: Option<&str>, name: &str) -> String {
    let told = told.and_then(|text| text.split(';').next()).unwrap_or("");
    let told = told.trim().to_ascii_lowercase();
    let legal = |sign: u8| sign.is_ascii_alphanumeric() || b"/+-._".contains(&sign);
    let plain = told.contains('/') && told.len() <= NAME_BYTES_MAX && told.bytes().all(legal);
    if plain && told != UNKNOWN {
        return told;
    }
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let known = KINDS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(end));
    known.map_or(UNKNOWN, |(_, kind)| kind).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_told_or_guessed_by_name() {
        let check = |told, name, expected: &str| {
            assert_eq!(mime_type_of(told, name), expected, "{told:?} {name:?}");
        };
        check(Some("image/PNG; q=1"), "a", "image/png");
        check(Some("application/octet-stream"), "kite.JPG", "image/jpeg");
        check(Some("text/<script>"), "kite.txt", "text/plain");
        check(Some("nonsense"), "kite", UNKNOWN);
        check(None, "/a.b/kite.tar.gz", "application/gzip");
        check(None, "", UNKNOWN);
    }
}
