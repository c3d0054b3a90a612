//! DNS over TCP (RFC 7766): messages behind their lengths, of which only the names are read.

use super::Shared;
use crate::ends::{Direction, FlowKey, Protocol, Span};
use crate::hearsay::NameSource;
use crate::hearsay::names::source_of;
use crate::limits::DNS_PARTS;
use crate::stream::StreamItem;

/// The stream of a server on port 53, as long as it is DNS.
#[derive(Debug)]
pub(super) struct DnsStream<'cap> {
    from: Direction,
    flow: FlowKey,
    /// The beginning of a message that is not whole yet.
    parts: Vec<&'cap [u8]>,
    span: Option<Span>,
    lost: bool,
}

impl<'cap> DnsStream<'cap> {
    /// For a TCP connection with a server of DNS.
    pub(super) fn of(flow: FlowKey) -> Option<Box<Self>> {
        let ways = [Direction::LowToHigh, Direction::HighToLow];
        let from = ways.into_iter().find(|way| source_of(flow.source(*way).port) == Some(NameSource::Dns))?;
        let is_tcp = flow.protocol == Protocol::Tcp;
        is_tcp.then(|| Box::new(Self { from, flow, parts: Vec::new(), span: None, lost: false }))
    }

    /// Takes the next item of a direction; `false` once nothing more is read.
    pub(super) fn push(
        &mut self,
        direction: Direction,
        item: &StreamItem<'cap>,
        shared: &mut Shared<'_, 'cap>,
    ) -> bool {
        if direction != self.from {
            return true;
        }
        match *item {
            StreamItem::Data { bytes, at, doubtful, .. } => {
                self.parts.push(bytes);
                self.span.get_or_insert(Span::single(at)).cover(at);
                // What a damaged packet says names nobody, and its lengths are in doubt.
                self.lost = doubtful || self.parts.len() > DNS_PARTS;
                if !self.lost {
                    self.messages(at, shared);
                }
            }
            StreamItem::Gap { .. } => self.lost = true,
            _ => {}
        }
        !self.lost
    }

    fn messages(&mut self, at: crate::ends::At, shared: &mut Shared<'_, 'cap>) {
        let held: usize = self.parts.iter().map(|part| part.len()).sum();
        let mut head = self.parts.iter().flat_map(|part| part.iter().copied());
        let (Some(high), Some(low)) = (head.next(), head.next()) else { return };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len < LEAST {
            self.lost = true;
            return;
        }
        if held < 2 + len {
            return;
        }
        let whole = self.parts.concat();
        let mut rest = &whole[..];
        while let Some((len, behind)) = rest.split_first_chunk::<2>()
            && let Some((message, next)) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))
        {
            shared.called(
                message,
                NameSource::Dns,
                self.flow.source(self.from),
                self.span.unwrap_or(Span::single(at)),
            );
            self.span = Some(Span::single(at));
            rest = next;
        }
        // The rest lies in the last part.
        let last = self.parts.pop().unwrap_or_default();
        self.parts.clear();
        if rest.is_empty() {
            self.span = None;
        } else {
            self.parts.extend(last.get(last.len() - rest.len().min(last.len())..));
        }
    }
}

/// Bytes of the header of a message.
const LEAST: usize = 12;
