//! Addresses, and all that begin with the same bits.

use std::net::IpAddr;

/// An address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// How many of its bits count.
    pub bits: u8,
}

impl std::str::FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| format!("{text} is no address or prefix"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or(format!("{text}: a prefix has 0 to {most} bits"))?,
        };
        Ok(Self { address, bits })
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.bits == whole { write!(f, "{}", self.address) } else { write!(f, "{}/{}", self.address, self.bits) }
    }
}

impl Prefix {
    /// Returns true if `address` begins with the bits of the prefix.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.key() == cut(address, self.bits)
    }

    /// The prefixes that hold the addresses from `first` to `last`, and no other; `None` where these are of different families,
    /// or in the wrong order.
    pub fn range(first: IpAddr, last: IpAddr) -> Option<Vec<Self>> {
        let width: u8 = if first.is_ipv4() { 32 } else { 128 };
        let (mut from, to) = (cut(first, width), cut(last, width));
        if first.is_ipv4() != last.is_ipv4() || from > to {
            return None;
        }
        let mut out = Vec::new();
        loop {
            // The largest one that begins here and does not go beyond.
            let mut free = (from.trailing_zeros() as u8).min(width);
            let end =
                |free: u8| from.checked_add(1_u128.checked_shl(free.into()).map_or(u128::MAX, |size| size - 1));
            while end(free).is_none_or(|end| end > to) {
                free -= 1;
            }
            let address = match u32::try_from(from) {
                Ok(bits) if width == 32 => std::net::Ipv4Addr::from(bits).into(),
                _ => std::net::Ipv6Addr::from(from).into(),
            };
            out.push(Self { address, bits: width - free });
            match end(free) {
                Some(end) if end < to => from = end + 1,
                _ => return Some(out),
            }
        }
    }

    /// The bits that count, as a number.
    pub(super) fn key(&self) -> u128 {
        cut(self.address, self.bits)
    }
}

/// The first `bits` bits of an address as a number; an IPv4 address has 32.
pub(super) fn cut(address: IpAddr, bits: u8) -> u128 {
    let (number, width) = match address {
        IpAddr::V4(v4) => (v4.to_bits().into(), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    number.checked_shr(u32::from(width - bits.min(width))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_holds_what_begins_with_its_bits() {
        let cases = [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.112.255", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::5", true),
            ("::/0", "2001:db8:1::5", true),
            ("2001:db8::/32", "2001:db9::", false),
        ];
        for (prefix, address, held) in cases {
            let parsed: Prefix = prefix.parse().expect(prefix);
            assert_eq!(parsed.holds(address.parse().expect(address)), held, "{prefix} {address}");
            assert_eq!(parsed.to_string(), prefix);
        }
        let range = |first: &str, last: &str| {
            let found = Prefix::range(first.parse().expect(first), last.parse().expect(last));
            found.map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let some = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect());
        assert_eq!(range("203.0.113.0", "203.0.113.127"), some(&["203.0.113.0/25"]));
        let odd = ["203.0.113.5", "203.0.113.6/31", "203.0.113.8/30", "203.0.113.12"];
        assert_eq!(range("203.0.113.5", "203.0.113.12"), some(&odd));
        assert_eq!(range("0.0.0.0", "255.255.255.255"), some(&["0.0.0.0/0"]));
        assert_eq!(range("255.255.255.255", "255.255.255.255"), some(&["255.255.255.255"]));
        assert_eq!(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), some(&["::/0"]));
        assert_eq!(range("2001:db8::1", "2001:db8::2"), some(&["2001:db8::1", "2001:db8::2"]));
        assert_eq!(range("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").map(|found| found.len()), Some(128));
        assert!(range("203.0.113.9", "203.0.113.8").is_none() && range("1.2.3.4", "::5").is_none());
        for wrong in ["203.0.113.0/33", "2001:db8::/129", "x", "1.2.3.4/", "1.2.3.4/-1"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}
