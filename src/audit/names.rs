//! The names of columns and keys, and what they stand for (notices.md, section 1).

use super::hash::Label;

/// Roles of columns and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Address,
    Port,
    /// A whole time, or the hour beside a [`Role::Date`].
    Time(Ends),
    Date(Ends),
    Zone,
    Hash(Label),
    Title,
    File,
    Size,
    By,
    Id,
    Act,
    Protocol,
    Uploaded,
    /// Kept, decides nothing.
    Kept,
}

/// Which end of a range a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Only,
    First,
    Last,
}

/// A known name: its role, and whether the name itself states UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) role: Role,
    pub(super) utc: bool,
}

impl Name {
    /// Finds the role that `name` stands for, compared without case, blanks, `-`, `_`, `'`, dots and bracketed units.
    pub(super) fn of(name: &str) -> Option<Self> {
        let plain = plain(name);
        if let Some(role) = exact(&plain) {
            return Some(Self { role, utc: matches!(plain.as_str(), "utc" | "gmt") });
        }
        let bare = ["utc", "gmt"].iter().find_map(|zone| plain.strip_suffix(zone)).filter(|bare| !bare.is_empty());
        if let Some(role) = bare.and_then(exact)
            && matches!(role, Role::Time(_) | Role::Date(_))
        {
            return Some(Self { role, utc: true });
        }
        let begins = |word: &str| plain.starts_with(word);
        let time = ["timestamp", "time", "date", "seen"].iter().any(|word| plain.contains(word));
        let ends = match () {
            () if !time => return None,
            () if begins("initial") || begins("first") || begins("start") => Ends::First,
            () if begins("recent") || begins("last") || begins("end") || begins("final") => Ends::Last,
            () => return None,
        };
        Some(Self { role: Role::Time(ends), utc: bare.is_some() })
    }

    /// Returns true if the bracketed unit of a size makes the size approximate.
    pub(super) fn is_rounded(name: &str) -> bool {
        let unit = name.split_once(['(', '[']).map(|(_, unit)| unit.to_ascii_lowercase());
        unit.is_some_and(|unit| {
            ["kb", "mb", "gb", "kib", "mib", "gib", "tb"].iter().any(|each| unit.contains(each))
        })
    }
}

/// A name without what does not tell names apart.
pub(super) fn plain(name: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '-' | '_' | '\'' | '’' | '.' | '*' | '#' | '"' | '\u{a0}' | '\u{feff}' => {}
            c if depth == 0 && !c.is_whitespace() => out.push(c),
            _ => {}
        }
    }
    out
}

fn exact(plain: &str) -> Option<Role> {
    Some(match plain {
        "ip"
        | "ipaddress"
        | "address"
        | "sourceip"
        | "infringersipaddress"
        | "infringeripaddress"
        | "hitip"
        | "ipadresse"
        | "adresseip"
        | "ipaddr"
        | "ipv4"
        | "ipv6"
        | "ipv4address"
        | "ipv6address"
        | "sourceipaddress"
        | "sourceaddress"
        | "infringingip"
        | "infringingipaddress"
        | "subscriberip"
        | "subscriberipaddress"
        | "peerip"
        | "clientip"
        | "sourceidentifier"
        | "adresse"
        | "endpoint" => Role::Address,
        "port" | "sourceport" | "ipport" | "portid" | "infringersport" | "infringerport" | "portnumber"
        | "srcport" | "peerport" | "clientport" | "infringersportid" | "quellport" | "portsource" | "hitport" => {
            Role::Port
        }
        "timestamp"
        | "time"
        | "date+time"
        | "datetime"
        | "dateandtime"
        | "utc"
        | "gmt"
        | "hitdate"
        | "datum+uhrzeit"
        | "date+heure"
        | "uhrzeit"
        | "heure"
        | "zeitpunkt"
        | "zeitstempel"
        | "horodatage"
        | "when"
        | "infringementtimestamp"
        | "infringementtime"
        | "hittime"
        | "eventtime"
        | "arrivaldate"
        | "timeofinfringement"
        | "dateofinfringement"
        | "infringementdate"
        | "dateetheure"
        | "timeseen"
        | "seen" => Role::Time(Ends::Only),
        "date" | "datum" => Role::Date(Ends::Only),
        "firstseen"
        | "start"
        | "from"
        | "starttime"
        | "begin"
        | "first"
        | "initialinfringementtimestamp"
        | "von"
        | "debut"
        | "début" => Role::Time(Ends::First),
        "startdate" | "firstdate" => Role::Date(Ends::First),
        "lastseen"
        | "end"
        | "to"
        | "endtime"
        | "last"
        | "recentinfringementtimestamp"
        | "bis"
        | "fin"
        | "until" => Role::Time(Ends::Last),
        "enddate" | "lastdate" => Role::Date(Ends::Last),
        "zone" | "timezone" | "tz" | "zeitzone" | "fuseau" | "fuseauhoraire" | "utcoffset" => Role::Zone,
        "infohash" | "btih" | "torrenthash" | "magnet" | "magneturi" | "magnetlink" | "torrentinfohash"
        | "btinfohash" | "infohashv1" | "infohashv2" | "btmh" => Role::Hash(Label::Info),
        "hash" | "sha1" | "sha256" | "hashwert" | "hashvalue" | "contenthash" | "sha1hash" | "sha256hash"
        | "hashcode" => Role::Hash(Label::Either),
        "filehash" | "ed2k" | "md5" | "tth" | "aich" | "ed2khash" | "md5hash" | "filesha1" | "dateihash" => {
            Role::Hash(Label::of(plain))
        }
        "title" | "work" | "infringedwork" | "worktitle" | "titel" | "titre" | "werk" | "workname" | "œuvre"
        | "oeuvre" => Role::Title,
        "filename" | "file" | "dateiname" | "infringingfilename" | "torrentname" | "nomdufichier" | "fichier"
        | "datei" | "torrent" => Role::File,
        "size" | "filesize" | "filelength" | "dateigröße" | "dateigrösse" | "dateigroesse"
        | "infringingfilesize" | "größe" | "groesse" | "totalsize" | "bytes" | "taille" | "torrentsize" => {
            Role::Size
        }
        "complainant" | "rightsholder" | "entity" | "rightholder" | "copyrightowner" | "owner"
        | "rechteinhaber" | "ayantdroit" => Role::By,
        "id" | "caseid" | "ref" | "noticeid" | "reportid" | "reference" | "case" | "noticenumber"
        | "aktenzeichen" | "referenceid" | "referencenumber" => Role::Id,
        "claim" | "act" | "action" | "activity" | "infringement" | "vorwurf" | "infringementtype"
        | "typeofinfringement" => Role::Act,
        "protocol" | "protokoll" | "protocole" | "p2pprotocol" | "transport" => Role::Protocol,
        "uploadamount" | "uploaded" | "uploadedbytes" => Role::Uploaded,
        "guid" | "peerid" | "client" | "username" | "infringersusername" | "infringersguid" | "lfdnr" | "no"
        | "nr" | "n°" => Role::Kept,
        _ => return None,
    })
}
