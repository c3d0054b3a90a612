//! The facts of a part as tables with typed columns, to be read by other tools. A part is read back from its compact files
//! alone.

use super::Part;
use crate::ends::{Direction, FrameId, Hex, Span, Timestamp};
use crate::facts::{Answer, Application, Block, Connection, Doubt, Scope};
use crate::report::{Column, Table, Values, escaped, oddity};

/// Makes a table.
pub(super) type Make = fn(&Part) -> Table;

/// Tables that are not made yet: of large ones no two are in memory.
pub(super) const TABLES: [Make; 7] = [connections, blocks, doubts, copies, mentions, oddities, inputs];

/// Columns that are filled row by row.
#[derive(Default)]
struct Rows {
    columns: Vec<Column>,
    /// The column that is filled next.
    at: usize,
}

macro_rules! cells {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident($type:ty);)+) => {$(
        $(#[doc = $doc])+
        fn $name(&mut self, name: &str, value: $type) -> &mut Self {
            if self.columns.len() == self.at {
                self.columns.push(Column { name: name.to_owned(), values: Values::$kind(Default::default()) });
            }
            if let Some(Column { values: Values::$kind(values), .. }) = self.columns.get_mut(self.at) {
                values.push(value);
            }
            self.at += 1;
            self
        }
    )+};
}

impl Rows {
    cells! {
        /// A figure.
        figure: Figures(u64);
        /// A number that may be unknown.
        number: Numbers(Option<u64>);
        /// A text.
        text: Text(String);
        /// A time.
        time: Times(Option<Timestamp>);
        /// Yes or no.
        truth: Bools(bool);
    }

    /// The next row begins.
    fn row(&mut self) -> &mut Self {
        self.at = 0;
        self
    }

    /// Input, first and last frame, and their times.
    fn span(&mut self, name: &str, span: Option<Span>) -> &mut Self {
        let of = |frame: fn(&Span) -> FrameId| span.as_ref().map(frame);
        let (first, last) = (of(|span| span.first.frame), of(|span| span.last.frame));
        self.number(&format!("{name}_file"), first.map(|frame| frame.file().into()))
            .number(&format!("{name}_first"), first.map(FrameId::number))
            .number(&format!("{name}_last_file"), last.map(|frame| frame.file().into()))
            .number(&format!("{name}_last"), last.map(FrameId::number))
            .time(&format!("{name}_first_time"), span.map(|span| span.first.time))
            .time(&format!("{name}_last_time"), span.map(|span| span.last.time))
    }

    fn named(self, name: &'static str) -> Table {
        Table { name, columns: self.columns }
    }
}

fn hex(bytes: Option<[u8; 20]>) -> String {
    bytes.map(|bytes| Hex(bytes).to_string()).unwrap_or_default()
}

fn direction(from: Direction) -> String {
    let name = match from {
        Direction::LowToHigh => "a-to-b",
        Direction::HighToLow => "b-to-a",
    };
    name.to_owned()
}

fn connections(part: &Part) -> Table {
    let mut rows = Rows::default();
    for connection in &part.facts.connections {
        let Connection { id, flow, transport, encryption, span, bytes, content, initiator, .. } = connection;
        let (kind, hashes, ids) = match &content {
            Application::Peer(peer) => ("peer", peer.info_hashes(), peer.peer_ids()),
            Application::Web(_) => ("web", [None; 2], [None; 2]),
        };
        rows.row()
            .figure("connection", id.0)
            .text("a", flow.low.to_string())
            .text("b", flow.high.to_string())
            .text("transport", transport.name().to_owned())
            .text("content", kind.to_owned())
            .text("encryption", encryption.name().to_owned())
            .text("opened", initiator.map(direction).unwrap_or_default())
            .text("info_hash_a", hex(hashes[0]))
            .text("info_hash_b", hex(hashes[1]))
            .text("peer_id_a", hex(ids[0]))
            .text("peer_id_b", hex(ids[1]))
            .figure("bytes", bytes)
            .span("frames", Some(span));
    }
    rows.named("connections")
}

