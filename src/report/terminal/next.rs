//! Commands to run next: the first proof in Wireshark, one peer, a case; above them, the inputs that were read.

use std::net::IpAddr;

use super::names::View;
use super::page::Page;
use super::screen::Detail;
use super::words::table_of;
use crate::anomaly::Kind;
use crate::ends::Timestamp;
use crate::evidence::Flag;
use crate::report::blocks;
use crate::report::text::{columns, counted, grouped, shell_word, visible};
use crate::report::{Document, Frames, Input};

/// Writes the inputs with their SHA-256, as sha256sum prints them.
pub(super) fn inputs(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    let bytes = document.inputs.iter().map(size).fold(0, u64::saturating_add);
    let numbers = match document.inputs.len() {
        0 | 1 => String::new(),
        2 => "#1, #2 and ".to_owned(),
        many => format!("#1 to #{} and ", grouped(many as u64)),
    };
    page.heading(&format!(
        "READ BY {} {}: {}, {}, {}; {numbers}SHA-256:",
        document.tool.name,
        document.tool.version,
        counted(document.inputs.len() as u64, "input"),
        if view.screen.detail == Detail::All { counted(bytes, "byte") } else { rounded(bytes) },
        counted(document.quality.frames, "frame")
    ));
    let most = if view.screen.detail == Detail::All { MOST_ROWS } else { MOST_INPUTS };
    let shown = if document.inputs.len() <= most + 2 { document.inputs.len() } else { most };
    for (index, input) in document.inputs.iter().enumerate().take(shown) {
        let digest = match input {
            Input::Capture { sha256, .. } => sha256.map(|digest| digest.to_string()),
            Input::Torrent { sha256, .. } => Some(sha256.to_string()),
        };
        let name = view.input(index);
        let is_stated = matches!(input, Input::Capture { sha256_stated: true, .. });
        let digest = match digest {
            Some(digest) if columns(&digest) <= page.width => digest,
            Some(_) => "(its SHA-256 takes 64 columns)".to_owned(),
            None => "(not computed: --no-digest)".to_owned(),
        };
        let line = format!("{digest}  {name}");
        if columns(&line) <= page.width {
            page.raw(&line);
        } else {
            page.raw(&digest);
            page.row(&name, 2, 4);
        }
        if is_stated {
            page.row("(stated by the list that was given, not computed)", 4, 6);
        }
        if view.screen.detail == Detail::All {
            page.row(&facts(view, input), 4, 6);
        }
    }
    if let Some(more @ 1..) = document.inputs.len().checked_sub(shown) {
        page.line(&format!("{}: -v, or {}", counted(more as u64, "more input"), table_of("inputs")));
    }
    if view.screen.detail == Detail::All {
        page.line("MADE BY, with every option that bears on a figure:");
        page.command(&as_known(view));
    }
}

/// Format, size and times of an input.
fn facts(view: &View<'_>, input: &Input) -> String {
    let times = |first: &Option<Timestamp>, last: &Option<Timestamp>| match (first, last) {
        (Some(first), Some(last)) => {
            format!(", {} to {}", view.clock.title(*first), view.clock.title(*last))
        }
        _ => String::new(),
    };
    match input {
        Input::Capture { format, bytes, frames, interfaces, first_time, last_time, .. } => {
            let mut links: Vec<_> = interfaces.iter().map(|interface| interface.link_type.as_str()).collect();
            links.sort_unstable();
            links.dedup();
            let links = if links.is_empty() { String::new() } else { format!(", {}", links.join(" and ")) };
            format!(
                "{}{links}, {}, {}{}",
                visible(format),
                counted(*bytes, "byte"),
                counted(*frames, "frame"),
                times(first_time, last_time)
            )
        }
        Input::Torrent { bytes, .. } => format!("torrent, {}", counted(*bytes, "byte")),
    }
}

