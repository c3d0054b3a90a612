//! Bounds that no user sets: on memory, on work, and on what reports list. Reaching one is told where bytes or figures depend
//! on it, as an oddity or an error.

// Captures
/// Bytes of decompressed data that a decompressor may hold; zstd and xz let the file choose. More is an error.
// Rationale: twice the window that zstd itself accepts without being told to, and four times that of `xz -9`.
pub(crate) const DECOMPRESSION_WINDOW_BYTES: u64 = 256 << 20;
/// Compressions around one another. One more is an error.
// Rationale: one around another happens (an archive of a compressed capture); more is somebody's joke.
pub(crate) const COMPRESSION_LAYERS: usize = 4;
/// Interfaces of a pcapng file that reports list.
// Rationale: what a person can read; the report stays small.
pub(crate) const LISTED_INTERFACES: usize = 1_000;
/// Interfaces of a section whose drop counters are kept.
// Rationale: 24 MiB; real captures have fewer than a hundred interfaces.
pub(crate) const STATISTICS_INTERFACES: usize = 1 << 20;
/// Runs of equal interface descriptions that are told apart in a section.
// Rationale: 32 MiB of state; real captures have fewer than a hundred interfaces.
pub(crate) const INTERFACE_RUNS: usize = 1 << 20;
/// Interfaces of a section that are found without a search. Changes no figure.
// Rationale: 4 MiB; beyond it, and only there, a packet's interface is searched for.
pub(crate) const INTERFACE_PLACES: usize = 1 << 20;
/// Bytes of an interface's name or filter that are kept.
// Rationale: longer than any interface name and nearly any filter; 1,000 of them stay small.
pub(crate) const INTERFACE_TEXT_BYTES: usize = 1_024;
/// Names that the name records of a capture give to addresses.
// Rationale: as many as names in answers of DNS.
pub(crate) const NAME_RECORDS: usize = 100_000;
/// Types of pcapng blocks without packets that are counted one by one.
// Rationale: more types than are registered.
pub(crate) const UNUSED_BLOCK_TYPES: usize = 64;
/// Bytes behind the start of a chain of records in which a place of a damaged capture is tried once.
// Rationale: every place that a chain passes before it is long enough, but for the odd huge record at its end; 4 MiB.
pub(crate) const RESYNC_PLACES: usize = 512 << 10;

// Packets
/// Tunnels within one another.
// Rationale: a mobile operator's mirror shows four; each costs a pass over headers only.
pub(crate) const TUNNEL_DEPTH: usize = 8;
/// Ways through tunnels that are told apart.
// Rationale: 16 MiB of names at most; a provider's mirror port shows thousands of tunnels.
pub(crate) const TUNNEL_PATHS: u32 = 65_536;
/// Fragments of one IP datagram.
// Rationale: 64 KiB over the least MTU of IPv4 (68) make 1,366 parts; more is an attack, and inserting costs O(n).
pub(crate) const DATAGRAM_FRAGMENTS: usize = 2_048;
/// Finished IP datagrams whose copies are recognised.
// Rationale: fragments of a few datagrams interleave at a mirror port; searched linearly.
pub(crate) const REMEMBERED_DATAGRAMS: usize = 16;
/// Protocols that are not read, counted one by one.
// Rationale: a busy mirror shows two dozen; noise in a damaged capture must not fill memory.
pub(crate) const UNREAD_PROTOCOLS: usize = 256;
/// Interfaces, and as many sources, whose right and wrong checksums are counted apart; a `u8` is below it.
// Rationale: more interfaces in one run are rare, and then share a count.
pub(crate) const CHECKSUM_PLACES: usize = 256;

