//! Oddities in plain words: the one place where a sentence is made of one.

use crate::ends::{Hex, Transport};
use crate::oddity::{
    BadTime, Bound, Flaw, Forgotten, GapKind, Leg, Lost, MentionFault, Misplaced, Occurrence, Oddity, Parties,
    ProofError, SameConnection, Unit, UnknownReason,
};

/// Between whom, as `a -> b`; empty where it is nobody in particular.
pub fn parties(occurrence: &Occurrence) -> String {
    match &occurrence.parties {
        Parties::Nobody => String::new(),
        Parties::One(endpoint) => endpoint.to_string(),
        Parties::Hosts(from, to) => format!("{from} -> {to}"),
        Parties::Sent(from, to) => format!("{from} -> {to}"),
        Parties::Both(low, high) => format!("{low} <-> {high}"),
    }
}

/// One plain sentence with the figures; that of a bound begins with its name.
pub fn sentence(oddity: &Oddity) -> String {
    match oddity {
        Oddity::Damage { input, offset, found, expected, skipped } => {
            format!("input {input}: at byte {offset}: found {found}, expected {expected}; {skipped} bytes not read")
        }
        Oddity::DamagedStream { input, error } => format!("input {input}: {error}"),
        Oddity::PassedOver { name, found } => format!("{name}: {found}"),
        Oddity::BadTime { input, time } => format!("input {input}: {}", bad_time(*time)),
        Oddity::UnknownLink { link } => format!("link type {link} is not supported"),
        Oddity::CutFrame { held, wire } => format!("{held} of {wire} bytes were captured"),
        Oddity::CutPacket { beyond, tunnelled } => {
            let around = if *tunnelled { "tunnel around it" } else { "frame" };
            format!("the length of the IP packet goes {beyond} bytes beyond the {around}")
        }
        Oddity::BadHeader { reason } => reason.0.to_owned(),
        Oddity::BadFragment { len, offset } => format!("a fragment of {len} bytes at {offset} cannot be one"),
        Oddity::FragmentConflict { offset } => {
            format!("the fragment at byte {offset} contradicts an earlier one; the datagram is left out")
        }
        Oddity::Mismatched { untested_ns: None } => {
            "the checksum of a datagram put together from fragments does not match; it is left out".to_owned()
        }
        Oddity::Mismatched { untested_ns: Some(ns) } => format!(
            "fragments {} ms apart make a datagram without a checksum that can be tested; it is left out",
            ns / 1_000_000
        ),
        Oddity::Incomplete { covered, total } => {
            let whole = total.map_or_else(|| "of unknown length".to_owned(), |total| format!("of {total} bytes"));
            format!("only {covered} bytes of a datagram {whole} were captured")
        }
        Oddity::DamagedFrame { matches } => format!("the frame is marked as damaged{}", damage(*matches)),
        Oddity::DamagedHeader { matches } => format!(
            "the frame has an IPv4 header with a wrong checksum, where those of others are right{}",
            damage(*matches)
        ),
        Oddity::DamagedPacket => {
            "its checksum or length is wrong, and nearly all others of its interface are right; left out".to_owned()
        }
        Oddity::BadChecksum { checksum } => format!("checksum {checksum:#06x} does not match"),
        Oddity::Acquitted => {
            "its checksum is wrong, and those around it are right: what it carries refutes nobody".to_owned()
        }
        Oddity::AmbiguousTunnel { tunnel } => {
            format!("reads as a uTP packet and as {tunnel}; taken for both, as --tunnel does not name the port")
        }
        Oddity::DoubleFrame { first, again } => match (first.file(), again.file()) {
            (one, other) if one == other => {
                format!("the packet of frame {} is there again as frame {}", first.number(), again.number())
            }
            (one, other) => format!(
                "the packet of frame {} of input {one} is there again as frame {} of input {other}",
                first.number(),
                again.number()
            ),
        },
        Oddity::DoubleDatagram => "the same packet is in the capture more than once".to_owned(),
        Oddity::ClockStep { ns } => {
            format!("the clock moved by {:.3} s between this frame and the one before", *ns as f64 / 1e9)
        }
        Oddity::Gap { offset, lost, cause } => gap(*offset, *lost, *cause),
        Oddity::Late { offset, len } => {
            format!("{len} bytes for stream offset {offset} came after that place was given up")
        }
        Oddity::Uncompared { offset, len, placed, cut } => {
            let place = match placed {
                true => format!("from stream offset {offset}"),
                false => format!("before stream offset {}", offset.saturating_add(*len)),
            };
            let why = if *cut { "and cut by the snap length" } else { "too late to compare" };
            format!("{len} bytes {place} sent again {why}")
        }
        Oddity::RepeatedAfterEnd { len } => {
            format!("{len} bytes sent again long after the connection ended, too late to compare")
        }
        Oddity::OutOfWindow { len } => {
            format!("a packet with {len} bytes far from the place of the stream was left out")
        }
        Oddity::Superseded { len } => {
            format!("a packet in doubt with {len} bytes was left out: all of them came in packets without doubt")
        }
        Oddity::OtherContent { offset, len } => {
            format!("{len} bytes from stream offset {offset} sent again with other content")
        }
        Oddity::RightVersion { unit, second } => {
            let version = if *second { "second" } else { "first" };
            format!("{}: of two versions of these bytes the {version} is the torrent's", named(*unit))
        }
        Oddity::Resynchronised { skipped } => format!("{skipped} bytes skipped before the next message"),
        Oddity::Unframed { skipped } => {
            format!("{skipped} bytes before the end of this direction belong to no whole message header")
        }
        Oddity::UnshownBlocks { bytes } => format!(
            "{bytes} bytes look like blocks, but without a handshake, a request or a third block nothing shows that \
             this is BitTorrent"
        ),
        Oddity::Message { id, len, reason } => {
            let why = match reason {
                UnknownReason::Id => "no supported BEP defines this id",
                UnknownReason::Body => "the body does not fit the id",
                UnknownReason::Length => "the length prefix is above the limit",
                UnknownReason::Incomplete => "a gap or the end of this direction cuts the body off",
            };
            format!("message id {id}, {len} bytes: {why}")
        }
        Oddity::Extension { name, error, .. } => format!("extension message {name}: {error}"),
        Oddity::BlockOutside { place, .. } => misplaced(place),
        Oddity::BlockTooLong { piece, begin, len, .. } => {
            format!("piece {piece}: a block of {len} bytes from {begin} on")
        }
        Oddity::UnconfirmedBlock { piece, len } => format!(
            "{len} bytes look like a block of piece {piece}, but no handshake, no request and no hash confirms it"
        ),
        Oddity::UnconfirmedMessages { requests, extended } => format!(
            "{} for blocks of 16 KiB and {}, but no handshake and no block confirms them",
            counted(*requests, "request"),
            counted(*extended, "extension message")
        ),
        Oddity::Padding { bytes } => format!("{bytes} bytes of padding are not zero"),
        Oddity::WrongMetadata { piece } => {
            format!("metadata piece {piece} differs from the info dictionary that hashes to the info-hash")
        }
        Oddity::MetadataMismatch { count } => {
            format!("{count} whole info dictionaries did not hash to their info-hash")
        }
        Oddity::BadMetadata { count } => format!("{count} metadata pieces were empty, too long or beyond 64 MiB"),
        Oddity::WrongHashes(error) => unproven(*error).to_owned(),
        Oddity::Web { flaw, .. } => http(*flaw).to_owned(),
        Oddity::UnshownWebseed { bytes } => format!(
            "{bytes} bytes from a URL that no torrent lists were asked for as a torrent's, or have a file's size, but no \
             piece of them is proven: they may be of another file"
        ),
        Oddity::Mention { fault, .. } => match fault {
            MentionFault::Unusable => {
                "entries that name no endpoint: port 0, no address, or a host name".to_owned()
            }
            MentionFault::OtherFamily => "an IPv4 address in an announce over IPv6".to_owned(),
            MentionFault::Unreadable(reason) => reason.0.to_owned(),
            MentionFault::Web(flaw) => http(*flaw).to_owned(),
        },
        Oddity::Proxied { relay, .. } => relay.to_string(),
        Oddity::WrongSecret { line, basis } => {
            format!("the secret in line {line} does not decrypt this connection: {basis}")
        }
        Oddity::UnusedSecret { line } => format!("the secret in line {line} fits no connection in the captures"),
        Oddity::Collision { unit, sha256 } => {
            let [one, other] = sha256.map(Hex);
            let unit = named(*unit);
            format!("{unit}: two different contents with the same SHA-1; their SHA-256 are {one} and {other}")
        }
        Oddity::CollisionAttack { sha256 } => format!(
            "a verified piece has the marks of a SHA-1 collision attack, so another content with the same SHA-1 may exist; \
             its SHA-256 is {}",
            Hex(**sha256)
        ),
        Oddity::HalfMatch { unit, v1: true } => {
            format!("{}: bytes that match its SHA-1 (v1) and not its tree (v2)", named(*unit))
        }
        Oddity::HalfMatch { unit, v1: false } => {
            format!("{}: bytes that match its tree (v2) and not its SHA-1 (v1)", named(*unit))
        }
        Oddity::SameConnection(same) => one_connection(same),
        Oddity::SeenTwice { spans: [one, other], .. } => format!(
            "this connection is in two capture sets, from frame {} of input {} and from frame {} of input {}: what was sent \
             in a direction counts once, as the one with more of it shows it",
            one.first.frame.number(),
            one.first.frame.file(),
            other.first.frame.number(),
            other.first.frame.file()
        ),
        Oddity::DeclaredPort { port } => format!(
            "it declares port {port}, at which its address shows what is not known to be the same client: it goes by the \
             port that it sent from"
        ),
        Oddity::Multipath => "both ends agreed to Multipath TCP (RFC 8684): bytes of this connection may have gone on other paths, which \
                              are not read as a part of it, and nothing of it is held against anybody"
            .to_owned(),
        Oddity::InfoHashMismatch => "the two handshakes of this connection name different info-hashes".to_owned(),
        Oddity::NotGiven { info_hash } => {
            format!("no torrent with info-hash {info_hash} was given; its bytes stay unproven")
        }
        Oddity::NoTorrent { ambiguous } => {
            let why = match ambiguous {
                true => {
                    "several given torrents have the pieces that they match: which one they are of is not known"
                }
                false => "no given torrent has a piece that they match",
            };
            format!("blocks without a handshake, and {why}")
        }
        Oddity::PossibleUtp { .. } => {
            "more packets of this flow look like uTP than are held until a connection is shown".to_owned()
        }
        Oddity::Reached(bound) => format!("{}: {}", bound.name(), reached(bound)),
    }
}

