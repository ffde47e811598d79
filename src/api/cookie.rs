//! PURE: the cookie that holds a session's token. Browsers send it to this host only, over
//! TLS (or to this machine), never to scripts, and not with what other sites make them send.

use axum::http::{HeaderMap, header};

/// The prefix makes browsers insist on `Secure`, `Path=/` and no `Domain` (RFC 6265bis,
/// section 4.1.3.2).
const NAME: &str = "__Host-ringback";

/// Sets it for as many seconds.
pub(crate) fn set(token: &str, kept_s: u64) -> String {
    format!("{NAME}={token}; Path=/; Max-Age={kept_s}; Secure; HttpOnly; SameSite=Lax")
}

/// Removes it.
pub(crate) fn forget() -> String {
    set("", 0)
}

/// The token in a request's cookies.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let pairs = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, token)| *name == NAME && !token.is_empty())
        .map(|(_, token)| token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_comes_back_as_it_was_set() {
        let mut headers = HeaderMap::new();
        assert_eq!(token(&headers), None);
        headers.append(header::COOKIE, "a=b; c".parse().unwrap());
        let cookie = set("rb_session_1", 60);
        let pair = cookie.split(';').next().unwrap();
        headers.append(header::COOKIE, format!("x=y;{pair}").parse().unwrap());
        assert_eq!(token(&headers), Some("rb_session_1"));
        assert!(forget().contains("Max-Age=0"));
    }
}