/// Writes what to do with the answer.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    let best = view.peers.first();
    let proof = view.peers.iter().find_map(|subject| {
        let proof = subject.standard.as_ref().filter(|_| subject.actionable)?;
        Some((subject, proof))
    });
    let secret = view.unread.hides && !crate::evidence::encrypted(&document.opaque).is_empty();
    let torrent = view.instead.named.is_empty() && view.unhashed();
    let mut what = Vec::new();
    if torrent {
        what.push("with the torrent file, by whose hashes bytes are verified");
    }
    if secret {
        what.push("with the secrets of a client that took part");
    }
    if proof.is_some() {
        what.push("the first proof, in Wireshark");
    }
    if best.is_some() && !(document.options.pseudonyms && view.screen.case.is_none()) {
        what.push("one peer, block by block");
    } else if !secret && best.is_none() {
        what.push("what there is in the captures");
    }
    what.push(if view.screen.case.is_some() { "the page of the case" } else { "keep it" });
    page.heading(&format!("NEXT  {}", what.join("; ")));
    if torrent {
        page.command(&[command(view, ""), torrents(view)].concat());
    }
    if secret {
        page.command(&command(view, "--mse-secrets FILE"));
    }
    if let Some((subject, proof)) = proof {
        let frames = blocks::united([proof.advertised, proof.requested, proof.served]);
        sets_of(&frames, Some(subject.endpoint.ip), view, page);
    }
    match best {
        // A pseudonym chooses nobody while captures are read.
        Some(_) if document.options.pseudonyms && view.screen.case.is_none() => {}
        Some(best) => page.command(&again(view, &format!("--peer {}", best.endpoint.ip))),
        None if !secret => page.command(&inspect(view)),
        None => {}
    }
    let examples = document.anomalies.iter().flat_map(|anomaly| &anomaly.examples);
    if examples.into_iter().any(|example| example.detail.contains("--captures DIR")) {
        page.command(&command(view, "--captures DIR"));
    }
    keep(view, page);
}

/// How the report is kept, or where it is kept already.
pub(super) fn keep(view: &View<'_>, page: &mut Page) {
    match &view.screen.case {
        Some(case) => {
            page.command(&["open".to_owned(), shell_word(&format!("{}/report.html", case.trim_end_matches('/')))])
        }
        None => page.command(&command(view, "-o case/")),
    }
}

/// The command that shows the report again, with more options: of the case, where there is one.
pub(super) fn again(view: &View<'_>, more: &str) -> Vec<String> {
    let Some(case) = &view.screen.case else { return command(view, more) };
    let mut words = vec!["peerproof".to_owned(), "report".to_owned(), shell_word(case)];
    words.extend((!more.is_empty()).then(|| more.to_owned()));
    words
}

/// Filters of these frames: a set for each input, and of a range over two inputs its ends.
pub(super) fn filters(frames: &[Frames], view: &View<'_>, page: &mut Page) {
    sets(&blocks::united(frames.iter().copied()), view, page);
}

/// Filters of exactly these frames, a set for each input.
pub(super) fn sets(sets: &[(u16, Vec<String>)], view: &View<'_>, page: &mut Page) {
    sets_of(sets, None, view, page);
}

/// The same; of ranges those of `address`, as frames of others lie in them.
fn sets_of(sets: &[(u16, Vec<String>)], address: Option<IpAddr>, view: &View<'_>, page: &mut Page) {
    let address = address.filter(|_| !view.document.options.pseudonyms);
    for (file, set) in sets {
        if view.several {
            page.line(&format!("in #{}, {}", u32::from(*file) + 1, view.input((*file).into())));
        }
        match address.filter(|_| set.iter().any(|one| one.contains(".."))) {
            None => page.frame_filters(set),
            Some(address) => {
                let field = if address.is_ipv4() { "ip.addr" } else { "ipv6.addr" };
                let filter = |frames: &str| format!("frame.number in {{{frames}}} && {field} == {address}");
                let whole = filter(&set.join(","));
                // A filter is never broken: several whole ones stand in its place.
                match columns(&whole) + 2 <= page.prose() {
                    true => page.row(&whole, 2, 4),
                    false => set.iter().for_each(|frames| page.row(&filter(frames), 2, 4)),
                }
            }
        }
    }
}

/// The command that makes the report again, with more options.
pub(super) fn command(view: &View<'_>, more: &str) -> Vec<String> {
    let mut words = match &view.screen.given {
        Some(given) => as_given(view, given),
        None => as_known(view),
    };
    words.extend((!more.is_empty()).then(|| more.to_owned()));
    words
}

/// The words of the command line; not the torrents, where they were the wrong ones.
fn as_given(view: &View<'_>, given: &[String]) -> Vec<String> {
    let is_torrent = |word: &&String| word.starts_with("-t ") || *word == "--torrents-here";
    if view.instead.named.is_empty() {
        return given.to_vec();
    }
    let others = given.iter().filter(|word| !is_torrent(word)).cloned();
    others.chain(torrents(view)).collect()
}

/// The torrents that are not described, as a command names them: those that lie beside the captures, where they do.
fn torrents(view: &View<'_>) -> Vec<String> {
    let bare = view.document.torrents.iter().filter(|torrent| torrent.size.is_none());
    let bare: Vec<&[u8]> = bare.filter_map(|torrent| torrent.info_hash.0.get(..20)).collect();
    let is_bare = |hash: &[u8; 20]| bare.contains(&&hash[..]);
    let found = view.screen.beside.iter().filter(|(_, hashes)| hashes.iter().any(is_bare));
    let found: Vec<String> = found.map(|(path, _)| format!("-t {path}")).collect();
    match found.len() {
        0 => vec!["-t FILE".to_owned()],
        1..=MOST_NAMED => found,
        _ => vec!["--torrents-here".to_owned()],
    }
}

