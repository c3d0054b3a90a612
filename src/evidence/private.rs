//! Addresses that say nothing of a public one (T45).

use std::net::IpAddr;

/// Returns true if an address is not a public one: RFC 1918, 6598, 3927, 4193, 4291 (loopback, link-local).
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for private in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
        ] {
            assert!(is_private(private.parse().expect("an address")), "{private}");
        }
        for public in ["11.1.2.3", "172.32.0.1", "192.0.2.1", "100.128.0.1", "2001:db8::1"] {
            assert!(!is_private(public.parse().expect("an address")), "{public}");
        }
    }
}
