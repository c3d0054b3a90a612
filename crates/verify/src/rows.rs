//! The rows of `tables/pieces.csv`.

use std::net::SocketAddr;

/// Bytes of one unit that one end sent to another, of one class for one reason; fields are called as the columns are.
pub(crate) struct Row {
    /// In hex; empty where it is unknown.
    pub(crate) info_hash: String,
    /// `None` of payload of which no block is known.
    pub(crate) piece: Option<u32>,
    /// The leaf of the piece, or the first of several, where leaves are the unit.
    pub(crate) leaf: Option<u32>,
    pub(crate) uploader: SocketAddr,
    pub(crate) downloader: SocketAddr,
    pub(crate) transport: String,
    /// Index of the transfer in report.json.
    pub(crate) transfer: u64,
    pub(crate) class: String,
    pub(crate) reason: String,
    pub(crate) bytes: u64,
    /// Input, first and last frame.
    pub(crate) frames: Vec<[u64; 3]>,
    /// Input, offset in its content, length, place in the piece.
    pub(crate) runs: Vec<[u64; 4]>,
    /// Bytes that lie in no input in one piece.
    pub(crate) derived: u64,
    /// SHA-1 and SHA-256 of the unit, in hex, where its content was verified.
    pub(crate) sums: Option<(String, String)>,
}

/// The name of a subject: address, transport and torrent.
pub(crate) fn who(end: &str, transport: &str, info_hash: &str) -> String {
    format!("{} {transport} {info_hash}", end.rsplit_once(':').map_or(end, |(address, _)| address))
}

/// Reads the table; else says what is wrong, with its line.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let cell = |name: &str| {
            let column = head.iter().position(|own| own == name);
            column.and_then(|column| record.get(column)).ok_or(format!("no column {name}"))
        };
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |name: &str| format!("line {line}: {name} is wrong");
        let text = |name| cell(name).map(str::to_owned);
        let number = |name| cell(name)?.parse::<u64>().map_err(|_| wrong(name));
        let end = |name| cell(name)?.parse::<SocketAddr>().map_err(|_| wrong(name));
        let index = |name| match cell(name)? {
            "" => Ok(None),
            digits => digits.parse::<u32>().map(Some).map_err(|_| wrong(name)),
        };
        rows.push(Row {
            info_hash: text("info_hash")?,
            piece: index("piece")?,
            leaf: index("leaf")?,
            uploader: end("uploader")?,
            downloader: end("downloader")?,
            transport: text("transport")?,
            transfer: number("transfer")?,
            class: text("class")?,
            reason: text("reason")?,
            bytes: number("bytes")?,
            frames: items(cell("frames")?).ok_or_else(|| wrong("frames"))?,
            runs: items(cell("runs")?).ok_or_else(|| wrong("runs"))?,
            derived: number("derived_bytes")?,
            sums: Some((text("sha1")?, text("sha256")?)).filter(|(sha1, _)| !sha1.is_empty()),
        });
    }
    Ok(rows)
}

/// The numbers of `0:12-31; 0:40-41`, or of `0:5012+1448@16384`.
fn items<const N: usize>(cell: &str) -> Option<Vec<[u64; N]>> {
    let numbers = |item: &str| -> Option<Vec<u64>> {
        item.split([':', '-', '+', '@']).map(|number| number.parse().ok()).collect()
    };
    cell.split("; ").filter(|item| !item.is_empty()).map(|item| numbers(item)?.try_into().ok()).collect()
}