// Streams
/// Packets that wait until the other end answers a second beginning.
// Rationale: an answer comes within a round trip; where the captures lack the other direction, what follows is read 64
// packets late.
pub(crate) const CHALLENGED_PACKETS: usize = 64;
/// Runs of packets of a direction that nothing of the other one has confirmed.
// Rationale: a connection has one; a forger another.
pub(crate) const UNJUDGED_PACKETS: usize = 64;
/// Packets of a direction that acknowledge what the other end never sent, while they are taken for forged where they stand ahead.
// Rationale: four blocks of 16 KiB in packets of the usual size; where the capture lacks the other direction all are such.
pub(crate) const BLIND_PACKETS: usize = 64;
/// Packets behind one that waits for what it acknowledges.
// Rationale: as many as a hole is waited for: what waits for a packet that waits for a hole would never end that.
pub(crate) const PENDING_BEHIND: usize = 1_024;
/// uTP connections between two endpoints.
// Rationale: two endpoints rarely have more than a few connections; each holds its history.
pub(crate) const UTP_CONNECTIONS: usize = 64;
/// Datagram flows between two endpoints that may be uTP.
// Rationale: more than the connections that open at once; 16 x 64 held packets are 100 KiB.
pub(crate) const UTP_CANDIDATES: usize = 16;
/// Packets of a candidate that wait until it is known to be uTP.
// Rationale: long enough for every rule to apply under loss, short enough that look-alikes cost little: 6 KiB.
pub(crate) const UTP_CANDIDATE_PACKETS: usize = 64;
/// Answers to one SYN that are remembered beside the first.
// Rationale: a forger sends one, or some; each is looked at once.
pub(crate) const UTP_RIVALS: usize = 8;
/// Acknowledgements of packets far ahead that wait for those packets.
// Rationale: more than one forger sends ahead; each waits for its turn only.
pub(crate) const UTP_SUSPECTS: usize = 256;

