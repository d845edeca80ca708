//! Groups addresses for limits.
//!
//! Each IPv4 address counts on its own. With IPv6, a household has a whole /64, and a company or a
//! rented server often a /48: a limit on single addresses would limit nobody.

use std::net::{IpAddr, Ipv6Addr};

/// The limit of a /48, as a multiple of the limit of a /64. A /48 can be a whole company, or a
/// single machine.
pub const SITE_TIMES: u32 = 16;

/// Addresses that are counted as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// The IPv4 address itself, or the /64.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(IpAddr::V4(v4)),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
        }
    }

    /// The /48 around an address, which has its own limit ([`SITE_TIMES`]); `None` for IPv4.
    #[must_use]
    pub fn site_of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => {
                let [a, b, c, ..] = v6.segments();
                Some(Self(IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_network() {
        let network = |text: &str| Network::of(text.parse().unwrap()).0.to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn only_ipv6_has_a_site_around_it() {
        let site = |text: &str| Network::site_of(text.parse().unwrap()).map(|network| network.0.to_string());
        assert_eq!(site("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1::"));
        assert_eq!(site("192.0.2.7"), None);
        assert_eq!(site("::ffff:192.0.2.7"), None);
    }
}
