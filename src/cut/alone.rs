//! Everything that an address sent and received, as captures of its own: what one peer of many did is judged without the others.

use std::collections::{BTreeMap, BTreeSet};

use super::frames::walked;
use crate::Error;
use crate::capture::{self, CaptureSet, Frame};
use crate::ends::{FrameId, Hex};
use crate::options::Options;
use crate::record::{Format, Interface, Record, Writer};
use crate::report::Whom;

/// Where the frames of captures stood before.
#[derive(Debug)]
pub(super) struct Origin {
    /// Of each capture that was read, its name, and its SHA-256 where that is known.
    pub(super) named: Vec<(String, Option<Hex<32>>)>,
    /// The captures that were made.
    made: Option<Vec<Made>>,
}

/// A capture that was made: the index of the one that was read, and its frames and its interfaces there.
#[derive(Debug)]
struct Made {
    file: u16,
    frames: Vec<FrameId>,
    interfaces: Vec<u32>,
}

impl Origin {
    /// Of captures as they are.
    pub(super) fn of(captures: &CaptureSet) -> Self {
        let inputs = (0..captures.len()).filter_map(|file| u16::try_from(file).ok());
        let named = inputs.map(|file| (captures.name(file).to_owned(), captures.stated(file).map(Hex)));
        Self { named: named.collect(), made: None }
    }

    /// Where a frame stood.
    pub(super) fn frame(&self, at: FrameId) -> FrameId {
        let Some(made) = &self.made else { return at };
        let frames = made.get(usize::from(at.file())).map(|made| &made.frames);
        let index = usize::try_from(at.number()).ok().and_then(|number| number.checked_sub(1));
        frames.zip(index).and_then(|(frames, index)| frames.get(index)).copied().unwrap_or(at)
    }

    /// The index of a capture, and the number of an interface in it.
    pub(super) fn interface(&self, file: u16, interface: u32) -> (u16, u32) {
        let own = self.made.as_ref().and_then(|made| made.get(usize::from(file)));
        own.map_or((file, interface), |made| {
            (made.file, made.interfaces.get(interface as usize).copied().unwrap_or(interface))
        })
    }
}

/// The packets with the address of `peer` at an end, and those that are read together with them: a capture for each that has any; and
/// where they stood. `None` where there are too many to be held, or none.
pub(super) fn alone(
    captures: &CaptureSet,
    peer: Whom,
    options: &Options<'_>,
) -> Result<Option<(CaptureSet, Origin)>, Error> {
    let mut wanted = BTreeSet::new();
    let parts = walked(captures, options, &mut |packet| {
        let is_of = [packet.flow.low, packet.flow.high].iter().any(|end| peer.is_at(end.ip));
        if is_of && wanted.len() <= MOST_FRAMES {
            wanted.insert(packet.at.frame);
        }
        is_of
    })?;
    if wanted.len() > MOST_FRAMES {
        return Ok(None);
    }
    wanted.extend(parts);
    let mut frames: BTreeMap<u16, Vec<Frame<'_>>> = BTreeMap::new();
    let (mut all, mut bytes) = (captures.frames(), 0);
    while let Some(frame) = all.next(&mut Vec::new())? {
        if wanted.contains(&frame.at.frame) {
            bytes += frame.bytes.len() as u64;
            frames.entry(frame.at.frame.file()).or_default().push(frame);
        }
        if bytes > MOST_HELD {
            return Ok(None);
        }
    }
    let facts = all.finish()?;
    let (mut files, mut from) = (Vec::new(), BTreeMap::new());
    for (file, frames) in frames {
        // Their name leads back to the capture, whatever order they are read in.
        let name = file.to_string();
        let known = facts.get(usize::from(file)).map_or(&[][..], |facts| &facts.interfaces);
        let Some((content, interfaces)) = written(&frames, known) else { return Ok(None) };
        files.push((name.clone(), content));
        let frames = frames.iter().map(|frame| frame.at.frame).collect();
        from.insert(name, Made { file, frames, interfaces });
    }
    if files.is_empty() {
        return Ok(None);
    }
    let set = CaptureSet::from_bytes(files)?;
    let made = (0..set.len()).filter_map(|file| from.remove(set.name(u16::try_from(file).ok()?))).collect();
    Ok(Some((set, Origin { made: Some(made), ..Origin::of(captures) })))
}

/// A capture of frames, and the numbers of its interfaces among those that are known; `None` where it cannot hold them.
fn written(frames: &[Frame<'_>], known: &[capture::Interface]) -> Option<(Vec<u8>, Vec<u32>)> {
    let mut interfaces: BTreeMap<(u32, u16, u8), usize> = BTreeMap::new();
    for frame in frames {
        let next = interfaces.len();
        interfaces.entry((frame.interface, frame.link.0, frame.fcs_len)).or_insert(next);
    }
    let mut all: Vec<_> = interfaces.iter().collect();
    all.sort_by_key(|(_, number)| **number);
    let described = all.iter().map(|((interface, link_type, fcs_len), _)| {
        let own = known.get(*interface as usize).filter(|own| own.link_type.0 == *link_type);
        Interface {
            link_type: *link_type,
            snaplen: own.map_or(0, |own| own.snaplen),
            name: own.and_then(|own| own.name.clone()).unwrap_or_default(),
            description: String::new(),
            fcs_len: *fcs_len,
        }
    });
    let (described, mut content): (Vec<_>, _) = (described.collect(), Vec::new());
    let mut writer = Writer::new(&mut content, Format::PcapNg, &described, "").ok()?;
    for frame in frames {
        let interface = interfaces.get(&(frame.interface, frame.link.0, frame.fcs_len))?;
        let record = Record {
            interface: u32::try_from(*interface).ok()?,
            time: frame.at.time,
            bytes: frame.bytes,
            wire_len: frame.wire_len,
            damaged: frame.damaged,
            comment: "",
        };
        writer.add(&record).ok()?;
    }
    writer.end().ok()?;
    Some((content, all.iter().map(|((interface, ..), _)| *interface).collect()))
}

// Rationale: of one peer among many, all of it; more is read where it stands.
const MOST_HELD: u64 = 256 << 20;
// Rationale: of that many bytes, in packets of 64.
const MOST_FRAMES: usize = 4 << 20;