// The peer wire
/// Segments of a connection that wait until its beginning is known to be MSE or in clear.
// Rationale: neither side sends more than a few segments before the other's handshake; 1,024 items of 64 bytes make 64
// KiB.
pub(crate) const MSE_HELD_SEGMENTS: usize = 1_024;
/// Bytes of keystream that may be passed over for each byte that was decrypted.
// Rationale: what is thrown away takes at most four times as long as what is read. A capture that lacks more of a
// connection than four fifths is rare, and what it shows of the rest is counted as not read.
pub(crate) const KEYSTREAM_EARNED: u64 = 4;
/// Bytes of keystream that a connection may pass over before it earned any.
// Rationale: what a link of 1 Gbit/s carries in a second, right after a handshake; a third of a second of work.
pub(crate) const KEYSTREAM_AHEAD_BYTES: u64 = 128 << 20;
/// Bytes of keystream that a run may pass over.
// Rationale: ten seconds of a run, whatever it holds.
pub(crate) const KEYSTREAM_RUN_BYTES: u64 = 4 << 30;
/// Pairs of a secret and an info-hash that are tried.
// Rationale: 13 bytes and some 3 microseconds each, once for a run: 55 MB and ten seconds.
pub(crate) const SECRET_PAIRS: usize = (1 << 22) / 8 * 7;
/// Bytes of a dialog with a proxy.
// Rationale: the longest SOCKS dialog with a name and a password is 1,043 bytes; a request for CONNECT may carry a
// token.
pub(crate) const PROXY_DIALOG_BYTES: u64 = 4_096;
/// Bytes of one direction while the other is silent, before no proxy is looked for.
// Rationale: where one side is silent, no dialog is held.
pub(crate) const PROXY_SILENT_BYTES: u64 = 16 * PROXY_DIALOG_BYTES;
/// Segments of a dialog with a proxy.
// Rationale: each side says a few things, and each may come in a few segments; 4 KB.
pub(crate) const PROXY_ITEMS: usize = 64;
/// Bytes of a client's name that are kept.
// Rationale: longer than any client's name with version; keeps a report's line readable.
pub(crate) const CLIENT_NAME_BYTES: usize = 128;
/// Slices that a search for a header holds.
// Rationale: 1 MiB in 256-byte segments, 200 KiB of bookkeeping; only hostile streams are cut finer.
pub(crate) const SEARCH_SLICES: usize = 4_096;
/// Framings of one stretch that are read; each reads the captures once more.
// Rationale: each is a reading of the captures.
pub(crate) const RIVAL_STARTS: usize = 4;
/// Headers within one block that are told apart.
// Rationale: what imitates messages once does so in every block; more than that within one block is noise.
pub(crate) const RIVAL_HEADERS: usize = 4;
/// Requests that a gap is explained with.
// Rationale: clients keep at most some hundred requests under way (libtorrent 500); more explain no single gap.
pub(crate) const EXPLAINING_REQUESTS: usize = 512;
/// Requests with which an explanation of a gap may begin.
// Rationale: the oldest requests may have been answered where nobody saw it; beyond a pipeline's worth it is a guess.
pub(crate) const EXPLAINING_STARTS: usize = 64;
/// Slices of a stretch between two gaps.
// Rationale: 5.7 MiB in full segments, 230 KiB of bookkeeping; as many as a search holds itself.
pub(crate) const STRETCH_CHUNKS: usize = 4_096;
/// Gaps of one stretch without a header between them.
// Rationale: more gaps without a header between them leave nothing to go by.
pub(crate) const STRETCH_RIFTS: usize = 64;
/// Packets that a gap of unknown length in uTP may have held.
// Rationale: as far as numbers are unwrapped; bounds the work for one gap.
pub(crate) const GAP_PACKETS: u64 = 8_192;
/// Bitfields of one side that are kept.
// Rationale: aria2 sends a second one; each may be as long as the first.
pub(crate) const ADVERTISED_BITFIELDS: usize = 4;
/// `have` messages of one side that are kept with their frames.
// Rationale: some 28 bytes each, so 112 KiB for one side; more than the pieces that most torrents have.
pub(crate) const ADVERTISED_HAVES: usize = 4_096;
/// Chunks of 128 pieces that one side may advertise.
// Rationale: 2^21 pieces, the most that libtorrent loads of a torrent; 320 KiB where each has a chunk to itself.
pub(crate) const ADVERTISED_CHUNKS: usize = (1 << 21) / 128;
/// Blocks of a direction that wait for their acknowledgement.
// Rationale: 16 bytes each; blocks of 16 KiB that make up 1 GiB are more than any window holds unconfirmed.
pub(crate) const UNACKNOWLEDGED_BLOCKS: usize = 1 << 16;
/// Requests that each direction remembers in any case, however many there are in all.
// Rationale: more than clients keep in flight on a slow link; 150 bytes each, in 100,000 flows both ways 240 MB.
pub(crate) const LEAST_REQUESTS: usize = 8;
/// Holes of a direction that are kept with their places; further ones are counted.
// Rationale: 48 bytes each, held while a connection is live; a direction with more is torn, and its gaps are counted.
pub(crate) const DIRECTION_HOLES: usize = 16;
/// Acknowledgements of a direction that wait for the blocks they confirm.
// Rationale: as many packets as wait for bytes that they acknowledge; a block is read soon after its first frame.
pub(crate) const PENDING_ANSWERS: usize = 4_096;

// Trackers, DHT, names
/// Part of [`Limits::transactions`](super::Limits::transactions) that scrapes may take, as one in so many.
// Rationale: a client scrapes once in a while, and all of its torrents in one request.
pub(crate) const SCRAPES_PART: usize = 16;
/// Datagrams whose copies are recognised.
// Rationale: doubles of SPAN ports and of `-i any` follow within a few packets.
pub(crate) const HEARSAY_MARKS: usize = 8;
/// Names that answers of DNS give to addresses.
// Rationale: a day of an office; 200 bytes each.
pub(crate) const HOST_NAMES: usize = 100_000;