/// The consequences of a bound.
fn reached(bound: &Bound) -> String {
    let text = match bound {
        Bound::Interfaces { input } => {
            return format!(
                "input {input} has too many different ones in one section: packets of this one are not read"
            );
        }
        Bound::InterfacesListed { input, most } => {
            return format!("input {input} has more than {most}: this one is read but not listed");
        }
        Bound::TunnelDepth => "nested deeper than the limit",
        Bound::Tunnels => "more different ones than the limit; not told apart",
        Bound::DatagramFragments => "more in one datagram than the limit",
        Bound::Fragments => "more open IP fragments than the limit",
        Bound::Flows => "the least recently active flow was closed to make room",
        Bound::Streams { offset, lost } => return gap(*offset, *lost, GapKind::Limit),
        Bound::ResyncBytes { skipped } => {
            return format!("no message found in {skipped} bytes; the rest of this direction was not searched");
        }
        Bound::AdvertisedPieces => {
            "more scattered pieces than there is room for; some that this side claimed do not count as advertised"
        }
        Bound::LtDonthave => {
            "more pieces were given up than are remembered; none of this side counts as advertised from here on"
        }
        Bound::OutstandingRequests => "older requests of this side were forgotten",
        Bound::Acknowledged => {
            "so many blocks waited for an acknowledgement that some of those that came are not counted"
        }
        Bound::Mse { .. } => {
            "this connection begins in so many small segments that it was not decided whether it is encrypted \
             BitTorrent; it was taken for something else"
        }
        Bound::Keystream { .. } => {
            "so much of this decrypted connection is missing that passing over its keystream would take longer than the \
             captured rest is worth; what follows was not read"
        }
        Bound::Secrets => {
            "there are more pairs of a secret and a torrent than are tried where only the answering side of a connection \
             could tell; this one may be encrypted BitTorrent that one of them opens"
        }
        Bound::Opaque { .. } => "no room to list another conversation that cannot be read",
        Bound::Mentions { subject, by } => {
            return format!("{subject} was named by {by}, and there is no room to list it");
        }
        Bound::Swarms { by } => {
            return format!("{by} spoke of a swarm, and there is no room to list it");
        }
        Bound::HostNames { by } => {
            return format!("{by} gave a name for an address, and there is no room to keep it");
        }
        Bound::NameRecords { .. } => "no room to keep another name record",
        Bound::Transactions(forgotten) => {
            return format!(
                "no room for {}",
                match forgotten {
                    Forgotten::Transaction => {
                        "a request, connection id or token that may still have been answered or echoed"
                    }
                    Forgotten::LongTransaction => "the transaction id of a DHT query that is too long",
                    Forgotten::LongToken => "a token of the DHT that is too long",
                }
            );
        }
        Bound::Metadata { count } => {
            return format!("{count} pieces were not kept or not tried because of a bound");
        }
        Bound::MetadataFiles { count, most } => {
            return format!(
                "{count} info dictionaries that hash right were not read, as those of the captures name more than {most} \
                 files"
            );
        }
        Bound::HashesFacts => "there is no room to write another one down",
        Bound::ConnectionsCompared { most } => {
            return format!("after {most}, no more tell both sides of an address translation");
        }
        Bound::Redirects => {
            "webseeds sent clients elsewhere so often, or with so long an address, that one was forgotten before it was \
             followed"
        }
        Bound::WebHeader { .. } => return beyond(Flaw::TooLong),
        Bound::WebRequests { .. } => return beyond(Flaw::Outstanding),
        Bound::ConflictingVersions { most, .. } => {
            return format!("only the first {most} of this direction are tried");
        }
        Bound::Doubts { most, .. } => {
            return format!(
                "after {most} stretches in doubt, all that goes in this direction is: it may verify, and refutes nobody"
            );
        }
        Bound::Copies { unit, bytes } => {
            let unit = named(*unit);
            return format!(
                "which of {bytes} bytes of {unit} are right is not known after as many copies and senders as are tried"
            );
        }
        Bound::Captures { input, bytes: _, again: true } => {
            return format!(
                "the bytes of #{} could not be read and hashed: it is not at hand, and would have to be read again with these \
                 torrents and secrets; --captures DIR says where it is",
                u64::from(*input) + 1
            );
        }
        Bound::Captures { input, bytes, again: false } => {
            return format!(
                "the bytes of #{} could not be read and hashed: it is not at hand; {bytes} bytes of payload could not be asked \
                 for, and nothing is refuted by it; --captures DIR says where it is",
                u64::from(*input) + 1
            );
        }
        Bound::LateSegments { bytes } => {
            return format!(
                "{bytes} bytes came after their place was given up, too many to be read where they belong"
            );
        }
        Bound::ClearHeld { bytes } => {
            return format!(
                "{bytes} bytes of this connection are not written: they came before it was known to be BitTorrent, behind \
                 as many as are kept for that"
            );
        }
        Bound::Framings { most } => {
            return format!(
                "content that looks like messages may be framed in other ways than {most} readings try"
            );
        }
        Bound::WebFiles { most, bytes } => {
            return format!(
                "{bytes} bytes of a web server fit more files by name and size than the {most} that they are compared with"
            );
        }
        Bound::Names => "so many peer_ids, clients, tunnels or extensions of one transfer that not all are kept",
        Bound::AdvertisedBytes => "of the pieces that this side advertised only the number is kept",
        Bound::Pieces { transfers } => {
            return format!(
                "the units of {} are not listed: a bound of the run let bytes go that their figures would have to be told \
                 with",
                counted(*transfers, "transfer")
            );
        }
        Bound::Rows => "a connection with a handshake but no piece data is counted, and not listed one by one",
        Bound::ServedRows { transfers, served_bytes, verified_bytes } => {
            return format!(
                "{transfers} transfers with {served_bytes} bytes of piece data, {verified_bytes} of them verified, are not listed \
                 one by one and are in no other figure: those that are listed were chosen for the most bytes that are proven, \
                 then for the most that they served"
            );
        }
        Bound::RowsInAll { connections, endpoints, more_endpoints, bytes } => {
            return format!(
                "{} of {}{endpoints} endpoints had a handshake but no piece data, in {bytes} bytes, and {} not listed \
                 one by one",
                if *connections == 1 { "1 connection".to_owned() } else { format!("{connections} connections") },
                if *more_endpoints { "more than " } else { "" },
                if *connections == 1 { "is" } else { "are" }
            );
        }
    };
    text.to_owned()
}

