//! The frames of all inputs in one sequence.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::OnceLock;

use super::format::Reader;
use super::source::Input;
use super::track::Track;
use super::{Frame, InputFacts, PassedOver};
use crate::Error;
use crate::ends::Timestamp;
use crate::oddity::{Oddity, Sink};

/// The frames of a [`CaptureSet`](super::CaptureSet), read once, front to back.
///
/// Within one input the order is the file's, never changed. Several inputs are merged by the time of their next
/// frame, on the clock of the first input as far as it is known how far theirs are from it; equal times go by the order of
/// the inputs. The times of the frames stay as they are.
#[derive(Debug)]
pub struct Frames<'cap> {
    inputs: &'cap [Input],
    /// Nanoseconds by input to be added to its times.
    clocks: &'cap [OnceLock<i64>],
    passed_over: &'cap [PassedOver],
    sources: Vec<Source<'cap>>,
    /// The time and index of each source that has a next frame; unused while there is one source.
    order: BinaryHeap<Reverse<(Timestamp, usize)>>,
    started: bool,
    /// The first input of which nobody was told that it begins.
    untold: usize,
    /// No input before this one has a next frame.
    live: usize,
}

#[derive(Debug)]
struct Source<'cap> {
    track: Track<'cap>,
    reader: Reader,
    /// The next frame, where it had to be read ahead to know its time.
    head: Option<Frame<'cap>>,
    /// Everything before this offset was given back to the system.
    released: usize,
    /// All of it was gone over when it was read up to here.
    swept: usize,
    /// Everything before this offset was asked for.
    prefetched: usize,
}

impl<'cap> Frames<'cap> {
    pub(super) fn new(
        inputs: &'cap [Input],
        clocks: &'cap [OnceLock<i64>],
        passed_over: &'cap [PassedOver],
        strict: bool,
    ) -> Self {
        let sources = inputs.iter().zip(0..=u16::MAX).map_while(|(input, file)| {
            let mut track = Track::new(input, file, strict);
            // The header was read when the input was opened. Should it fail now, the file has changed: `finish` says so.
            let reader = Reader::new(&mut track).ok()?;
            Some(Source { track, reader, head: None, released: 0, swept: 0, prefetched: 0 })
        });
        let (sources, order) = (sources.collect(), BinaryHeap::new());
        Self { inputs, clocks, passed_over, sources, order, started: false, untold: 1, live: 0 }
    }