// Metadata
/// Bytes of an info dictionary.
// Rationale: a dictionary of 64 MiB names 3 million pieces; clients refuse more than 4 to 32 MiB.
pub(crate) const INFO_BYTES: u64 = 64 << 20;
/// Bytes of pieces of info dictionaries that are kept in a run.
// Rationale: dictionaries have some 100 KiB; six hundred of them fit, a flood of them does not fill the memory, in
// which each is held three times while the captures are read again.
pub(crate) const METADATA_BYTES: usize = 64 << 20;
/// Bytes that an info-hash counts for beside its pieces.
// Rationale: what is kept of an info-hash besides contents; sixty thousand of which a piece came fit.
pub(crate) const METADATA_HASH_BYTES: usize = 1 << 10;
/// Pieces of info dictionaries in a run, as one sender sent them.
// Rationale: some 300 bytes each where each sender sends one; 60 MB.
pub(crate) const METADATA_CONTRIBUTIONS: usize = 200_000;
/// Contents of one piece of an info dictionary that are kept.
// Rationale: the truth, and three liars that differ from one another; each further sender may add one.
pub(crate) const METADATA_VARIANTS: usize = 4;
/// Sizes of one info dictionary that are kept.
// Rationale: a liar about the size costs nothing until its pieces are there.
pub(crate) const METADATA_SIZES: usize = 64;
/// Senders of one info dictionary that are kept.
// Rationale: peers that serve one dictionary in one capture; each costs 100 bytes.
pub(crate) const METADATA_SENDERS: usize = 10_000;
/// Combinations of pieces that are hashed for one info-hash without a reason.
// Rationale: three pieces with four contents each, or as many peers.
pub(crate) const METADATA_ATTEMPTS: usize = 64;
/// Bytes that are hashed for one info-hash.
// Rationale: a few seconds of hashing for one info-hash that liars fill; a dictionary of 1 MiB never gets there.
pub(crate) const METADATA_HASHED_BYTES: u64 = 4 << 30;
/// Bytes that are hashed for one info-hash where the pieces of several senders are combined.
// Rationale: blind search gets the lesser part of that, so that it never starves the attempts with a reason.
pub(crate) const METADATA_MIXED_BYTES: u64 = 256 << 20;
/// Contributions that were shown to be wrong and are listed.
// Rationale: enough to look at; the count goes on.
pub(crate) const METADATA_WRONG: usize = 1_000;

// The web
/// Redirects that are remembered.
// Rationale: a client follows a redirect at once; a thousand clients may do so at the same time.
pub(crate) const REDIRECTS: usize = 1_024;
/// Bytes of the target of a redirect.
// Rationale: servers refuse targets above 8 KiB.
pub(crate) const REDIRECT_BYTES: usize = 16 << 10;
/// Bytes of the line before a chunk of an HTTP body.
// Rationale: 16 hexadecimal digits, and leading zeros.
pub(crate) const CHUNK_LINE_BYTES: usize = 4 << 10;
/// Bytes behind the last chunk of an HTTP body.
// Rationale: only counted; what goes on for so long is no trailer.
pub(crate) const TRAILER_BYTES: usize = 64 << 20;
/// Bytes of the HTTP requests of a connection that wait for their answers.
// Rationale: clients pipeline at most a few dozen requests of some 300 bytes; this is room for 13,000.
pub(crate) const WEB_REQUESTS_BYTES: usize = 4 << 20;
/// Bytes of a message over a WebSocket.
// Rationale: an announce with ten offers has 30,000 bytes; a scrape of a thousand swarms 100,000.
pub(crate) const SOCKET_MESSAGE_BYTES: usize = 1 << 20;
/// Bytes of an answer of an HTTP tracker, and of what it unpacks to.
// Rationale: a list of 50 peers has 300 bytes, one of 10,000 peers as dictionaries 600,000.
pub(crate) const TRACKER_ANSWER_BYTES: usize = 1 << 20;
/// Slices of an answer of an HTTP tracker.
// Rationale: 1 MiB in segments of 1,460 bytes is 720; chunks of a few bytes each are nobody's answer.
pub(crate) const TRACKER_ANSWER_SLICES: usize = 2_048;
/// Bytes of an HTTP header that are held.
// Rationale: what is held of a header; servers and clients refuse a first line or a field above 8 to 32 KiB.
pub(crate) const WEB_HEADER_BYTES: usize = 64 << 10;
/// Bytes of an HTTP header that are passed over before the connection is left.
// Rationale: only counted; what goes on for so long is no header.
pub(crate) const WEB_HEADER_PASSED_BYTES: u64 = 64 << 20;