fn bad_time(time: BadTime) -> &'static str {
    match time {
        BadTime::Zero => "the time is zero: the capture does not tell when the frame was seen",
        BadTime::OutOfRange => "the time is outside the years 1677 to 2262; the nearest one is used",
        BadTime::Absent => "a simple packet block has no time; the one of the frame before it is used",
    }
}

fn gap(offset: u64, lost: Lost, cause: GapKind) -> String {
    let why = match cause {
        GapKind::Acknowledged => "acknowledged by the receiver, but not in the capture",
        GapKind::Unseen => "not in the capture, and not known to have arrived",
        GapKind::Limit => "given up because too much was waiting behind it, or too many streams were open",
        GapKind::Web => return format!("bytes from stream offset {offset} on are not in the capture"),
    };
    let amount = match lost {
        Lost::Bytes(bytes) => format!("{bytes} bytes"),
        Lost::Packets(packets) => format!("the payload of {}", counted(packets, "packet")),
        Lost::Unknown => "an unknown number of bytes".to_owned(),
    };
    format!("{amount} from stream offset {offset} {why}")
}

fn misplaced(place: &Misplaced) -> String {
    match place {
        Misplaced::NoSuchPiece { piece, pieces } => format!("piece {piece} of a torrent with {pieces} pieces"),
        Misplaced::BeyondPiece { piece, end, size } => {
            format!("a block that ends at byte {end} of piece {piece}, which has {size} bytes")
        }
        Misplaced::NoMetadata => "a block of a torrent of which only the info-hash is known".to_owned(),
    }
}

