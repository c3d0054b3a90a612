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
    /// Whether `address` begins with its bits.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && self.key() == cut(address, self.bits)
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
        for wrong in ["203.0.113.0/33", "2001:db8::/129", "x", "1.2.3.4/", "1.2.3.4/-1"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}