// Torrents
/// Breaches of the canonical form of bencode that are kept for an input.
// Rationale: enough to show a user what is wrong; a hostile input has one per value.
pub(crate) const CANONICAL_FAULTS: usize = 16;
/// Dictionaries and lists of a torrent file within one another. More is an error.
// Rationale: directories nest in a v2 file tree, libtorrent stops at 100.
pub(crate) const METAINFO_DEPTH: usize = 100;
/// Values of a torrent file. More is an error.
// Rationale: as many are a torrent of nearly a million files.
pub(crate) const METAINFO_VALUES: usize = 4_000_000;
/// Bytes of a torrent file. More is an error.
// Rationale: ten times the largest that trackers list; the piece layers of a v2 torrent of 1 TB in pieces of 1 MiB are
// 32 MB.
pub(crate) const TORRENT_BYTES: u64 = 128 << 20;

// The walk
/// Flows in which something is strange that are kept apart from others; of more, all flows are looked at.
// Rationale: 5 MiB; looking at all costs no more than time.
pub(crate) const STRANGE_FLOWS: usize = 1 << 16;
/// Other versions of the first bytes of a direction that are kept until its handshake is read.
// Rationale: a handshake in segments of a few bytes, each of them twice.
pub(crate) const HANDSHAKE_VERSIONS: usize = 16;
/// Frames in doubt that another version of their bytes is looked for of; of more, what is in doubt stays so.
// Rationale: 5 MiB; where the capture lacks a direction, any number may be in doubt, and no other version comes.
pub(crate) const SUSPECT_FRAMES: usize = 1 << 16;
/// Frames with wrong checksums that are kept for a direction.
// Rationale: 1.5 MiB a direction; one with as many damaged frames that most are still right is rarer than any other
// doubt.
pub(crate) const WRONG_CHECKSUMS: usize = 1 << 16;
/// Frames cut by the snap length that are kept for a direction; with more, all of it is in doubt.
// Rationale: with a snap length below the segments nearly all are, and each accused block is held against them.
pub(crate) const CUT_FRAMES: usize = 1 << 10;
/// Whole frames of a direction that cut copies of them are told by.
// Rationale: the copies of two taps stand within some thousand frames of one another.
pub(crate) const WHOLE_FRAMES: usize = 1 << 16;
/// Announces of a connection that wait for their answers.
// Rationale: clients do not announce again before the answer; as many as requests are remembered.
pub(crate) const PENDING_ANNOUNCES: usize = 256;
/// Delivered slices that each direction keeps in any case.
// Rationale: what is sent again at once, because an acknowledgement was late, is compared in any case.
pub(crate) const LEAST_HISTORY: u32 = 16;
/// Slices that each direction may hold behind a hole in any case.
// Rationale: neighbours that changed places are put in order; 100,000 flows, two directions each, hold 90 MB so.
pub(crate) const LEAST_WAITING: u32 = 8;
/// Slices of a stream that wait until it is known to be of the peer wire, before they are written as they are.
// Rationale: what begins in mid-stream is told by its first messages; 48 bytes each.
pub(crate) const CLEAR_HELD: usize = 4_096;
/// Steps of capture clocks that flag the transfers around them.
// Rationale: each step flags the transfers around it; more are only counted.
pub(crate) const CLOCK_STEPS: usize = 10_000;
/// Pairs of inputs whose clocks are compared.
// Rationale: a ring of files that overlap has a pair for each border; the packets of further ones are counted in the
// sum.
pub(crate) const CLOCK_PAIRS: usize = 4_096;
/// Flows in which cut packets wait for their whole copies.
// Rationale: the flows that are held by default, and as many that were given up; 20 MB.
pub(crate) const DELAYED_FLOWS: usize = 200_000;
/// Segments of a message of DNS over TCP.
// Rationale: 64 KiB in segments of 1,460 bytes is 45.
pub(crate) const DNS_PARTS: usize = 64;
/// Packets of a flow whose copies are recognised.
// Rationale: at two taps whose clocks are 40 ms apart, what a flow of 300 Mbit/s sends in that time; 24 KiB.
pub(crate) const FLOW_COPY_MARKS: usize = 1_024;
/// Connections without piece data that ended and wait for what comes late.
// Rationale: 3 KiB each; a handshake without piece data is worth 12 MB of waiting and no more.
pub(crate) const ENDED_SILENT: usize = 4_096;
/// Connections with piece data that ended and wait for what comes late.
// Rationale: as many flows as are held by default: those that served are closed by time alone, unless the clock stands.
pub(crate) const ENDED_BUSY: usize = 100_000;
/// Addresses of which is kept what they sent; with more, no absence is told.
// Rationale: some 180 bytes each, 45 MB in all; a capture of a backbone has more, and of those no absence is told.
pub(crate) const HOSTS: usize = 250_000;
/// Flows of an unknown protocol that are kept.
// Rationale: 96 bytes each.
pub(crate) const UNRECOGNISED: usize = 100_000;
/// Ways through tunnels that are kept for a flow.
// Rationale: more tunnels than a flow crosses; the first ones are kept.
pub(crate) const FLOW_TUNNELS: usize = 8;
/// Readings of the captures.
// Rationale: four framings of one stretch, others of stretches that only these show, and the one that is chosen.
pub(crate) const READINGS: usize = 6;
/// Stretches with several framings that are read again.
// Rationale: 200 bytes each; a capture with more of them is made to have them.
pub(crate) const CONTESTS: usize = 1 << 16;
/// Connections that are compared to find both sides of an address translation.
// Rationale: 200 bytes each; a capture with more peer connections is that of a provider, whose translation is
// elsewhere.
pub(crate) const COMPARED_CONNECTIONS: usize = 200_000;
/// Time (ns) by which the clocks of two taps may differ where copies of a packet, or both sides of an address translation, are
/// looked for.
// Rationale: the clocks of two taps differ by seconds at most where anybody cares for them; 64 bits of sequence numbers and
// the handshakes agree by chance never.
pub(crate) const CLOCKS_APART_NS: i64 = 60_000_000_000;
/// Sides of one connection behind address translators.
// Rationale: a packet that crosses four translators in sight of the taps has five addresses.
pub(crate) const TRANSLATED_SIDES: usize = 5;
/// Items of an HTTP direction that wait until the connection is known to be a webseed's.
// Rationale: of a connection that is no webseed nothing more is kept.
pub(crate) const UNTOLD_ITEMS: usize = 1_024;
/// Bytes that came twice with other contents, in stretches of an HTTP direction.
// Rationale: as many versions as the judge tries; beyond it all of the direction is in doubt.
pub(crate) const WEB_VERSIONS: usize = 1_024;
/// Holes of an HTTP direction that are kept with their places.
// Rationale: 48 bytes each, held while a connection is live; a direction with more is torn, and its gaps are counted.
pub(crate) const WEB_HOLES: usize = 16;
/// Faults of an HTTP direction that are kept.
// Rationale: 40 bytes each; what is odd beyond so many is no more odd.
pub(crate) const WEB_FAULTS: usize = 256;
/// Bytes of a direction that is captured from its middle on, which are kept for the message that another capture set has the
/// beginning of.
// Rationale: what is left of a usual block (BEP 3); some 300 bytes of facts.
pub(crate) const FRONT_BYTES: u64 = 16_384;
/// Bytes of `hashes` messages (BEP 52) that are written down.
// Rationale: two million hashes, the leaves of 32 GiB.
pub(crate) const HASHES_BYTES: usize = 64 << 20;

