//! Claims of notices as values: who, when, what, which act; and why a notice could not be used.

use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::civil::DateTime;
use serde::Serialize;

use crate::ends::Transport as Carrier;

/// A statement of a notice about one address at one time (notices.md, section 1).
///
/// # Invariants
/// - Nothing in it was filled in: what the notice does not state is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address and, where the notice states one, the port.
    pub who: Who,
    /// The stated time; of a range, its two ends.
    pub when: When,
    /// Further ranges at which the notice says to have seen the same (`AlsoSeen` of ACNS).
    pub also: Vec<When>,
    /// The work, by hash, name and size.
    pub what: Work,
    /// The acts that the notice claims, the gravest first; never empty.
    pub acts: Vec<Act>,
    /// On what the acts rest.
    pub act_basis: ActBasis,
    /// The notice's own words for the act, as written; empty for [`ActBasis::Assumed`].
    pub words: String,
    /// Bytes that the notice says were uploaded, where it has such a field (XARF).
    pub amount: Option<u64>,
}

/// An address and port of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// IPv4-mapped IPv6 addresses are IPv4 here.
    pub address: IpAddr,
    /// 1 to 65,535; `None` where none is stated.
    pub port: Option<u16>,
    /// `tcp` or `udp`, where stated.
    pub transport: Option<Transport>,
    /// The inside address that the notice itself maps to (`InternalTracking/Mapping` of ACNS).
    pub mapped: Option<(IpAddr, Option<u16>)>,
}

/// A transport protocol as notices name it (IP protocol 6 or 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// IP protocol 6.
    Tcp,
    /// IP protocol 17.
    Udp,
}

impl Transport {
    /// Returns true if one of `carriers` goes over it.
    pub(super) fn fits(self, carriers: &BTreeSet<Carrier>) -> bool {
        carriers.iter().any(|carrier| (*carrier == Carrier::Utp) == (self == Self::Udp))
    }
}

/// A stated time, or range of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    /// As written.
    pub text: String,
    /// The unit of the last digit that is written.
    pub precision: Precision,
    /// Where the zone comes from.
    pub zone: ZoneBasis,
    /// Stretches of time that the text may mean: one, or two where day and month or the hour are ambiguous. Empty
    /// without a zone.
    pub readings: Vec<Window>,
    /// The clock readings without their zone, of which the readings are made: begin and end.
    pub clock: Vec<(DateTime, DateTime)>,
}

/// From a time to another, in nanoseconds since 1970, UTC.
///
/// # Invariants
/// - `from <= to`; `to` is the end of what is stated: that of the second `02:48:08` is `02:48:09`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Begin, included.
    pub from: i64,
    /// End, excluded.
    pub to: i64,
}

/// The unit of the last digit of a stated time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Digits behind the second.
    Subsecond,
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// A whole day.
    Day,
}

/// Where the zone of a stated time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ZoneBasis {
    /// The notice states it.
    Stated,
    /// The user assumes it (`--zone`).
    Assumed,
    /// Nobody states it.
    None,
}

/// The work of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Its hashes.
    pub hashes: Vec<Hash>,
    /// Its title, as written.
    pub title: Option<String>,
    /// Its file or torrent name, as written.
    pub file: Option<String>,
    /// Its exact size in bytes; `None` where it is rounded to a larger unit.
    pub size: Option<u64>,
}

/// A hash of a notice, in lower-case hex digits of its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash {
    /// The kind of hash, as far as label and length tell.
    pub kind: HashKind,
    /// 20 or 32 bytes for what may be an info-hash, 16 to 32 for others.
    pub value: Vec<u8>,
}

/// Kinds of hashes that notices state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashKind {
    /// A v1 info-hash, or a v2 one cut to 20 bytes: 20 bytes do not tell which.
    InfoV1,
    /// A whole v2 info-hash (BEP 52).
    InfoV2,
    /// The label does not tell an info-hash from the hash of a file.
    Either,
    /// Of a file's bytes: SHA-1.
    FileSha1,
    /// Of a file's bytes: SHA-256.
    FileSha256,
    /// Of a file's bytes: MD5.
    Md5,
    /// Of a file's bytes: ED2K.
    Ed2k,
    /// Of a file's bytes: AICH.
    Aich,
    /// Of a file's bytes: Tiger tree.
    Tth,
    /// Of a file's bytes, with a name that is not known here, or 16 bytes that may be MD5 or ED2K.
    File,
    /// None that its label names, for it has the length of an info-hash: it is one of the captures or torrents, or no hash at
    /// all.
    Mislabelled,
}

impl Entry {
    /// Takes a hash under the label of another kind for what it is: an info-hash that `is_known`, whatever its label (160
    /// bits do not agree by chance), or else a hash that cannot be one.
    #[must_use]
    pub fn settled(mut self, is_known: impl Fn(&[u8]) -> bool) -> Self {
        let Ok(claim) = &mut self.content else { return self };
        let who = claim.who;
        let of_length = |hash: &Hash| if hash.value.len() == 32 { HashKind::InfoV2 } else { HashKind::InfoV1 };
        for hash in claim.what.hashes.iter_mut().filter(|hash| hash.kind == HashKind::Mislabelled) {
            if !is_known(&hash.value) {
                let found = data_encoding::HEXLOWER.encode(&hash.value);
                self.content = Err(Refused { why: Refusal::BadHash, found, who: Some(who) });
                break;
            }
            hash.kind = of_length(hash);
        }
        self
    }
}

impl HashKind {
    /// Returns true for the kinds that may be an info-hash.
    pub fn may_be_info(self) -> bool {
        matches!(self, Self::InfoV1 | Self::InfoV2 | Self::Either)
    }

