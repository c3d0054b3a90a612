//! Addresses and ports of notices, strictly: what several programs read differently is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::text::{trimmed, trimmed_ascii};

/// An address that is none, or of no single host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadAddress;

/// A port that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadPort;

/// `A`, `A:P`, `[A]`, `[A]:P`. IPv4-mapped IPv6 addresses become IPv4.
///
/// # Errors
/// [`BadAddress`] also for broadcast, multicast and unspecified addresses, zone ids, leading zeros and shortened forms.
pub(super) fn parse(text: &str) -> Result<(IpAddr, Option<u16>), BadAddress> {
    let text = trimmed_ascii(text).ok_or(BadAddress)?;
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or(BadAddress)?;
            (host, if behind.is_empty() { None } else { Some(behind.strip_prefix(':').ok_or(BadAddress)?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') && host.contains('.') => (host, Some(port)),
            _ => (text, None),
        },
    };
    let port = port.map(port_of).transpose().map_err(|BadPort| BadAddress)?.flatten();
    let address = match host.parse::<Ipv4Addr>() {
        Ok(address) => IpAddr::V4(address),
        Err(_) => {
            let address = host.parse::<Ipv6Addr>().map_err(|_| BadAddress)?;
            address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4)
        }
    };
    let of_no_host = match address {
        IpAddr::V4(v4) => v4.is_broadcast() || v4.octets()[0] == 0 || v4.octets()[0] >= 240,
        IpAddr::V6(v6) => v6.is_unspecified(),
    };
    if of_no_host || address.is_multicast() { Err(BadAddress) } else { Ok((address, port)) }
}

/// A port in decimal digits; absent, empty and 0 are none.
pub(super) fn port_of(text: &str) -> Result<Option<u16>, BadPort> {
    let text = trimmed(text);
    if text.is_empty() || text == "-" || text.eq_ignore_ascii_case("n/a") {
        return Ok(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) || text.len() > 5 {
        return Err(BadPort);
    }
    let port: u16 = text.parse().map_err(|_| BadPort)?;
    Ok((port != 0).then_some(port))
}

/// Returns true if a text is an attempt at an address rather than, say, a street.
pub(super) fn looks_like_address(text: &str) -> bool {
    let text = trimmed(text);
    let numeric = text.contains(['.', ':']) || text.bytes().all(|byte| byte.is_ascii_digit());
    !text.is_empty()
        && numeric
        && !text.contains(char::is_whitespace)
        && text.chars().any(|c| c.is_numeric() || c == ':')
        && text.chars().all(|c| c.is_numeric() || c.is_ascii_hexdigit() || !c.is_ascii() || ".:[]%x/".contains(c))
}