// Judging
/// Transfers that are held until rows are chosen; the others are summed.
// Rationale: some 2 KB each until rows are chosen; six times as many as have rows. Whoever sends more than a flood does
// is among them.
pub(crate) const JUDGED_TRANSFERS: usize = 1 << 17;
/// Pieces by which the torrent of a connection without a handshake is chosen.
// Rationale: torrents that begin alike mostly differ sooner; each costs a hash for each of them.
pub(crate) const COMPARED_PIECES: usize = 16;
/// Whole copies of one piece that are hashed.
// Rationale: more than any client asks again for one piece; beyond it blocks are still compared, one by one.
pub(crate) const PIECE_COPIES: usize = 64;
/// Stretches of a connection that came twice with other contents.
// Rationale: a connection with more conflicting stretches is not evidence of anything.
pub(crate) const DOUBT_VERSIONS: usize = 1_024;
/// Stretches in doubt over the whole run; beyond it all of a direction is doubtful.
// Rationale: 32 bytes each; a frame makes one at most, and nobody's evidence is doubtful in so many places.
pub(crate) const DOUBTS: usize = 4 << 20;
/// Files of a torrent that one path of a web server may mean.
// Rationale: names differ in their encoding a few times in a torrent; each costs a hash of what was sent.
pub(crate) const NAMED_ALIKE: usize = 256;
/// Connections of a row whose times are kept.
// Rationale: 24 bytes each; a pair of ports that carries more connections than this is a flood.
pub(crate) const SUBJECT_SESSIONS: usize = 1_024;
/// peer_ids of a row.
// Rationale: ten times as many peer_ids as one host was seen to use; some 30 bytes each.
pub(crate) const SUBJECT_PEER_IDS: usize = 256;
/// Bursts of piece data of a row.
// Rationale: 24 bytes each; with more, longer pauses count as none, and the times stay right at both ends.
pub(crate) const BURSTS: usize = 4_096;
/// Stretches of time of an address in which another peer_id is another subject.
// Rationale: more silences of hours than a capture of a week has; the search is done for each connection.
pub(crate) const PEER_WINDOWS: usize = 64;
/// Senders of one piece layer whose hashes are tried.
// Rationale: each costs one hash of the file; the first, the latest and one of its own per sender find a lone liar.
pub(crate) const LAYER_SENDERS: usize = 8;
/// Contents of one place of a unit that are tried.
// Rationale: a sender that sends this many different contents for one place is refuted long before.
pub(crate) const UNIT_VERSIONS: usize = 64;
/// Torrents that were not given and are named.
// Rationale: nobody reads a longer list; given torrents are named besides, however many there are.
pub(crate) const UNLISTED_TORRENTS: usize = 1_000;
/// Endpoints of torrents that were not given, which are counted.
// Rationale: 9 bytes each and twice that while it grows: the addresses of four million peers in under 80 MB.
pub(crate) const UNLISTED_ENDPOINTS: usize = (1 << 22) / 8 * 7;
/// Senders of one piece of whom each is tried with all that it sent of it.
// Rationale: each costs one hash of the piece.
pub(crate) const MIX_WAYS: usize = 8;
/// Mixes of what was sent of one piece in several versions that are hashed.
// Rationale: six places in two versions each; each costs one hash of the piece.
pub(crate) const MIXES: usize = 64;
/// Runs of pieces that a report lists for a torrent.
// Rationale: a report of a torrent of a million pieces stays readable; the table of pieces has all.
pub const PIECE_RUNS: usize = 1_000;
/// Subjects that the map of a torrent has rows for.
// Rationale: rows that a page shows at once.
pub const MAP_ROWS: usize = 12;
/// Subjects with a timeline in a report.
// Rationale: a page has a section for 50; the rest of them are for whoever asks for one peer. Some 2 KiB each.
pub const TIMELINES: usize = 1_000;