fn unproven(error: ProofError) -> &'static str {
    match error {
        ProofError::NoSuchFile => "hashes of a file that the torrent does not have",
        ProofError::BadRange => "hashes beyond the file's tree",
        ProofError::BadLength => "a number of hashes that does not fit their range",
        ProofError::Unconnected => "hashes whose proof ends below every known node",
        ProofError::Wrong => "hashes that contradict the torrent",
    }
}

fn http(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Head => "an HTTP header that is malformed",
        Flaw::TooLong => "an HTTP header that is longer than is held",
        Flaw::Encoding => "an HTTP body in a coding that is not read",
        Flaw::Chunk => "an HTTP chunk whose framing is malformed",
        Flaw::Part => "a part of an HTTP resource without a usable Content-Range",
        Flaw::Surplus => "an HTTP body longer than its Content-Range",
        Flaw::Truncated => "an HTTP body that its stream ended inside",
        Flaw::LostSync => "HTTP framing was lost",
        Flaw::Skipped => "bytes of an HTTP connection that belong to no message that was found",
        Flaw::Outstanding => "more outstanding HTTP requests than are remembered",
        Flaw::Socket => "a message of a WebSocket that cannot be read",
        Flaw::GaveUp => "an HTTP connection was given up",
    }
}

fn beyond(flaw: Flaw) -> String {
    format!("{}; what a webseed sent behind it may not be counted", http(flaw))
}

