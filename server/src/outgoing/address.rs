//! Which addresses are on the public internet.
//!
//! Law: what is not known to be public is refused. A name may resolve to anything, and the machine that runs Roost can reach more than
//! the person who wrote the link: itself, its neighbours, and the metadata service of its cloud, which hands out keys.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// An address that may be reached although it is not public, with a port if it is neither 80 nor 443.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    pub(super) ip: IpAddr,
    pub(super) port: Option<u16>,
}

impl FromStr for Exception {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let whole = text.parse::<IpAddr>().map(|ip| Self { ip, port: None });
        let with_port =
            || text.parse::<SocketAddr>().map(|addr| Self { ip: addr.ip(), port: Some(addr.port()) });
        whole
            .or_else(|_| with_port())
            .map_err(|_| "expected an IP address, such as 10.1.2.3 or [fd00::1]:8080")
    }
}

/// Networks of IPv4 that are not public: the registry of special-purpose addresses of IANA, and multicast.
const SPECIAL_V4: &[(Ipv4Addr, u32)] = &[
    // This network, and «unspecified».
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private.
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Shared by the customers of a provider (CGNAT).
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, with the metadata services of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    // Protocol assignments.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation.
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Relays of 6to4: where a packet ends is up to somebody else.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    // Benchmarks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // The platform's own service in Azure: a public address that leads inside.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, and broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Networks in 2000::/3, outside of which nothing is public, that are not public either.
const SPECIAL_V6: &[(Ipv6Addr, u32)] = &[
    // Protocol assignments: Teredo, benchmarks, ORCHID.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4: leads to an address of IPv4 through relays.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// Where a gateway translates to IPv4 (NAT64). A server without IPv4 reaches half of the internet by it.
const TRANSLATED: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether an address is on the public internet, as far as one can tell from the address.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match (ip.to_ipv4_mapped(), contains_v6(TRANSLATED, ip)) {
            (Some(ip), _) => is_public_v4(ip),
            (None, true) => {
                let [.., a, b, c, d] = ip.octets();
                is_public_v4(Ipv4Addr::new(a, b, c, d))
            }
            (None, false) => {
                contains_v6(GLOBAL_V6, ip) && !SPECIAL_V6.iter().any(|network| contains_v6(*network, ip))
            }
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let is_in = |(network, bits): &(Ipv4Addr, u32)| {
        let shift = 32 - bits;
        u32::from(ip) >> shift == u32::from(*network) >> shift
    };
    !SPECIAL_V4.iter().any(is_in)
}

fn contains_v6((network, bits): (Ipv6Addr, u32), ip: Ipv6Addr) -> bool {
    let shift = 128 - bits;
    u128::from(ip) >> shift == u128::from(network) >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.9.10",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "1::1",
            "2001::1",
            "2001:0:53aa:64c::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ];
        for ip in private {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "3ffe::1",
        ];
        for ip in public {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn an_exception_is_an_address_and_perhaps_a_port() {
        let exception = |ip: &str, port| Ok(Exception { ip: ip.parse().unwrap(), port });
        assert_eq!("10.1.2.3".parse(), exception("10.1.2.3", None));
        assert_eq!(" 127.0.0.1:8080".parse(), exception("127.0.0.1", Some(8080)));
        assert_eq!("fd00::1".parse(), exception("fd00::1", None));
        assert_eq!("[fd00::1]:81".parse(), exception("fd00::1", Some(81)));
        for wrong in ["", "localhost", "10.0.0.0/8", "10.1.2.3:", "*"] {
            assert!(wrong.parse::<Exception>().is_err(), "{wrong}");
        }
    }
}
