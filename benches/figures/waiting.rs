//! Streams that make the reader hold as much as it will: holes everywhere, uTP that is never shown to be uTP, and many
//! uTP connections at once.

use std::io;
use std::path::Path;

use super::captures::{Case, finish};
use super::pcap::{ACK, Pcap, SYN, Way};

/// Connections of which every second byte is missing, in segments of one byte.
pub fn holes(dir: &Path, flows: u32) -> io::Result<Case> {
    let capture = dir.join("holes.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for flow in 0..flows {
        let (there, back) = ways(flow);
        pcap.tcp(there, 999, 0, SYN, &[])?;
        pcap.tcp(back, 1_999, 1_000, SYN | ACK, &[])?;
    }
    for step in 0..60 {
        for flow in 0..flows {
            pcap.tcp(ways(flow).0, 1_001 + 2 * step, 2_000, ACK, &[7])?;
        }
    }
    finish(pcap, dir, capture)
}

/// Datagrams of which each may be the first one captured of another uTP connection.
pub fn candidates(dir: &Path, flows: u32) -> io::Result<Case> {
    let capture = dir.join("candidates.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for step in 0..24_u16 {
        for flow in 0..flows {
            let number = flow as u16 ^ step.wrapping_mul(0x4001);
            pcap.udp(ways(flow).0, &utp(DATA, step * 100, number, 0, &[7; 20]))?;
        }
    }
    finish(pcap, dir, capture)
}

/// uTP connections that go on side by side, each with more packets than are kept of one.
pub fn windows(dir: &Path, flows: u32) -> io::Result<Case> {
    let capture = dir.join("windows.pcap");
    let mut pcap = Pcap::create(&capture)?;
    for flow in 0..flows {
        let (there, back) = ways(flow);
        pcap.udp(there, &utp(OPEN, 100, 1, 0, &[]))?;
        pcap.udp(back, &utp(STATE, 100, 5, 1, &[]))?;
    }
    for step in 0..600 {
        for flow in 0..flows {
            pcap.udp(ways(flow).0, &utp(DATA, 101, 2 + step, 4, &[0; 20]))?;
        }
    }
    finish(pcap, dir, capture)
}

/// From a client of its own to the server, and back.
fn ways(flow: u32) -> (Way, Way) {
    let [_, a, b, c] = flow.to_be_bytes();
    let (client, server) = ([10, a, b, c], [192, 0, 2, 1]);
    ((client, 40_000, server, 6_881), (server, 6_881, client, 40_000))
}

/// A uTP packet (BEP 29).
fn utp(kind: u8, connection: u16, number: u16, ack: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind << 4 | 1, 0];
    packet.extend_from_slice(&connection.to_be_bytes());
    // The sender's clock, its difference from the receiver's, and the window.
    packet.extend_from_slice(&u32::from(number).to_be_bytes());
    packet.extend_from_slice(&[0, 0, 0, 9, 0, 16, 0, 0]);
    packet.extend_from_slice(&number.to_be_bytes());
    packet.extend_from_slice(&ack.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

const DATA: u8 = 0;
const STATE: u8 = 2;
const OPEN: u8 = 4;
