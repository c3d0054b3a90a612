//! Outcomes as JUnit XML, which CI services show.

use std::fmt::Write;

use super::Difference;
use crate::report::escaped;

/// How a case came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The path of its folder.
    pub name: String,
    /// Differences between the report and its expectation.
    pub differences: Vec<Difference>,
    /// Why it could not be run.
    pub error: Option<String>,
}

/// One test suite with a test for each outcome; without times, so that equal outcomes give equal text.
pub fn junit(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| !outcome.differences.is_empty()).count();
    let broken = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "<testsuite name=\"peerproof check\" tests=\"{}\" failures=\"{failed}\" errors=\"{broken}\">",
        outcomes.len()
    );
    for outcome in outcomes {
        let name = xml(&outcome.name);
        let _ = write!(out, "  <testcase classname=\"peerproof\" name=\"{name}\"");
        if outcome.differences.is_empty() && outcome.error.is_none() {
            out.push_str("/>\n");
            continue;
        }
        out.push_str(">\n");
        if let Some(error) = &outcome.error {
            let _ = writeln!(out, "    <error message=\"{}\"/>", xml(error));
        }
        if let Some(first) = outcome.differences.first() {
            let all: Vec<String> = outcome
                .differences
                .iter()
                .map(|each| format!("expect.toml:{}  {}\n{each}", each.line, each.about))
                .collect();
            let _ = writeln!(
                out,
                "    <failure message=\"{}\">{}</failure>",
                xml(&format!("expected {}, found {}", first.expected, first.found)),
                xml(&all.join("\n"))
            );
        }
        out.push_str("  </testcase>\n");
    }
    out.push_str("</testsuite>\n");
    out
}

/// Text for XML 1.0, which has no way to write most control characters.
fn xml(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(escaped).collect();
    let mut out = String::new();
    for letter in lines.join("\n").chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_counts_its_tests_and_escapes_what_they_say() {
        let right = Outcome { name: "a".to_owned(), differences: Vec::new(), error: None };
        let wrong = Outcome {
            name: "b<\"&".to_owned(),
            differences: vec![Difference {
                entry: 7,
                line: 7,
                about: "client = \"x\"".to_owned(),
                expected: "refuted_bytes = 0".to_owned(),
                found: "refuted_bytes = 5\u{1b}[31m".to_owned(),
            }],
            error: None,
        };
        let broken = Outcome { error: Some("no capture".to_owned()), ..right.clone() };
        let text = junit(&[right, wrong, broken]);
        assert!(text.contains("tests=\"3\" failures=\"1\" errors=\"1\""), "{text}");
        assert!(text.contains("name=\"b&lt;&quot;&amp;\"") && !text.contains('\u{1b}'), "{text}");
        assert_eq!(text.matches("<testcase").count(), 3);
    }
}
