//! Tables as CSV, in every build: no table library is needed for text.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::report::table::{Column, Table, Values};

/// Writes `table` as CSV with a header line, RFC 4180 quoting and `\n` line ends; lists are joined by `; `, times are as in report.json.
/// An empty text is `""`, a number that is not known is nothing.
///
/// # Errors
/// Those of `out`.
pub fn write_csv(table: &Table, out: &mut impl Write) -> io::Result<()> {
    write_head(table, out)?;
    write_rows(table, out)
}

/// Writes parts of one table likewise, of which each is made when it is written.
///
/// # Errors
/// Those of `out`.
pub fn write_csv_parts(parts: impl IntoIterator<Item = Table>, out: &mut impl Write) -> io::Result<()> {
    for (at, table) in parts.into_iter().enumerate() {
        if at == 0 {
            write_head(&table, out)?;
        }
        write_rows(&table, out)?;
    }
    Ok(())
}

fn write_head(table: &Table, out: &mut impl Write) -> io::Result<()> {
    let names: Vec<Cow<'_, str>> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    writeln!(out, "{}", names.join(","))
}

fn write_rows(table: &Table, out: &mut impl Write) -> io::Result<()> {
    let mut line = String::new();
    for row in 0..table.columns.first().map_or(0, |column| column.values.height()) {
        line.clear();
        for (at, column) in table.columns.iter().enumerate() {
            if at > 0 {
                line.push(',');
            }
            add_cell(column, row, &mut line);
        }
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn add_cell(column: &Column, row: usize, line: &mut String) {
    let mut number = |value: Option<u64>| {
        value.into_iter().for_each(|value| line.push_str(itoa::Buffer::new().format(value)));
    };
    match &column.values {
        Values::Figures(values) => number(values.get(row).copied()),
        Values::Numbers(values) => number(values.get(row).copied().flatten()),
        Values::Text(values) | Values::Texts(values) => line.push_str(&quoted(values.joined(row))),
        Values::Times(values) => {
            let time = values.get(row).copied().flatten().map(|time| time.to_string());
            line.push_str(&quoted(&time.unwrap_or_default()));
        }
        Values::Bools(values) => line.push_str(if values.get(row) == Some(&true) { "true" } else { "false" }),
    }
}

/// A text as one cell.
fn quoted(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    if text.is_empty() {
        Cow::Borrowed("\"\"")
    } else if memchr::memchr3(b',', b'"', b'\n', bytes).or_else(|| memchr::memchr(b'\r', bytes)).is_some() {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::Timestamp;
    use crate::report::table::Texts;
    use crate::report::{fixture, tables};

    #[test]
    fn csv_has_a_header_and_a_line_per_transfer() {
        let document = fixture::document();
        let mut out = Vec::new();
        write_csv(&tables(&document)[0], &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), document.transfers.len() + 1, "{text}");
        assert!(lines[0].starts_with("uploader,downloader,transport,info_hash,"), "{}", lines[0]);
        assert!(lines[1].contains(",3473408,"), "{}", lines[1]);
    }

    #[test]
    fn every_kind_of_cell_reads_back() {
        let texts = ["", "a,b", "say \"so\"", "two\nlines", "plain"];
        let list = |rows: &[&[&str]]| {
            Texts::of(rows, |row, list: &mut Texts| {
                row.iter().for_each(|item| list.add(|text| text.push_str(item)));
            })
        };
        let column = |name: &str, values| Column { name: name.to_owned(), values };
        let table = Table {
            name: "kinds",
            columns: vec![
                column("figure", Values::Figures(vec![0, 1, 2, 3, u64::MAX])),
                column("number", Values::Numbers(vec![None, Some(7), None, None, None])),
                column(
                    "text",
                    Values::Text(list(&[&texts[0..1], &texts[1..2], &texts[2..3], &texts[3..4], &texts[4..5]])),
                ),
                column("list", Values::Texts(list(&[&[], &["x", "y"], &[], &[""], &["", "z"]]))),
                column("time", Values::Times(vec![Some(Timestamp(0)), None, None, None, None])),
                column("truth", Values::Bools(vec![true, false, false, false, true])),
            ],
        };
        let mut out = Vec::new();
        write_csv(&table, &mut out).expect("written");
        assert!(out.starts_with(b"figure,number,text,list,time,truth\n0,,\"\",\"\",1970-01-01T00:00:00.000000000Z,true\n1,7,\"a,b\",x; y,\"\",false\n"));
        let last = out.split(|&c| c == b'\n').nth_back(1);
        assert_eq!(
            last,
            Some(&b"18446744073709551615,,plain,; z,\"\",true"[..]),
            "two texts, of which one is empty"
        );
        let mut reader = csv::Reader::from_reader(&out[..]);
        let found: Vec<String> =
            reader.records().map(|record| record.expect("a record").get(2).expect("a cell").to_owned()).collect();
        assert_eq!(found, texts);
    }
}