// Parts
/// Bytes of the manifest of a part. More is an error.
// Rationale: 65,535 inputs of 400 bytes.
pub(crate) const PART_MANIFEST_BYTES: u64 = 64 << 20;
/// Bytes of the digests of a part. More is an error.
// Rationale: some 100 bytes for each piece, 40 for each leaf: those of 500 GB.
pub(crate) const PART_DIGESTS_BYTES: u64 = 2 << 30;

// Notices and lists
/// Bytes of a notice. More is an error.
// Rationale: notices.md, section 4.
pub(crate) const NOTICE_BYTES: usize = 64 << 20;
/// Claims of a notice; further ones are counted as left out.
// Rationale: as the one before.
pub(crate) const NOTICE_CLAIMS: usize = 100_000;
/// XML elements within one another.
// Rationale: notices.md, section 4; the deepest element of the schemas is the sixth.
pub(crate) const ACNS_DEPTH: usize = 64;
/// XML elements of one notice.
// Rationale: as the one before.
pub(crate) const ACNS_ELEMENTS: u32 = 100_000;
/// Bytes of the text of one XML element.
// Rationale: as the one before.
pub(crate) const ACNS_TEXT_BYTES: usize = 1 << 20;
/// PGP signatures around one another.
// Rationale: a notice that is passed on may be signed again by each who does.
pub(crate) const PGP_ARMOURS: usize = 8;
/// Bytes of a cell of a list.
// Rationale: notices.md, section 4: a cell of a mebibyte is refused.
pub(crate) const CELL_BYTES: usize = (1 << 20) - 1;
/// Line ends within a cell of a list.
// Rationale: a cell with more line ends than this is an open quote.
pub(crate) const CELL_LINES: u64 = 64;
/// JSON values within one another.
// Rationale: notices.md, section 4.
pub(crate) const JSON_DEPTH: u32 = 64;
/// Mails and parts within one another.
// Rationale: notices.md, section 4.
pub(crate) const MAIL_DEPTH: usize = 16;
/// Parts of one mail.
// Rationale: as the one before.
pub(crate) const MAIL_PARTS: usize = 1_000;
/// Bytes of the head of a mail or of a part.
// Rationale: as the one before.
pub(crate) const MAIL_HEAD_BYTES: usize = 1 << 20;
/// Mentions that a claim lists; the others are counted.
// Rationale: one address on many lists; the count of the others is in report.json.
pub(crate) const CLAIM_MENTIONS: usize = 100;
/// Bytes of a list of operators or countries. More is an error.
// Rationale: the largest lists of whole countries and networks are some 150 MB.
pub(crate) const MMDB_BYTES: u64 = 1 << 30;
/// Bytes of a list of relays. More is an error.
// Rationale: a list of every exit of Tor is 100 KiB; of all VPN ranges that are sold as data, some MB.
pub(crate) const RELAYS_BYTES: u64 = 64 << 20;
/// Files of all torrents that are rebuilt from captured info dictionaries.
// Rationale: 200 bytes each while they are read, and as much in a report; no torrent in use has as many.
pub(crate) const METADATA_FILES: usize = 500_000;
/// Examples of an oddity that reports keep; all are counted.
// Rationale: enough to look at by hand in Wireshark, few enough to stay out of the way.
pub(crate) const ODDITY_EXAMPLES: usize = 8;
// Rationale: a hello with keys that withstand quantum computers takes 2 kB, one with many tickets some more.
/// Bytes of a Client Hello that are kept to find the server name.
pub(crate) const TLS_HELLO_BYTES: usize = 8_192;
