//! Bounds that were reached: each with its name, which reports list, and the figures that say what it came to.

use super::{Lost, Unit};
use crate::ends::Endpoint;

/// A bound of this tool that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Bound {
    /// Interfaces of one section of a pcapng file that are told apart.
    Interfaces {
        /// Index of the input.
        input: u16,
    },
    /// Interfaces of a pcapng file that are listed.
    InterfacesListed {
        /// Index of the input.
        input: u16,
        /// So many are.
        most: usize,
    },
    /// Tunnels within one another.
    TunnelDepth,
    /// Tunnels that are told apart.
    Tunnels,
    /// Fragments of one datagram.
    DatagramFragments,
    /// Fragments of datagrams that are not whole yet.
    Fragments,
    /// [`Limits::flows`](crate::Limits::flows).
    Flows,
    /// Slices that wait behind holes, and streams that are held.
    Streams {
        /// The first byte in the stream that was given up.
        offset: u64,
        /// Its size.
        lost: Lost,
    },
    /// [`Limits::resync_bytes`](crate::Limits::resync_bytes).
    ResyncBytes {
        /// Bytes searched.
        skipped: u64,
    },
    /// Scattered pieces that one side claims.
    AdvertisedPieces,
    /// Pieces that one side gave up (BEP 54).
    LtDonthave,
    /// [`Limits::outstanding_requests`](crate::Limits::outstanding_requests).
    OutstandingRequests,
    /// Blocks that wait for their acknowledgement.
    Acknowledged,
    /// Segments of a beginning that may be MSE.
    Mse {
        /// Segments held.
        held: u64,
    },
    /// Keystream that is passed over.
    Keystream {
        /// Bytes of the connection that were not read.
        bytes: u64,
    },
    /// Pairs of a secret and a torrent that are tried.
    Secrets,
    /// [`Limits::opaque`](crate::Limits::opaque).
    Opaque {
        /// Bytes of the conversation that is not listed.
        bytes: u64,
    },
    /// [`Limits::mentions`](crate::Limits::mentions).
    Mentions {
        /// The address that was named.
        subject: Endpoint,
        /// Who named it.
        by: Endpoint,
    },
    /// [`Limits::mentions`](crate::Limits::mentions), of what is said of whole swarms.
    Swarms {
        /// Who said it.
        by: Endpoint,
    },
    /// Names of hosts that are kept.
    HostNames {
        /// Who gave one that is not.
        by: Endpoint,
    },
    /// Name records of a pcapng file that are kept.
    NameRecords {
        /// Index of the input.
        input: u16,
    },
    /// [`Limits::transactions`](crate::Limits::transactions).
    Transactions(Forgotten),
    /// Pieces of metadata that are kept or tried.
    Metadata {
        /// Pieces that were not.
        count: u64,
    },
    /// `hashes` messages that are written down as facts.
    HashesFacts,
    /// Connections that are compared to find both sides of an address translation.
    ConnectionsCompared {
        /// So many are.
        most: usize,
    },
    /// Webseeds whose redirects are remembered.
    Redirects,
    /// Bytes of an HTTP header.
    WebHeader {
        /// Bytes that were not read.
        bytes: u64,
    },
    /// Outstanding HTTP requests.
    WebRequests {
        /// Bytes that were not read.
        bytes: u64,
    },
    /// Conflicting versions of one direction that are tried.
    ConflictingVersions {
        /// Bytes of this one.
        bytes: u64,
        /// So many versions are.
        most: usize,
    },
    /// Stretches in doubt that are told apart: what else is in doubt of a direction makes all of it doubtful.
    Doubts {
        /// Bytes of the first stretch of a direction for which there was no room.
        bytes: u64,
        /// So many are.
        most: usize,
    },
    /// Copies and senders of one unit that are tried.
    Copies {
        /// The unit.
        unit: Unit,
        /// Bytes that are undecided.
        bytes: u64,
    },
    /// [`Limits::late_segments`](crate::Limits::late_segments).
    LateSegments {
        /// Bytes of packets that are not read where they belong.
        bytes: u64,
    },
    /// Segments that wait until a stream is known to be of the peer wire, before they are written as they are.
    ClearHeld {
        /// Bytes that are not written.
        bytes: u64,
    },
    /// Captures of facts that were written before, and that are not at hand: nothing is refuted by them.
    Captures {
        /// Index of the input.
        input: u16,
        /// Bytes of payload that were asked for, and are nowhere.
        bytes: u64,
        /// Set if the captures would have to be read again, with other torrents or secrets.
        again: bool,
    },
    /// Framings of content that looks like messages that are tried.
    Framings {
        /// Readings of the captures that are made for them.
        most: u32,
    },
    /// Files of torrents that one resource of a web server is compared with.
    WebFiles {
        /// So many are.
        most: usize,
        /// Captured bytes of the resource.
        bytes: u64,
    },
    /// Names of one transfer that are kept.
    Names,
    /// [`Limits::advertised_bytes`](crate::Limits::advertised_bytes).
    AdvertisedBytes,
    /// Transfers whose units are not listed, as a bound let bytes of theirs go.
    Pieces {
        /// How many.
        transfers: u64,
    },
    /// [`Limits::rows`](crate::Limits::rows): one connection.
    Rows,
    /// [`Limits::served_rows`](crate::Limits::served_rows).
    ServedRows {
        /// Transfers without a row.
        transfers: u64,
        /// Bytes of piece data that they served.
        served_bytes: u64,
        /// Those of them that are verified.
        verified_bytes: u64,
    },
    /// Files that the info dictionaries of the captures name.
    MetadataFiles {
        /// Info dictionaries that were not read.
        count: u64,
        /// So many files are kept.
        most: usize,
    },
    /// [`Limits::rows`](crate::Limits::rows): all of them.
    RowsInAll {
        /// Connections without a row.
        connections: u64,
        /// Endpoints of them.
        endpoints: u64,
        /// Set if there were more endpoints than `endpoints`.
        more_endpoints: bool,
        /// Bytes of them.
        bytes: u64,
    },
}

