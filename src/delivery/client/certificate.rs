//! When a receiver's certificate ends: the one field that is read of it, after rustls has
//! verified it. Judges nothing.

use crate::callback::TimestampMs;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of the certificate that the other side showed. None: it has a form that cannot be read.
pub(super) fn end_of_peers(stream: &TlsStream<TcpStream>) -> Option<TimestampMs> {
    let (_, session) = stream.get_ref();
    end_of(session.peer_certificates()?.first()?)
}

/// `notAfter` of a certificate in DER (RFC 5280, section 4.1).
fn end_of(der: &[u8]) -> Option<TimestampMs> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if let Some((_, behind)) = element(rest, VERSION) {
        rest = behind;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = any_element(rest)?.2;
    }
    let (validity, _) = element(rest, SEQUENCE)?;
    let (_, _, rest) = any_element(validity)?;
    let (tag, end, _) = any_element(rest)?;
    let end = std::str::from_utf8(end).ok()?;
    let end = match tag {
        // Years 1950 to 2049; strptime reads 69 to 99 as 1969 to 1999, and no certificate
        // that is good today ended before.
        UTC_TIME => DateTime::strptime("%y%m%d%H%M%SZ", end),
        GENERALIZED_TIME => DateTime::strptime("%Y%m%d%H%M%SZ", end),
        _ => return None,
    };
    let end = TimeZone::UTC.to_timestamp(end.ok()?).ok()?;
    u64::try_from(end.as_millisecond()).ok()
}

/// The content of the first element if it has this tag, and what is behind it.
fn element(der: &[u8], expected: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = any_element(der)?;
    (tag == expected).then_some((content, rest))
}

/// Tag, content, and what is behind it. Lengths of more than four bytes are refused.
fn any_element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 2, 3);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn its_end_is_read_in_both_forms() {
        assert_eq!(end_of(&certificate(2030)), Some(1_896_307_200_000));
        assert_eq!(end_of(&certificate(2060)), Some(2_842_992_000_000));
    }

    #[test]
    fn a_part_of_one_has_no_end() {
        let whole = certificate(2030);
        for length in 0..whole.len() {
            assert_eq!(end_of(&whole[..length]), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = end_of(&bytes);
        }
    }
}
