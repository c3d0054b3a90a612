//! One claim, many copies: parts of a mail, or mails of one case, that state the same; and those that contradict.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::content::Found;
use crate::audit::claim::{ActBasis, Claim, Entry, Format, NoticeFlag, Origin};

/// Fills the parts of one report from one another: the feedback part of an ARF names address and time, another one the hash.
pub(super) fn complete(found: &mut Vec<Found>) {
    let feedback = found.iter().position(|each| each.format == Format::Arf);
    let Some(feedback) = feedback else { return };
    let others = found.iter().enumerate().any(|(index, each)| index != feedback && each.fields.is_ok());
    let report = match found.get(feedback) {
        Some(Found { fields: Ok(fields), .. }) if others => fields.clone(),
        _ => return,
    };
    found.remove(feedback);
    for each in found.iter_mut() {
        if let Ok(fields) = &mut each.fields {
            fields.fill(&report);
        }
    }
}

/// The entries of one mail or file, each with its document; equal ones are joined, contradicting ones flagged.
pub(super) fn within_mail(entries: Vec<(u32, Entry)>) -> Vec<Entry> {
    let is_beside = |entry: &Entry| entry.origin.format == Format::Keys;
    let structured = entries.iter().any(|(_, entry)| !is_beside(entry) && entry.content.is_ok());
    // Keys beside a notice of another format come last: they are read for the act and for contradictions.
    let (beside, first): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(_, entry)| structured && is_beside(entry));
    let mut kept: Vec<(u32, Entry)> = Vec::new();
    // Where in `kept` the claims of an address stand, and those of an item: a list may have very many rows.
    let mut of_address: HashMap<IpAddr, Vec<usize>> = HashMap::new();
    let mut of_item: HashMap<(u64, Option<String>), Vec<usize>> = HashMap::new();
    for (document, mut entry) in first {
        let address = entry.content.as_ref().ok().map(|claim| claim.who.address);
        let item = (entry.origin.item, entry.origin.case_id.clone());
        // The place of the first of them in another document.
        let elsewhere = |places: Option<&Vec<usize>>, fits: &dyn Fn(&Entry) -> bool| {
            let mut known = places.into_iter().flatten().filter_map(|place| Some((*place, kept.get(*place)?)));
            let is_other = |other: u32, known: &Entry| known.origin.part != entry.origin.part || other != document;
            known.find(|(_, (other, known))| is_other(*other, known) && fits(known)).map(|(place, _)| place)
        };
        let is_equal = |known: &Entry| differences(known, &entry).is_some_and(|fields| fields.is_empty());
        let equal = elsewhere(address.and_then(|address| of_address.get(&address)), &is_equal);
        let other = elsewhere(of_item.get(&item), &|known| known.origin.format == entry.origin.format);
        if let Some((_, known)) = equal.and_then(|place| kept.get_mut(place)) {
            join(known, &entry);
            continue;
        }
        if let Some((_, known)) = other.and_then(|place| kept.get_mut(place)) {
            contradict(known, &mut entry);
        }
        if let Some(address) = address {
            of_address.entry(address).or_default().push(kept.len());
        }
        of_item.entry(item).or_default().push(kept.len());
        kept.push((document, entry));
    }
    for (document, mut entry) in beside {
        if entry.content.is_err() {
            // A part that lacks a field or has it wrong does not speak against the whole one.
            let named = entry.content.as_ref().err().and_then(|refused| refused.who);
            let known = kept.iter().filter_map(|(_, known)| known.content.as_ref().ok());
            if named.is_none_or(|who| known.map(|claim| claim.who.address).any(|address| address == who.address)) {
                continue;
            }
            kept.push((document, entry));
            continue;
        }
        match kept.iter_mut().find(|(_, known)| differences(known, &entry).is_some_and(|d| d.is_empty())) {
            Some((_, known)) => take_act(known, &entry),
            None => {
                for (_, known) in &mut kept {
                    contradict(known, &mut entry);
                }
                kept.push((document, entry));
            }
        }
    }
    kept.into_iter().map(|(_, entry)| entry).collect()
}