fn blocks(part: &Part) -> Table {
    let mut rows = Rows::default();
    for block in &part.facts.blocks {
        let (captured, lost, asked) = (block.captured(), block.lost(), !matches!(block.answers, Answer::Unasked));
        let Block { id, order, connection, from, piece, begin, len, span, runs, .. } = block;
        let first = runs.first();
        rows.row()
            .figure("block", id.0)
            .figure("order", order)
            .figure("connection", connection.0)
            .text("sent", direction(from))
            .figure("piece", piece.into())
            .figure("begin", begin.into())
            .figure("length", len.into())
            .figure("captured_bytes", captured)
            .figure("lost_bytes", lost)
            .truth("requested", asked)
            .figure("runs", runs.len() as u64)
            .number("first_store", first.map(|run| run.place.store.into()))
            .number("first_offset", first.map(|run| run.place.offset))
            .span("frames", Some(span));
    }
    rows.named("blocks")
}

fn doubts(part: &Part) -> Table {
    let mut rows = Rows::default();
    for Doubt { scope, reason, second } in &part.facts.doubts {
        let (connection, from, stretch, block) = match scope {
            Scope::Stretch(id, from, stretch) => (Some(id.0), Some(from), Some(stretch), None),
            Scope::Direction(id, from) => (Some(id.0), Some(from), None, None),
            Scope::Share(block) => (None, None, None, Some(block.0)),
            Scope::Piece(..) => (None, None, None, None),
        };
        rows.row()
            .text("reason", reason.name().to_owned())
            .number("connection", connection)
            .text("sent", from.map(direction).unwrap_or_default())
            .number("from", stretch.as_ref().map(|stretch| stretch.start))
            .number("to", stretch.as_ref().map(|stretch| stretch.end))
            .number("block", block)
            .truth("second_version", second.is_some());
    }
    rows.named("doubts")
}

fn copies(part: &Part) -> Table {
    let mut rows = Rows::default();
    for copy in &part.facts.copies {
        rows.row()
            .figure("piece", copy.piece.into())
            .figure("from", copy.range.start.into())
            .figure("to", copy.range.end.into())
            .text("sha1", hex(copy.digests.sha1))
            .figure("leaves", copy.digests.leaves.len() as u64)
            .truth("trivial", copy.digests.trivial);
    }
    rows.named("copies")
}

fn mentions(part: &Part) -> Table {
    let mut rows = Rows::default();
    for (named, mention) in &part.facts.mentions {
        rows.row()
            .text("subject", named.subject.to_string())
            .text("info_hash", hex(named.info_hash))
            .text("by", named.by.to_string())
            .text("via", named.via.name().to_owned())
            .text("grade", named.standing.name().to_owned())
            .figure("count", mention.count)
            .span("frames", Some(mention.span));
    }
    rows.named("mentions")
}

fn oddities(part: &Part) -> Table {
    let mut rows = Rows::default();
    for (kind, tally) in part.beside.anomalies.iter() {
        for example in &tally.examples {
            rows.row()
                .text("kind", kind.name().to_owned())
                .figure("count", tally.count)
                .figure("amount", tally.amount)
                .text("flow", oddity::parties(example))
                .text("detail", escaped(&oddity::sentence(&example.oddity)))
                .span("frames", example.span);
        }
    }
    rows.named("oddities")
}

fn inputs(part: &Part) -> Table {
    let mut rows = Rows::default();
    for input in &part.facts.inputs {
        rows.row()
            .text("name", escaped(&input.name))
            .figure("bytes", input.bytes)
            .text("sha256", input.sha256.map(|sha256| Hex(sha256).to_string()).unwrap_or_default())
            .figure("frames", input.frames)
            .time("first_time", input.first_time)
            .time("last_time", input.last_time);
    }
    rows.named("inputs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_table_are_of_one_height() {
        let mut rows = Rows::default();
        for number in 0..3 {
            rows.row().figure("a", number).text("b", String::new()).span("c", None);
        }
        let table = rows.named("t");
        let heights: Vec<usize> = table.columns.iter().map(|column| column.values.height()).collect();
        assert_eq!(heights, [3; 8]);
    }
}
