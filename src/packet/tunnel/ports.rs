//! Which UDP ports carry which tunnels: those of the standards, and those that the user names.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A tunnel over UDP as a user names it, `udp:PORT=FORMAT`: datagrams from or to the port are read as the format where
/// a whole packet fits, and as plain datagrams otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UdpTunnel {
    /// The UDP port; never 0.
    pub port: u16,
    /// The protocol inside the tunnel.
    pub format: TunnelFormat,
}

/// A format of tunnels over UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelFormat {
    /// RFC 7348; draft-ietf-nvo3-vxlan-gpe where its flags say so.
    Vxlan,
    /// RFC 8926.
    Geneve,
    /// 3GPP TS 29.281.
    GtpU,
    /// RFC 4380.
    Teredo,
    /// RFC 2661 and, over UDP, RFC 3931.
    L2tp,
    /// RFC 8086.
    Gre,
    /// RFC 7510.
    Mpls,
    /// draft-ietf-intarea-gue, versions 0 and 1.
    Gue,
    /// TaZmen Sniffer Protocol, version 1.
    Tzsp,
    /// RFC 5415, data messages that are neither encrypted nor in fragments.
    Capwap,
    /// RFC 6830, RFC 9300, data messages.
    Lisp,
    /// An IP packet right behind the UDP header.
    Ip,
    /// No tunnel: the port is used by something else, whatever it usually carries.
    None,
}

impl TunnelFormat {
    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(format, _)| *format == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for UdpTunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "udp:{}={}", self.port, self.format.name())
    }
}

impl FromStr for UdpTunnel {
    type Err = Error;

    /// Reads what [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    /// [`Error::Usage`] for any other text.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.strip_prefix("udp:").and_then(|rest| rest.split_once('='));
        let (port, format) =
            parts.ok_or_else(|| Error::Usage(format!("expected udp:PORT=FORMAT, not {text:?}")))?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port > 0);
        let port = port.ok_or_else(|| Error::Usage("expected a UDP port from 1 to 65535".to_owned()))?;
        let format = NAMES.iter().find(|(_, name)| *name == format).map(|(format, _)| *format);
        let format = format.ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(_, name)| *name).collect();
            Error::Usage(format!("expected one of {} behind the =", names.join(", ")))
        })?;
        Ok(Self { port, format })
    }
}

/// The formats by port.
///
/// # Invariants
/// - `given` is ascending by port, without a port twice.
#[derive(Clone, Debug, Default)]
pub(in crate::packet) struct Ports {
    given: Vec<UdpTunnel>,
}

impl Ports {
    /// The ports of the standards, and before them `given`; of two for one port the last one counts.
    pub fn new(given: &[UdpTunnel]) -> Self {
        let mut ports: Vec<UdpTunnel> = Vec::new();
        for tunnel in given {
            match ports.binary_search_by_key(&tunnel.port, |known| known.port) {
                Ok(at) => ports.splice(at..=at, [*tunnel]).for_each(drop),
                Err(at) => ports.insert(at, *tunnel),
            }
        }
        Self { given: ports }
    }

    /// The format that datagrams between two ports may carry, and true if the user names it.
    #[inline]
    pub fn format(&self, source: u16, destination: u16) -> Option<(TunnelFormat, bool)> {
        if !self.given.is_empty()
            && let Some(format) = self.named(destination).or_else(|| self.named(source))
        {
            return Some((format, true));
        }
        let format = match (source, destination) {
            (TEREDO, _) | (_, TEREDO) => TunnelFormat::Teredo,
            // The source port of these is chosen by the flow inside, and any.
            (_, VXLAN | VXLAN_LINUX | VXLAN_GPE) => TunnelFormat::Vxlan,
            (_, GENEVE) => TunnelFormat::Geneve,
            (_, GRE) => TunnelFormat::Gre,
            (_, MPLS) => TunnelFormat::Mpls,
            (_, GUE) => TunnelFormat::Gue,
            (_, TZSP) => TunnelFormat::Tzsp,
            (_, LISP) => TunnelFormat::Lisp,
            (CAPWAP, _) | (_, CAPWAP) => TunnelFormat::Capwap,
            (GTP_U, _) | (_, GTP_U) => TunnelFormat::GtpU,
            (L2TP, _) | (_, L2TP) => TunnelFormat::L2tp,
            _ => return None,
        };
        Some((format, false))
    }

    fn named(&self, port: u16) -> Option<TunnelFormat> {
        let at = self.given.binary_search_by_key(&port, |known| known.port).ok()?;
        self.given.get(at).map(|known| known.format)
    }
}

const NAMES: [(TunnelFormat, &str); 13] = [
    (TunnelFormat::Vxlan, "vxlan"),
    (TunnelFormat::Geneve, "geneve"),
    (TunnelFormat::GtpU, "gtp-u"),
    (TunnelFormat::Teredo, "teredo"),
    (TunnelFormat::L2tp, "l2tp"),
    (TunnelFormat::Gre, "gre"),
    (TunnelFormat::Mpls, "mpls"),
    (TunnelFormat::Gue, "gue"),
    (TunnelFormat::Tzsp, "tzsp"),
    (TunnelFormat::Capwap, "capwap"),
    (TunnelFormat::Lisp, "lisp"),
    (TunnelFormat::Ip, "ip"),
    (TunnelFormat::None, "none"),
];
const L2TP: u16 = 1701;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const LISP: u16 = 4341;
const GRE: u16 = 4754;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const CAPWAP: u16 = 5247;
const GUE: u16 = 6080;
const GENEVE: u16 = 6081;
const MPLS: u16 = 6635;
const VXLAN_LINUX: u16 = 8472;
const TZSP: u16 = 37_008;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_read_as_it_is_written_and_nothing_else_is() {
        for (format, name) in NAMES {
            let tunnel = UdpTunnel { port: 5000, format };
            assert_eq!(tunnel.to_string(), format!("udp:5000={name}"));
            assert_eq!(tunnel.to_string().parse::<UdpTunnel>().expect("as written"), tunnel);
        }
        for text in
            ["", "5000=vxlan", "udp:5000", "udp:0=ip", "udp:65536=ip", "udp:+5=ip", "udp:5=VXLAN", "tcp:5=ip"]
        {
            assert!(matches!(text.parse::<UdpTunnel>(), Err(Error::Usage(_))), "{text}");
        }
    }

    #[test]
    fn what_the_user_names_goes_before_the_standards_in_both_directions() {
        let named = |port, format| UdpTunnel { port, format };
        let ports = Ports::new(&[
            named(9000, TunnelFormat::Vxlan),
            named(4789, TunnelFormat::None),
            named(9000, TunnelFormat::Ip),
        ]);
        assert_eq!(ports.format(9000, 1), Some((TunnelFormat::Ip, true)));
        assert_eq!(ports.format(1, 9000), Some((TunnelFormat::Ip, true)));
        assert_eq!(ports.format(3544, 4789), Some((TunnelFormat::None, true)));
        assert_eq!(ports.format(1, 8472), Some((TunnelFormat::Vxlan, false)));
        assert_eq!(ports.format(8472, 1), None);
    }
}