/// Joins mails of one case that state the same, and flags those that contradict.
pub(super) fn across_mails(entries: &mut Vec<Entry>) {
    let mut cases: BTreeMap<(String, u64), Vec<Entry>> = BTreeMap::new();
    let mut out: Vec<Entry> = Vec::new();
    for entry in std::mem::take(entries) {
        match &entry.origin.case_id {
            Some(id) if entry.content.is_ok() && !is_list(entry.origin.format) => {
                cases.entry((id.clone(), entry.origin.item)).or_default().push(entry);
            }
            _ => out.push(entry),
        }
    }
    for of_case in cases.into_values() {
        let mut kept: Vec<Entry> = Vec::new();
        for mut entry in of_case {
            let mail = |origin: &Origin| (origin.input.clone(), origin.part.first().copied());
            let elsewhere = |known: &&mut Entry| mail(&known.origin) != mail(&entry.origin);
            match kept
                .iter_mut()
                .filter(elsewhere)
                .find(|known| differences(known, &entry).is_some_and(|d| d.is_empty()))
            {
                Some(known) => join(known, &entry),
                None => {
                    let here = mail(&entry.origin);
                    for known in kept.iter_mut().filter(|known| mail(&known.origin) != here) {
                        contradict(known, &mut entry);
                    }
                    kept.push(entry);
                }
            }
        }
        out.extend(kept);
    }
    *entries = out;
}

/// Formats whose rows are claims of their own, whatever their numbers.
fn is_list(format: Format) -> bool {
    matches!(format, Format::Csv | Format::TextTable | Format::Json)
}

fn join(known: &mut Entry, copy: &Entry) {
    known.copies += copy.copies;
    take_act(known, copy);
}

/// A copy may name the act that the first one lacks, and a field that it lacks.
fn take_act(known: &mut Entry, copy: &Entry) {
    let (Ok(claim), Ok(other)) = (&mut known.content, &copy.content) else { return };
    if claim.act_basis == ActBasis::Assumed && other.act_basis != ActBasis::Assumed {
        (claim.acts, claim.act_basis, claim.words) = (other.acts.clone(), other.act_basis, other.words.clone());
    }
    claim.who.port = claim.who.port.or(other.who.port);
}

fn contradict(known: &mut Entry, entry: &mut Entry) {
    let Some(fields) = differences(known, entry).filter(|fields| !fields.is_empty()) else { return };
    for each in [known, entry] {
        if !each.flags.contains(&NoticeFlag::CopiesDiffer) {
            each.flags.push(NoticeFlag::CopiesDiffer);
            each.flags.sort_unstable();
        }
        each.differing
            .extend(fields.iter().copied().filter(|field| !each.differing.contains(field)).collect::<Vec<_>>());
        each.differing.sort_unstable();
    }
}

/// The fields in which two claims contradict each other; what one of them lacks is none. `None` where one is no claim.
fn differences(one: &Entry, other: &Entry) -> Option<Vec<&'static str>> {
    let (one, other) = (one.content.as_ref().ok()?, other.content.as_ref().ok()?);
    let mut fields = Vec::new();
    let mut note = |field, differs: bool| {
        if differs {
            fields.push(field);
        }
    };
    note("address", one.who.address != other.who.address);
    note("port", differ(&one.who.port, &other.who.port));
    note("time", times_differ(one, other));
    let hashes = |claim: &Claim| claim.what.hashes.iter().map(|hash| hash.value.clone()).collect::<Vec<_>>();
    let (mine, theirs) = (hashes(one), hashes(other));
    note("hash", !mine.is_empty() && !theirs.is_empty() && !mine.iter().any(|hash| theirs.contains(hash)));
    note("size", differ(&one.what.size, &other.what.size));
    if mine.is_empty() || theirs.is_empty() {
        note("file", differ(&one.what.file, &other.what.file));
    }
    Some(fields)
}

fn differ<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

fn times_differ(one: &Claim, other: &Claim) -> bool {
    if one.when.readings.is_empty() || other.when.readings.is_empty() {
        return one.when.clock != other.when.clock;
    }
    // A range beside an instant in it, or a coarser unit, is no contradiction.
    !one.when
        .readings
        .iter()
        .any(|mine| other.when.readings.iter().any(|theirs| mine.from < theirs.to && theirs.from < mine.to))
}
