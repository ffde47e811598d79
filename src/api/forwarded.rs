//! PURE: whose request it is that came through proxies. Believes `X-Forwarded-For` only as
//! far back as the proxies that the operator trusts have written it.

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The address that a request is counted and logged under: the peer's, or if the peer is a
/// trusted proxy, the last forwarded address that is none. `forwarded` are the header's
/// values, first to last.
pub(super) fn client<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    trusted: &[IpNet],
) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut client = peer.to_canonical();
    let mut hops = forwarded.rev().flat_map(|value| value.rsplit(','));
    while is_trusted(&client) {
        // What no address can be read from was written by nobody we trust.
        let Some(before) = hops.next().and_then(address) else {
            break;
        };
        client = before;
    }
    client
}

/// An address, perhaps in brackets, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let ip = bare.unwrap_or(text).parse().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    ip.or_else(with_port).map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"]
            .map(|net| net.parse().unwrap())
            .into();
        let check = |peer: &str, headers: &[&str], expected: &str| {
            let found = client(peer.parse().unwrap(), headers.iter().copied(), &trusted);
            assert_eq!(
                found,
                expected.parse::<IpAddr>().unwrap(),
                "{peer} {headers:?}"
            );
        };
        let (proxy, ana, bo) = ("10.0.0.1", "192.0.2.1", "198.51.100.7");
        // Nobody is believed about others.
        check(ana, &[], ana);
        check(ana, &[bo], ana);
        // A proxy is, as far as proxies go.
        check(proxy, &[ana], ana);
        check(proxy, &["198.51.100.7, 192.0.2.1"], ana);
        check(proxy, &["198.51.100.7 ,192.0.2.1,10.9.9.9"], ana);
        check(proxy, &[bo, ana], ana);
        check(proxy, &[ana, "10.2.2.2", "10.3.3.3, 10.4.4.4"], ana);
        // Nobody but proxies, or something else than an address.
        check(proxy, &[], proxy);
        check(proxy, &["10.5.5.5"], "10.5.5.5");
        check(proxy, &["unknown"], proxy);
        check(proxy, &["192.0.2.1, junk, 10.6.6.6"], "10.6.6.6");
        check(proxy, &["192.0.2.1,"], proxy);
        check(proxy, &[""], proxy);
        // Every way of writing one.
        check("::ffff:10.0.0.1", &["192.0.2.1:4711"], ana);
        check("2001:db8::1", &["::ffff:192.0.2.1"], ana);
        check(proxy, &["[2606:4700::1]:443"], "2606:4700::1");
        check(proxy, &["[2606:4700::1]"], "2606:4700::1");
    }

    #[test]
    fn without_trust_the_peer_it_is() {
        let peer = "127.0.0.1".parse().unwrap();
        assert_eq!(client(peer, ["192.0.2.1"].into_iter(), &[]), peer);
    }
}