/// The words that make the report, as far as it tells them.
fn as_known(view: &View<'_>) -> Vec<String> {
    let document = view.document;
    let mut words = vec!["peerproof".to_owned(), "analyze".to_owned()];
    words.extend(captures(document));
    let torrents: Vec<&str> =
        document.inputs.iter().filter(|input| matches!(input, Input::Torrent { .. })).map(Input::name).collect();
    let wrong = !view.instead.named.is_empty();
    if wrong {
        words.push("-t FILE".to_owned());
    } else if torrents.len() > MOST_NAMED || torrents.iter().any(|name| columns(name) > LONGEST_WORD) {
        words.push("-t TORRENTS/".to_owned());
    } else {
        words.extend(torrents.iter().map(|name| format!("-t {}", shell_word(name))));
    }
    let magnets = document.torrents.iter().filter(|torrent| torrent.source == Some(crate::torrent::Source::Magnet));
    words.extend(
        magnets.take(if wrong { 0 } else { MOST_NAMED }).map(|torrent| format!("-t {}", torrent.info_hash)),
    );
    let checksums = document.options.checksums.name();
    if checksums != "ignore" {
        words.push(format!("--checksums {checksums}"));
    }
    for tunnel in &document.options.tunnels {
        words.push(format!("--tunnel {}", shell_word(tunnel)));
    }
    let rows = document.options.limits.get("rows");
    if let Some(rows) = rows.filter(|rows| **rows != crate::Limits::default().rows as u64) {
        words.push(format!("--max-rows {rows}"));
    }
    let opened = document.transfers.iter().any(|transfer| transfer.flags.contains(&Flag::DecryptedWithSecret));
    let tried =
        document.anomalies.iter().any(|anomaly| matches!(anomaly.kind, Kind::WrongSecret | Kind::UnusedSecret));
    words.extend((opened || tried).then(|| "--mse-secrets FILE".to_owned()));
    let digests = document.inputs.iter().filter_map(|input| match input {
        Input::Capture { sha256, sha256_stated, .. } => Some((sha256.is_none(), *sha256_stated)),
        Input::Torrent { .. } => None,
    });
    let (none, stated) = digests.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1));
    words.extend(none.then(|| "--no-digest".to_owned()));
    words.extend(stated.then(|| "--sha256-from FILE".to_owned()));
    words.extend(document.options.sha1_collision_check.then(|| "--sha1-collision-check".to_owned()));
    words.extend(document.lists.iter().map(|list| format!("--{} {}", list.kind.name(), shell_word(&list.name))));
    words.extend(document.options.pseudonyms.then(|| "--pseudonymize KEYFILE".to_owned()));
    words
}

/// The command that says what the captures hold.
pub(super) fn inspect(view: &View<'_>) -> Vec<String> {
    let mut words = vec!["peerproof".to_owned(), "inspect".to_owned()];
    match &view.screen.given {
        Some(given) => {
            let is_option = |word: &&String| word.starts_with('-') && *word != "-";
            words.extend(given.iter().skip(2).take_while(|word| !is_option(word)).cloned());
        }
        None => words.extend(captures(view.document)),
    }
    words
}

/// The captures as a shell takes them; many were named by a pattern, and can be again.
fn captures(document: &Document) -> Vec<String> {
    let names: Vec<&str> =
        document.inputs.iter().filter(|input| matches!(input, Input::Capture { .. })).map(Input::name).collect();
    if names.len() > MOST_NAMED || names.iter().any(|name| columns(name) > LONGEST_WORD) {
        return vec!["CAPTURE...".to_owned()];
    }
    names.iter().map(|name| shell_word(name)).collect()
}

fn size(input: &Input) -> u64 {
    match input {
        Input::Capture { bytes, .. } | Input::Torrent { bytes, .. } => *bytes,
    }
}

/// `580 kB`: three digits, cut and not rounded up, by powers of ten.
pub(crate) fn rounded(bytes: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return counted(bytes, "byte");
    };
    let (whole, hundredths) = (bytes / unit, bytes % unit * 100 / unit);
    match whole {
        0..10 => format!("{whole}.{hundredths:02} {name}"),
        10..100 => format!("{whole}.{} {name}", hundredths / 10),
        _ => format!("{} {name}", grouped(whole)),
    }
}

// Rationale: a command of more names is made from a pattern or a directory.
const MOST_NAMED: usize = 4;
// Rationale: a word of a command is never broken, and has to fit the narrowest page with what stands around it.
const LONGEST_WORD: usize = 48;
const MOST_INPUTS: usize = 10;
const MOST_ROWS: usize = 5_000;
