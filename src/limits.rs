//! Bounds of the tool in one place, each with its unit and its reason: those that a user may set are fields of [`Limits`], the
//! others constants beside it.
//!
//! A constant that stands elsewhere is no bound: it is the size of a format, a rule by which something is told apart, a
//! tolerance of a standard, a buffer that changes no figure, or the room of a view (which says what it leaves out).
//!
//! report.json names, in `options`, the bounds that users set and that bear on its figures. The constants are the same in
//! each run of a version, which report.json names too.

mod constants;

pub(crate) use constants::*;
pub use constants::{MAP_ROWS, PIECE_RUNS, TIMELINES};

/// Bounds on what a run may hold in memory. Reaching one is an anomaly
/// ([`Kind::LimitReached`](crate::anomaly::Kind::LimitReached)) and moves bytes to `unproven` or `lost`; it never
/// drops them in silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Live flows, TCP and UDP together, and half as many uTP connections. The least recently active one is closed to make room.
    // Rationale: at most 1 KiB for an idle flow keeps the table near 100 MiB.
    pub flows: usize,
    /// Slices that one direction of a stream may hold behind a hole, in segments.
    // Rationale: 1,460-byte segments x 16,384 cover a window of 24 MB, four times the largest that Linux gives of itself,
    // at 900 KB of bookkeeping; over all streams `waiting_slices` is the bound.
    pub stream_pending_segments: usize,
    /// Delivered slices that one direction keeps to compare retransmissions with, in segments.
    pub stream_history_segments: usize,
    /// Delivered slices that are aimed at over all streams: where there are many flows, each direction keeps fewer than
    /// its bound, and what is sent again later is reported as not compared.
    // Rationale: 32 to 40 bytes each; flows that had more when they were fewer make it 160 MB in the worst case.
    pub history_slices: usize,
    /// Slices that wait over all streams, behind holes or for what they answer. With more, a direction that goes on
    /// holds no more than a few.
    // Rationale: 56 bytes each; 1.5 GB that came out of order.
    pub waiting_slices: usize,
    /// Packets remembered over all streams to recognise their copies, at two taps or behind a mirror port. Where there
    /// are many streams, a copy far behind its original is taken for one that was sent again.
    // Rationale: 24 bytes each.
    pub copy_marks: usize,
    /// How long (capture time, ns) a hole that the receiver acknowledged is waited for, in case the capture
    /// holds the frames out of order.
    pub acked_hole_wait_ns: i64,
    /// Segments and uTP packets that came after their place was given up, over the whole run: they are kept until the captures
    /// are read once more. As many holes are remembered in all, to know them by.
    // Rationale: 200 bytes each.
    pub late_segments: usize,
    /// The longest peer-wire message accepted while in sync, in bytes of its length prefix.
    // Rationale: a bitfield of 2^27 pieces; libtorrent accepts 1 MiB, Transmission 256 KiB + bitfield.
    pub message_bytes: u32,
    /// The longest message body that is gathered from several segments for parsing, in bytes.
    pub scratch_bytes: usize,
    /// Bytes searched for a message in one direction without finding one, before the stream is left as unknown.
    pub resync_bytes: u64,
    /// Requests that a direction of a stream on its own remembers.
    pub outstanding_requests: usize,
    /// Requests remembered over all directions. With more, each direction remembers a fair share, and a few in any case.
    // Rationale: 17 bytes each in a capture, 150 here: 80 MB.
    pub requests: usize,
    /// Slices of pieces that are held until they are whole and can be hashed while the captures are read, over the
    /// whole run; a block counts as some ten of them besides its own. It changes no figure: what is not hashed then is
    /// hashed later.
    // Rationale: 24 bytes each; blocks of twelve slices of 1,460 bytes are 6 GB of undecided payload for 200 MB.
    pub open_slices: usize,
    /// Silence (capture time, ns) after which another peer_id at the same address is another subject (T41).
    pub window_silence_ns: i64,
    /// Different mentions (who named whom, how) over the whole run.
    // Rationale: some 300 bytes each, and 1 KB while the report is written in every form; more than the addresses of any
    // swarm.
    pub mentions: usize,
    /// Requests to trackers and DHT nodes that an answer may name; and as many connection ids and tokens, by which
    /// announces are confirmed.
    // Rationale: some 150 bytes each; a DHT node in full use sees some hundreds a second.
    pub transactions: usize,
    /// Encrypted conversations listed one by one.
    // Rationale: some 300 bytes each.
    pub opaque: usize,
    /// Transfers without a byte of piece data that are listed one by one. Further ones are counted in a sum; one that
    /// served or received a byte does not count among them.
    // Rationale: some 10 KB each until the report is written: 200 MB in all.
    pub rows: usize,
    /// Transfers with piece data that are listed one by one, those with the most proven bytes first, then those with the
    /// most served ones. The others are in a sum.
    // Rationale: some 8 KB each until the report is written, in every form: 160 MB in all. More peers than a machine
    // exchanges data with in weeks.
    pub served_rows: usize,
    /// Bytes for the pieces that were advertised, over all transfers. Without room only their number is kept.
    // Rationale: the bitfields of 10,000 peers of a torrent with 20,000 pieces.
    pub advertised_bytes: usize,
    /// Bytes of the journal of blocks that are held in memory; what is beyond is spooled. Other journals may hold a quarter
    /// of it each.
    // Rationale: 300,000 blocks, some 5 GB of payload.
    pub journal_memory: usize,
    /// IP datagrams under reassembly at once.
    pub fragments_open: usize,
    /// Bytes held in fragments of unfinished datagrams.
    pub fragment_bytes: usize,
}

impl Limits {
    /// Bytes that each journal but that of blocks may hold in memory.
    // Rationale: blocks are most of what is written.
    pub(crate) const fn other_journal_memory(&self) -> usize {
        self.journal_memory / 4
    }

    /// uTP connections that are live at once.
    // Rationale: 6 KB each, with what was read of it; a flow takes 1 to 4.
    pub(crate) const fn utp_connections(&self) -> usize {
        self.flows.div_ceil(2)
    }

    /// Limits with so many rows for transfers without piece data, and no fewer for those with it.
    pub fn with_rows(self, rows: usize) -> Self {
        Self { rows, served_rows: self.served_rows.max(rows), ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 100_000,
            stream_pending_segments: 16_384,
            stream_history_segments: 1_024,
            history_slices: 2 << 20,
            waiting_slices: 1 << 20,
            copy_marks: 4 << 20,
            acked_hole_wait_ns: 2_000_000_000,
            late_segments: 1 << 18,
            message_bytes: 16 << 20,
            scratch_bytes: 16 << 20,
            resync_bytes: 64 << 20,
            outstanding_requests: 16_384,
            requests: 1 << 19,
            open_slices: 8 << 20,
            window_silence_ns: 3_600_000_000_000,
            mentions: 300_000,
            transactions: 131_072,
            opaque: 100_000,
            rows: 20_000,
            served_rows: 20_000,
            advertised_bytes: 32 << 20,
            journal_memory: 32 << 20,
            fragments_open: 4_096,
            fragment_bytes: 16 << 20,
        }
    }
}
