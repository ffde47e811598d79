//! The guard against a table of its own kind: first and last address of each special
//! range, copied from the IANA registries as text, not as prefixes.

use super::*;
use proptest::prelude::*;
use url::Host;
use url::Url;

const SPECIAL_V4: [(&str, &str); 19] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("168.63.129.16", "168.63.129.16"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.31.196.0", "192.31.196.255"),
    ("192.52.193.0", "192.52.193.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("192.175.48.0", "192.175.48.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
];

/// Everything but `2000::/3` less its special ranges; mapped IPv4 is judged apart.
const SPECIAL_V6: [(&str, &str); 7] = [
    ("::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

fn span(first: &str, last: &str) -> (u128, u128) {
    let bits = |text: &str| match text.parse().unwrap() {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    };
    (bits(first), bits(last))
}

fn in_any(table: &[(&str, &str)], bits: u128) -> bool {
    let mut spans = table.iter().map(|(first, last)| span(first, last));
    spans.any(|(first, last)| (first..=last).contains(&bits))
}

/// Random numbers, and numbers at or next to the edge of a range, where mistakes live.
fn near_edges(table: &'static [(&str, &str)], random: BoxedStrategy<u128>) -> BoxedStrategy<u128> {
    let edge = (0..table.len(), any::<bool>(), 0..3_u128).prop_map(|(index, low, step)| {
        let (first, last) = span(table[index].0, table[index].1);
        let from = if low { first } else { last };
        from.wrapping_add(step).wrapping_sub(1)
    });
    prop_oneof![random, edge].boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn ipv4_agrees_with_the_registry(
        bits in near_edges(&SPECIAL_V4, any::<u32>().prop_map(u128::from).boxed())
    ) {
        let bits = u32::try_from(bits & u128::from(u32::MAX)).unwrap();
        let ip = Ipv4Addr::from(bits);
        let expected = !in_any(&SPECIAL_V4, u128::from(bits));
        let guard = Guard::default();
        prop_assert_eq!(guard.permits(ip.into()), expected, "{}", ip);
        prop_assert_eq!(guard.permits(ip.to_ipv6_mapped().into()), expected, "{}", ip);
        let embedded = [
            Ipv6Addr::from((0x64_ff9b_u128 << 96) | u128::from(bits)),
            Ipv6Addr::from((0x2002_u128 << 112) | (u128::from(bits) << 80)),
            Ipv6Addr::from(u128::from(bits)),
        ];
        for ip in embedded {
            prop_assert!(!guard.permits(ip.into()), "{}", ip);
        }
    }

    #[test]
    fn ipv6_agrees_with_the_registry(
        bits in near_edges(&SPECIAL_V6, any::<u128>().boxed()),
        global: bool,
    ) {
        // Half of the cases are moved into 2000::/3, which chance hits too rarely.
        let bits = if global { (bits & (u128::MAX >> 3)) | (1 << 125) } else { bits };
        prop_assume!(bits >> 32 != 0xffff); // mapped IPv4, covered above
        let ip = Ipv6Addr::from(bits);
        prop_assert_eq!(Guard::default().permits(ip.into()), !in_any(&SPECIAL_V6, bits), "{}", ip);
    }

    #[test]
    fn every_spelling_of_a_blocked_ipv4_is_blocked(index in 0..SPECIAL_V4.len(), offset: u32) {
        let (first, last) = span(SPECIAL_V4[index].0, SPECIAL_V4[index].1);
        let bits = u32::try_from(first + u128::from(offset) % (last - first + 1)).unwrap();
        for text in spellings(bits) {
            let url = Url::parse(&format!("http://{text}/")).unwrap();
            let Some(Host::Ipv4(ip)) = url.host() else {
                panic!("{text} is not read as an address");
            };
            prop_assert!(!Guard::default().permits(ip.into()), "{}", text);
        }
    }
}

fn spellings(bits: u32) -> Vec<String> {
    let [a, b, c, d] = bits.to_be_bytes();
    let dotted = format!("{a}.{b}.{c}.{d}");
    let wide = |text: &str| {
        let widen = |sign| char::from_u32(u32::from(sign) + 0xfee0).unwrap();
        text.chars().map(widen).collect::<String>()
    };
    vec![
        format!("{bits}"),
        format!("{bits:#x}"),
        format!("{bits:#X}").replace("0X", "0x"),
        format!("0{bits:o}"),
        format!("{a}.{}", bits & 0x00ff_ffff),
        format!("{a}.{b}.{}", bits & 0xffff),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a:#x}.0{b:o}.{}", bits & 0xffff),
        format!("{dotted}."),
        dotted.replace('.', "\u{3002}"),
        dotted.replace('.', "%2e"),
        wide(&dotted),
        dotted,
    ]
}

#[test]
fn an_allow_list_opens_exactly_its_range_and_never_metadata() {
    let guard = Guard::new(
        [
            "10.1.0.0/16",
            "169.254.0.0/16",
            "168.63.129.0/24",
            "100.64.0.0/10",
            "fd00::/8",
            "64:ff9b::/96",
        ]
        .map(|net| net.parse().unwrap())
        .into(),
    );
    let check = |text: &str, expected| {
        assert_eq!(guard.permits(text.parse().unwrap()), expected, "{text}");
    };
    for open in [
        "10.1.0.0",
        "10.1.255.255",
        "::ffff:10.1.2.3",
        "169.254.1.1",
        "fd00::1",
        "1.1.1.1",
    ] {
        check(open, true);
    }
    for shut in [
        "10.0.255.255",
        "10.2.0.0",
        "127.0.0.1",
        "::1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
    ] {
        check(shut, false);
    }
}
