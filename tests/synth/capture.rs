//! Capture files: pcap in both byte orders and resolutions, and pcapng.

/// One record of a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Bytes of the capture file.
    pub bytes: Vec<u8>,
    /// Bytes on the wire.
    pub wire_len: u32,
}

/// Byte order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

/// Resolution of its timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticks {
    Micros,
    Nanos,
}

/// Ethernet.
pub const LINK_ETHERNET: u16 = 1;
/// Raw IPv4 or IPv6.
pub const LINK_RAW: u16 = 101;

/// A classic pcap file.
pub fn pcap(records: &[Record], link: u16, order: Order, ticks: Ticks) -> Vec<u8> {
    let mut out = Writer { order, bytes: Vec::new() };
    let (magic, divisor) = match ticks {
        Ticks::Micros => (0xa1b2_c3d4, 1_000),
        Ticks::Nanos => (0xa1b2_3c4d, 1),
    };
    out.u32(magic);
    out.u16(2);
    out.u16(4);
    out.u32(0);
    out.u32(0);
    out.u32(262_144);
    out.u32(u32::from(link));
    for record in records {
        out.u32(record.time.div_euclid(1_000_000_000) as u32);
        out.u32((record.time.rem_euclid(1_000_000_000) / divisor) as u32);
        out.u32(record.bytes.len() as u32);
        out.u32(record.wire_len);
        out.bytes.extend_from_slice(&record.bytes);
    }
    out.bytes
}

/// A pcapng file with one section and one interface.
pub fn pcapng(records: &[Record], link: u16, order: Order, ticks: Ticks) -> Vec<u8> {
    let records: Vec<_> = records.iter().map(|record| (0, record.clone())).collect();
    pcapng_of(1, &records, link, order, ticks)
}

/// A pcapng file with one section and several interfaces, and records with the interface of each.
pub fn pcapng_of(interfaces: u32, records: &[(u32, Record)], link: u16, order: Order, ticks: Ticks) -> Vec<u8> {
    let mut out = Writer { order, bytes: Vec::new() };
    out.block(0x0a0d_0d0a, |body| {
        body.u32(0x1a2b_3c4d);
        body.u16(1);
        body.u16(0);
        body.u32(u32::MAX);
        body.u32(u32::MAX);
    });
    let (exponent, divisor) = match ticks {
        Ticks::Micros => (6, 1_000),
        Ticks::Nanos => (9, 1),
    };
    for _ in 0..interfaces {
        out.block(1, |body| {
            body.u16(link);
            body.u16(0);
            body.u32(262_144);
            body.u16(9);
            body.u16(1);
            body.bytes.extend_from_slice(&[exponent, 0, 0, 0]);
            body.u32(0);
        });
    }
    for (interface, record) in records {
        out.block(6, |body| {
            let time = (record.time / divisor) as u64;
            body.u32(*interface);
            body.u32((time >> 32) as u32);
            body.u32(time as u32);
            body.u32(record.bytes.len() as u32);
            body.u32(record.wire_len);
            body.bytes.extend_from_slice(&record.bytes);
        });
    }
    out.bytes
}

struct Writer {
    order: Order,
    bytes: Vec<u8>,
}

impl Writer {
    fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
    }

    fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&match self.order {
            Order::Little => value.to_le_bytes(),
            Order::Big => value.to_be_bytes(),
        });
    }

    /// A pcapng block: type, length, padded body, length.
    fn block(&mut self, kind: u32, fill: impl FnOnce(&mut Self)) {
        let mut body = Self { order: self.order, bytes: Vec::new() };
        fill(&mut body);
        body.bytes.resize(body.bytes.len().next_multiple_of(4), 0);
        let length = body.bytes.len() as u32 + 12;
        self.u32(kind);
        self.u32(length);
        self.bytes.extend_from_slice(&body.bytes);
        self.u32(length);
    }
}