    /// Returns true for the kinds that are an info-hash and nothing else.
    pub fn is_info(self) -> bool {
        matches!(self, Self::InfoV1 | Self::InfoV2)
    }
}

/// An act that a notice claims; ordered from the gravest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Sent content.
    Uploaded,
    /// Not said; judged as [`Act::Uploaded`].
    Unknown,
    /// Made content available.
    Offered,
    /// Received content.
    Downloaded,
    /// Took part in the swarm.
    Joined,
    /// Was listed by somebody.
    Named,
}

impl Act {
    /// The word in JSON and in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Unknown => "unknown",
            Self::Offered => "offered",
            Self::Downloaded => "downloaded",
            Self::Joined => "joined",
            Self::Named => "named",
        }
    }
}

/// On what the act of a claim rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ActBasis {
    /// A field of the notice.
    Field,
    /// Its free text, or that of the mail around it.
    Text,
    /// Nothing: no act is named.
    Assumed,
}

/// Why a notice or one row of it has no verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It states no address.
    NoAddress,
    /// It states no time.
    NoTime,
    /// Its address is none, or none of one host.
    BadAddress,
    /// Its port is no number from 1 to 65,535.
    BadPort,
    /// Its hash has a length or a letter that no hash has.
    BadHash,
    /// Its time does not exist, or cannot be read.
    ImpossibleTime,
    /// A DOCTYPE or entity declaration: nothing in the document is read.
    XmlDoctype,
    /// Deeper, longer or with more elements than a notice has.
    XmlLimit,
    /// XML that cannot be read to its end.
    BadXml,
    /// Nested mails or parts deeper than a notice has.
    MimeTooDeep,
    /// More parts, or longer headers, than a notice has.
    MimeLimit,
    /// A part of a mail that cannot be decoded.
    BadPart,
    /// A row with more or fewer cells than its header, with NUL, or with a lone quote.
    BadRow,
    /// JSON that cannot be read.
    BadJson,
    /// JSON nested deeper than 64.
    JsonLimit,
    /// An object that has one key twice.
    DuplicateKey,
    /// Longer than a notice may be.
    TooLarge,
    /// gzip, zip or PDF: to be unpacked first.
    Packed,
    /// A text or mail without any field of a notice: it may be one that nobody can read but people.
    NoFields,
    /// Something else than a notice: another kind of report.
    NotANotice,
    /// Withdrawn by its sender.
    Retraction,
}

impl Refusal {
    /// The identifier in JSON, as in notices.md.
    pub fn id(self) -> &'static str {
        match self {
            Self::NoAddress => "no-address",
            Self::NoTime => "no-time",
            Self::BadAddress => "bad-address",
            Self::BadPort => "bad-port",
            Self::BadHash => "bad-hash",
            Self::ImpossibleTime => "impossible-time",
            Self::XmlDoctype => "xml-doctype",
            Self::XmlLimit => "xml-limit",
            Self::BadXml => "bad-xml",
            Self::MimeTooDeep => "mime-too-deep",
            Self::MimeLimit => "mime-limit",
            Self::BadPart => "bad-part",
            Self::BadRow => "bad-row",
            Self::BadJson => "bad-json",
            Self::JsonLimit => "json-limit",
            Self::DuplicateKey => "duplicate-key",
            Self::TooLarge => "too-large",
            Self::Packed => "packed",
            Self::NoFields => "no-fields",
            Self::NotANotice => "not-a-notice",
            Self::Retraction => "retraction",
        }
    }
}

/// A format of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// ACNS XML, 0.6 to 1.2.
    Acns,
    /// Lines of keys and values.
    Keys,
    /// A table in a text.
    TextTable,
    /// Comma-, semicolon-, tab- or bar-separated values.
    Csv,
    /// JSON, or lines of it.
    Json,
    /// XARF v3 or v4.
    Xarf,
    /// ARF (RFC 5965).
    Arf,
    /// A mail with nothing else in it.
    Mail,
    /// Not recognised.
    Unknown,
}

/// Where a claim stands, and who sent it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file as the user named it, below the directory that was given; `-` for standard input.
    pub input: String,
    /// The mail in a mailbox (from 1) and the MIME part within it, as `2.1`; empty outside of mails.
    pub part: Vec<u32>,
    /// The number of the item, row or object, from 1.
    pub item: u64,
    /// The line of the row or object, where the format has lines.
    pub line: Option<u64>,
    /// The format.
    pub format: Format,
    /// The sender's own number.
    pub case_id: Option<String>,
    /// On whose behalf it was sent.
    pub by: Option<String>,
    /// Who sent it, where that is another.
    pub agent: Option<String>,
}

/// A flag of a claim that follows from the notice alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeFlag {
    /// It carries a signature, which is not checked.
    Signed,
    /// The bytes were read as Windows-1252, because they are no UTF-8 and nothing is declared.
    GuessedEncoding,
    /// Copies of the same notice contradict each other.
    CopiesDiffer,
    /// The time has no zone; the user's was taken.
    ZoneAssumed,
    /// The zone is stated by letters that mean several zones: taken for none.
    ZoneAmbiguous,
}

/// A claim, or what stands where one could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub origin: Origin,
    /// How many times the same claim was sent.
    pub copies: u32,
    /// Flags that follow from the notice alone, sorted.
    pub flags: Vec<NoticeFlag>,
    /// Of [`NoticeFlag::CopiesDiffer`]: the fields.
    pub differing: Vec<&'static str>,
    /// The claim, or the reason why nothing is judged.
    pub content: Result<Claim, Refused>,
}

/// A notice that is not judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// The text that was found, as written and cut; empty where none is to blame.
    pub found: String,
    /// The claim as far as it could be read.
    pub who: Option<Who>,
}