/// Something of a dialog with a tracker or the DHT that was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Forgotten {
    /// A request that an answer might have named, or a secret that confirms an announce.
    Transaction,
    /// The transaction id of a DHT query that is too long.
    LongTransaction,
    /// A token of the DHT that is too long.
    LongToken,
}

impl Bound {
    /// The name that reports list.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Interfaces { .. } | Self::InterfacesListed { .. } => "interfaces",
            Self::TunnelDepth | Self::Tunnels => "tunnels",
            Self::DatagramFragments | Self::Fragments => "fragments",
            Self::Flows => "flows",
            Self::Streams { .. } => "streams",
            Self::ResyncBytes { .. } => "resync_bytes",
            Self::AdvertisedPieces => "advertised pieces",
            Self::LtDonthave => "lt_donthave",
            Self::OutstandingRequests => "outstanding_requests",
            Self::Acknowledged => "acknowledged",
            Self::Mse { .. } => "mse",
            Self::Keystream { .. } => "keystream",
            Self::Secrets => "secrets",
            Self::Opaque { .. } => "opaque",
            Self::Mentions { .. } | Self::Swarms { .. } => "mentions",
            Self::HostNames { .. } | Self::NameRecords { .. } => "host names",
            Self::Transactions(_) => "transactions",
            Self::Metadata { .. } | Self::MetadataFiles { .. } => "metadata",
            Self::HashesFacts => "hashes messages",
            Self::ConnectionsCompared { .. } => "connections compared",
            Self::Redirects => "redirects",
            Self::WebHeader { .. } => "web_header",
            Self::WebRequests { .. } => "web_requests",
            Self::ConflictingVersions { .. } => "conflicting versions",
            Self::Doubts { .. } => "doubts",
            Self::Copies { .. } => "copies",
            Self::LateSegments { .. } => "late_segments",
            Self::ClearHeld { .. } => "clear_held",
            Self::Framings { .. } => "framings",
            Self::WebFiles { .. } => "webseed files",
            Self::Captures { .. } => "captures",
            Self::Names => "names",
            Self::AdvertisedBytes => "advertised_bytes",
            Self::Pieces { .. } => "pieces",
            Self::Rows | Self::RowsInAll { .. } => "rows",
            Self::ServedRows { .. } => "served_rows",
        }
    }

    /// By how much it was passed, in its own unit: bytes where some are undecided, else occurrences.
    pub fn amount(&self) -> u64 {
        match *self {
            Self::Streams { lost, .. } => lost.bytes(),
            Self::ResyncBytes { skipped } => skipped,
            Self::Mse { held } => held,
            Self::Metadata { count } | Self::MetadataFiles { count, .. } => count,
            Self::Pieces { transfers } => transfers,
            Self::ServedRows { served_bytes, .. } => served_bytes,
            Self::Keystream { bytes }
            | Self::Opaque { bytes }
            | Self::WebHeader { bytes }
            | Self::WebRequests { bytes }
            | Self::ConflictingVersions { bytes, .. }
            | Self::Doubts { bytes, .. }
            | Self::LateSegments { bytes }
            | Self::WebFiles { bytes, .. }
            | Self::ClearHeld { bytes }
            | Self::Captures { bytes, .. }
            | Self::Copies { bytes, .. } => bytes,
            _ => 1,
        }
    }
}
