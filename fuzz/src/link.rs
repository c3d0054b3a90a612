//! A connection of a played swarm: over TCP or uTP, in clear or under MSE.

use std::net::SocketAddr;

use crate::synth::mse::{Mse, Sealed};
use crate::synth::swarm::{Conn, Sent, Side, World};
use crate::synth::utp::UtpConn;
use crate::synth::wire;

/// An open connection; end 0 opened it.
pub struct Link {
    carrier: Carrier,
    ends: [SocketAddr; 2],
    sealed: Option<Sealed>,
    /// Stream bytes that each end has sent.
    sent: [u64; 2],
}

/// Encapsulation of the bytes.
pub enum Carrier {
    Tcp(Conn),
    Utp(UtpConn),
}

impl Link {
    pub fn new(carrier: Carrier, ends: [SocketAddr; 2]) -> Self {
        Self { carrier, ends, sealed: None, sent: [0; 2] }
    }

    /// Its TCP connection, if it is one.
    pub fn tcp(&self) -> Option<Conn> {
        match self.carrier {
            Carrier::Tcp(conn) => Some(conn),
            Carrier::Utp(_) => None,
        }
    }

    /// Goes through the handshake of MSE with `ia` as end 0's first bytes; what follows is sealed.
    pub fn seal(&mut self, world: &mut World, mse: &Mse, ia: &[u8]) {
        let (flights, sealed) = mse.open(ia);
        flights.iter().for_each(|(end, bytes)| self.raw(world, *end, bytes));
        self.sealed = Some(sealed);
    }

    /// Sends bytes of the peer wire.
    pub fn send(&mut self, world: &mut World, end: usize, bytes: &[u8]) {
        match self.sealed.as_mut().map(|sealed| sealed.seal(end, bytes)) {
            Some(sealed) => self.raw(world, end, &sealed),
            None => self.raw(world, end, bytes),
        }
    }

    /// Sends any bytes as a block, and notes that; `good` is what the ledger says of them.
    pub fn deliver(&mut self, world: &mut World, end: usize, piece: u32, begin: u32, bytes: &[u8], good: bool) {
        world.ledger.push(Sent {
            conn: self.tcp().unwrap_or(Conn::NONE),
            side: side(end),
            uploader: self.ends[end],
            downloader: self.ends[1 - end],
            piece,
            begin,
            len: bytes.len() as u32,
            good,
            offset: self.sent[end] + 13,
        });
        self.send(world, end, &wire::piece(piece, begin, bytes));
    }

    /// Ends it: FIN by `end` and its answer.
    pub fn close(self, world: &mut World, end: usize) {
        match self.carrier {
            Carrier::Tcp(conn) => world.close(conn, side(end)),
            Carrier::Utp(mut conn) => conn.close(world, end, &[]),
        }
    }

    /// Ends it: RST by `end`.
    pub fn reset(self, world: &mut World, end: usize) {
        match self.carrier {
            Carrier::Tcp(conn) => world.reset(conn, side(end)),
            Carrier::Utp(mut conn) => conn.reset(world, end),
        }
    }

    fn raw(&mut self, world: &mut World, end: usize, bytes: &[u8]) {
        self.sent[end] += bytes.len() as u64;
        match &mut self.carrier {
            Carrier::Tcp(conn) => world.send(*conn, side(end), bytes),
            Carrier::Utp(conn) => conn.send(world, end, bytes),
        }
    }
}

/// The side of a TCP connection that an end is.
pub fn side(end: usize) -> Side {
    if end == 0 { Side::A } else { Side::B }
}
