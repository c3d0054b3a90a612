//! The rows of `tables/pieces.csv`.

/// Bytes of one unit that one end sent to another, of one class for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of the torrent, in hex; empty where it is unknown.
    pub info_hash: String,
    /// The piece; `None` of payload of which no block is known.
    pub piece: Option<u32>,
    /// The leaf of the piece, where leaves are the unit.
    pub leaf: Option<u32>,
    /// Who sent.
    pub uploader: String,
    /// Who received.
    pub downloader: String,
    /// `tcp`, `utp` or `http`.
    pub transport: String,
    /// Index of the transfer in report.json.
    pub transfer: u64,
    /// The class of the bytes.
    pub class: String,
    /// Why they are of it.
    pub reason: String,
    /// How many.
    pub bytes: u64,
    /// Input, first and last frame.
    pub frames: Vec<(usize, u64, u64)>,
    /// Where they lie.
    pub runs: Vec<Run>,
    /// Those that lie in no input in one piece.
    pub derived: u64,
    /// SHA-1 and SHA-256 of the unit, in hex, where its content was verified.
    pub sums: Option<(String, String)>,
}

/// Contiguous bytes of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Index into the inputs of the case.
    pub input: usize,
    /// Of the first byte in the decompressed content.
    pub offset: u64,
    /// How many.
    pub len: u32,
    /// Their place in the piece.
    pub start: u32,
}

/// Reads the table.
///
/// # Errors
/// What is wrong, with its line.
pub fn read(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let head = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| head.iter().position(|own| own == name).ok_or(format!("no column {name}"));
    let names = [
        "info_hash",
        "piece",
        "leaf",
        "uploader",
        "downloader",
        "transport",
        "transfer",
        "class",
        "reason",
        "bytes",
        "frames",
        "runs",
        "derived_bytes",
        "sha1",
        "sha256",
    ];
    let at: Vec<usize> = names.iter().map(|name| column(name)).collect::<Result<_, _>>()?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |name: &str| -> &str {
            let place = names.iter().position(|own| *own == name).and_then(|index| at.get(index));
            place.and_then(|place| record.get(*place)).unwrap_or_default()
        };
        let wrong = |name: &str| format!("line {line}: {name} is {:?}", cell(name));
        let number = |name: &str| cell(name).parse::<u64>().map_err(|_| wrong(name));
        let small = |name: &str| cell(name).parse::<u32>().map_err(|_| wrong(name));
        let own = |name: &str| cell(name).to_owned();
        rows.push(Row {
            info_hash: own("info_hash"),
            piece: if cell("piece").is_empty() { None } else { Some(small("piece")?) },
            leaf: if cell("leaf").is_empty() { None } else { Some(small("leaf")?) },
            uploader: own("uploader"),
            downloader: own("downloader"),
            transport: own("transport"),
            transfer: number("transfer")?,
            class: own("class"),
            reason: own("reason"),
            bytes: number("bytes")?,
            frames: items(cell("frames"), frames).ok_or_else(|| wrong("frames"))?,
            runs: items(cell("runs"), run).ok_or_else(|| wrong("runs"))?,
            derived: number("derived_bytes")?,
            sums: Some((own("sha1"), own("sha256"))).filter(|(sha1, _)| !sha1.is_empty()),
        });
    }
    Ok(rows)
}

fn items<T>(cell: &str, one: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    cell.split("; ").filter(|item| !item.is_empty()).map(one).collect()
}

/// `0:12-31`.
fn frames(item: &str) -> Option<(usize, u64, u64)> {
    let (input, range) = item.split_once(':')?;
    let (first, last) = range.split_once('-')?;
    Some((input.parse().ok()?, first.parse().ok()?, last.parse().ok()?))
}

/// `0:5012+1448@16384`: input, offset, length, place in the piece.
fn run(item: &str) -> Option<Run> {
    let (input, rest) = item.split_once(':')?;
    let (offset, rest) = rest.split_once('+')?;
    let (len, start) = rest.split_once('@')?;
    Some(Run {
        input: input.parse().ok()?,
        offset: offset.parse().ok()?,
        len: len.parse().ok()?,
        start: start.parse().ok()?,
    })
}