    /// The next frame, or `None` after the last. Odd records are counted in `out` as they are met.
    ///
    /// # Errors
    /// [`Error::Malformed`] for damage when the captures were opened as strict; [`Error::Io`] when an input that is
    /// decompressed meanwhile cannot be read or spooled.
    #[inline]
    pub fn next(&mut self, out: &mut dyn Sink) -> Result<Option<Frame<'cap>>, Error> {
        if !self.started {
            self.start(out)?;
        }
        match self.sources.as_mut_slice() {
            [only] => {
                let next = only.reader.next(&mut only.track, out);
                next.map_err(|error| self.cause(0, error))
            }
            _ => self.merged(out),
        }
    }

    /// The next frame of one input, by the `file` of a frame, whatever the others hold; `None` after its last one. Not to be
    /// mixed with [`Frames::next`], which reads ahead.
    ///
    /// # Errors
    /// As [`Frames::next`].
    pub(crate) fn next_of(&mut self, file: u16, out: &mut dyn Sink) -> Result<Option<Frame<'cap>>, Error> {
        let index = usize::from(file);
        let Some(source) = self.sources.get_mut(index) else { return Ok(None) };
        let next = source.reader.next(&mut source.track, out);
        next.map_err(|error| self.cause(index, error))
    }

    /// The next input, by the `file` of a frame, that begins within [`INPUTS_APART_NS`] of the next frame, the first one aside:
    /// each once, and none whose clock is known.
    ///
    /// # Errors
    /// As [`Frames::next`].
    #[inline]
    pub(crate) fn begins(&mut self, out: &mut dyn Sink) -> Result<Option<u16>, Error> {
        if self.untold >= self.sources.len() { Ok(None) } else { self.begins_soon(out) }
    }

    fn begins_soon(&mut self, out: &mut dyn Sink) -> Result<Option<u16>, Error> {
        if !self.started {
            self.start(out)?;
        }
        let Some(Reverse((now, _))) = self.order.peek() else { return Ok(None) };
        let soon = now.0.saturating_add(INPUTS_APART_NS);
        while let Some(source) = self.sources.get(self.untold) {
            if source.head.as_ref().is_some_and(|head| head.at.time.0 > soon) {
                break;
            }
            let file = self.untold;
            self.untold += 1;
            if source.head.is_some() && self.clocks.get(file).is_some_and(|clock| clock.get().is_none()) {
                return Ok(u16::try_from(file).ok());
            }
        }
        Ok(None)
    }

    /// The inputs before `file` that have frames to come.
    pub(crate) fn before(&mut self, file: u16) -> impl Iterator<Item = u16> {
        while self.live < self.sources.len()
            && self.sources.get(self.live).is_some_and(|source| source.head.is_none())
        {
            self.live += 1;
        }
        let all = u16::try_from(self.live).unwrap_or(file)..file;
        all.filter(|other| self.sources.get(usize::from(*other)).is_some_and(|source| source.head.is_some()))
    }

    /// The frames of an input that are still to come, once the first of all was read: read without taking them.
    pub(crate) fn ahead(&self, file: u16) -> Option<Ahead<'cap>> {
        let source = self.sources.get(usize::from(file))?;
        Some(Ahead { head: Some(source.head?), track: source.track.clone(), reader: source.reader.clone() })
    }

    /// Nanoseconds that bring the times of an input to those of the others; 0 while that is not known.
    pub(crate) fn clock(&self, file: u16) -> i64 {
        self.clocks.get(usize::from(file)).and_then(|clock| clock.get()).copied().unwrap_or(0)
    }

    /// Takes over how far the clock of an input is from the others, for these frames and all that are read of the set later. The
    /// first word counts.
    pub(crate) fn set_clock(&mut self, file: u16, ns: i64) {
        let is_news = self.clocks.get(usize::from(file)).is_some_and(|clock| clock.set(ns).is_ok());
        if ns == 0 || !is_news {
            return;
        }
        let heads = self.sources.iter().enumerate();
        let times = heads.filter_map(|(index, source)| Some((index, source.head.as_ref()?.at.time)));
        self.order = times.map(|(index, time)| Reverse((self.place(index, time), index))).collect();
    }

    /// A time of an input on the clock that all share.
    #[inline]
    fn place(&self, index: usize, time: Timestamp) -> Timestamp {
        let ns = self.clocks.get(index).and_then(|clock| clock.get()).copied().unwrap_or(0);
        Timestamp(time.0.saturating_add(ns))
    }

    #[cold]
    fn cause(&self, index: usize, error: Error) -> Error {
        match self.inputs.get(index) {
            Some(input) => input.cause(error),
            None => error,
        }
    }

    /// Returns true if the next `len` bytes of each input are there: of one that is decompressed meanwhile they may not be.
    pub(crate) fn are_there(&self, len: u64) -> bool {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        self.sources.iter().all(|source| source.track.is_there(len))
    }

    /// Bytes consumed, over all inputs.
    #[inline]
    pub fn position(&self) -> u64 {
        match self.sources.as_slice() {
            [only] => only.track.at as u64,
            sources => sources.iter().map(|source| source.track.at as u64).sum(),
        }
    }

    /// Gives the memory of everything consumed back to the system, but for the last `behind` bytes of each input.
    /// Slices stay valid: touched again, they are read again.
    pub fn release(&mut self, behind: u64) {
        if self.inputs.iter().any(|input| input.content.is_torn()) {
            // What follows would be zeros, and `finish` says why.
            self.sources.clear();
            self.order.clear();
        }
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        for (source, input) in self.sources.iter_mut().zip(self.inputs) {
            // Whole pages only: the page that is still being read stays.
            let until = source.track.at.saturating_sub(behind);
            let until = until - until % PAGE;
            // What was touched again since, by a late proof or a comparison, is found by going over all of it.
            let again = until.saturating_sub(source.swept) >= (until / WHOLE_PART).min(WHOLE_WITHIN);
            if again {
                source.swept = until;
            }
            input.content.release(if again { 0 } else { source.released }, until);
            source.released = source.released.max(until);
        }
    }

    /// Asks the system to read the next `ahead` bytes of each input, without waiting for them.
    pub fn prefetch(&mut self, ahead: u64) {
        let ahead = usize::try_from(ahead).unwrap_or(usize::MAX);
        for (source, input) in self.sources.iter_mut().zip(self.inputs) {
            let from = source.prefetched.max(source.track.at);
            let to = source.track.at.saturating_add(ahead);
            input.content.prefetch(from - from % PAGE, to);
            source.prefetched = source.prefetched.max(to);
        }
    }

    /// The facts of each input for the report, in the order of the inputs, after the last frame was read.
    ///
    /// # Errors
    /// As [`Frames::next`]; [`Error::Changed`] when a file is not what it was when it was opened.
    pub fn finish(self) -> Result<Vec<InputFacts>, Error> {
        for input in self.inputs {
            input.unchanged()?;
        }
        if let Some(input) = self.inputs.get(self.sources.len()) {
            let detail = "a file header is no longer what it was".to_owned();
            return Err(Error::Changed { name: input.given.clone(), detail });
        }
        let mut facts = Vec::with_capacity(self.sources.len());
        for (source, input) in self.sources.into_iter().zip(self.inputs) {
            let outcome = input.outcome()?;
            let damage = match (&outcome.damage, source.track.damage()) {
                (Some(outer), Some(inner)) => Some(format!("{outer}; {inner}")),
                (outer, inner) => outer.clone().or(inner),
            };
            facts.push(InputFacts {
                name: input.name.clone(),
                format: format!("{}{}", outcome.layers, source.reader.name()),
                bytes: outcome.size,
                sha256: input.stated,
                stated: input.stated.is_some(),
                content: None,
                frames: source.track.frames,
                first_time: source.track.first_time,
                last_time: source.track.last_time,
                interfaces: source.reader.interfaces(source.track.frames),
                damage,
                dropped_by_capture: source.reader.dropped(),
                unused_blocks: source.reader.unused_blocks(),
                names: source.reader.names(),
            });
        }
        Ok(facts)
    }

    #[cold]
    fn start(&mut self, out: &mut dyn Sink) -> Result<(), Error> {
        self.started = true;
        for other in self.passed_over.iter().filter(|other| other.broken) {
            // A capture may be missing.
            let (name, found) = (other.name.clone(), other.found.clone());
            out.odd(Oddity::PassedOver { name, found }.seen());
        }
        if self.sources.len() > 1 {
            for index in 0..self.sources.len() {
                self.fill(index, out)?;
            }
        }
        Ok(())
    }

    fn merged(&mut self, out: &mut dyn Sink) -> Result<Option<Frame<'cap>>, Error> {
        let Some(Reverse((_, index))) = self.order.pop() else { return Ok(None) };
        let frame = self.sources.get_mut(index).and_then(|source| source.head.take());
        self.fill(index, out)?;
        Ok(frame)
    }

    /// Reads the next frame of a source ahead.
    fn fill(&mut self, index: usize, out: &mut dyn Sink) -> Result<(), Error> {
        let Some(source) = self.sources.get_mut(index) else { return Ok(()) };
        let next = source.reader.next(&mut source.track, out);
        source.head = match next {
            Ok(head) => head,
            Err(error) => return Err(self.cause(index, error)),
        };
        if let Some(time) = source.head.as_ref().map(|frame| frame.at.time) {
            self.order.push(Reverse((self.place(index, time), index)));
        }
        Ok(())
    }
}

/// The frames of one input that are still to come.
#[derive(Debug)]
pub(crate) struct Ahead<'cap> {
    head: Option<Frame<'cap>>,
    track: Track<'cap>,
    reader: Reader,
}

impl<'cap> Iterator for Ahead<'cap> {
    type Item = Frame<'cap>;

    /// The next one. It ends where the input cannot be read: that is told when its turn comes.
    fn next(&mut self) -> Option<Frame<'cap>> {
        let head = self.head.take();
        head.or_else(|| self.reader.next(&mut self.track, &mut Vec::new()).ok().flatten())
    }
}

/// Nanoseconds that clocks of inputs may be apart and still be brought together.
// Rationale: as long as holes are waited for by default: times that jump by more from frame to frame would end the wait.
pub(crate) const INPUTS_APART_NS: i64 = 2_000_000_000;
// Rationale: going over 100 GB that are not resident takes about 30 ms; once in 2 GiB that is nothing. Of less it takes
// less, and is done at each window up to 2 GiB: copies of one piece lie anywhere.
const WHOLE_PART: usize = 32;
const WHOLE_WITHIN: usize = 2 << 30;
// Rationale: the smallest page that any supported system has; larger pages are only released a little later.
const PAGE: usize = 4 << 10;