fn one_connection(same: &SameConnection) -> String {
    let numbers = match same.transport {
        Transport::Utp | Transport::Udp => "connection ids, numbers and clocks in the packets that open them",
        Transport::Tcp | Transport::Http => "initial sequence numbers in both directions",
    };
    let about = if same.handshakes { "handshakes" } else { "torrent" };
    let [one, other] = same.legs.map(|leg| leg_in_frames(&leg));
    format!(
        "{one} and {other} have the same {numbers} and the same {about}: one connection, on both sides of an address \
         translation"
    )
}

fn leg_in_frames(Leg { ends: [opener, opened], span }: &Leg) -> String {
    let (first, last) = (span.first.frame, span.last.frame);
    format!(
        "{opener} -> {opened} (frame {} of input {} to frame {} of input {})",
        first.number(),
        first.file(),
        last.number(),
        last.file()
    )
}

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn named(Unit { piece, leaf }: Unit) -> String {
    leaf.map_or_else(|| format!("piece {piece}"), |leaf| format!("piece {piece} leaf {leaf}"))
}

/// The verdict of a checksum on a damaged frame's content, as a clause.
fn damage(matches: Option<bool>) -> &'static str {
    match matches {
        Some(true) => "; the checksum of what it carries matches",
        Some(false) => ", and the checksum of what it carries does not match; left out",
        None => ", and no checksum shows what it carries; left out",
    }
}
