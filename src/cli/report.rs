//! `peerproof report`.

use std::path::PathBuf;

use clap::Args;
use peerproof::case::{Opened, Pieces, pieces_of};
use peerproof::report::Input;

use super::refusal;
use super::screen::ScreenOptions;
use super::views::Views;
use super::{Ending, say};

/// Print a case again, in any form, without its captures
#[derive(Debug, Args)]
pub struct Report {
    /// A case directory, or a report.json
    #[arg(value_name = "CASE")]
    source: PathBuf,

    #[command(flatten)]
    views: Views,
}

impl Report {
    /// Reads the report and shows it.
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        let place = self.views.check()?.read_from(&self.source);
        let opened = Opened::read(&self.source).map_err(|error| refusal::opening(&error))?;
        let document = opened.document;
        let damaged = document.inputs.iter().filter_map(|input| match input {
            Input::Capture { name, damage: Some(_), .. } => Some(format!("{name} is damaged")),
            _ => None,
        });
        let mut causes: Vec<String> = damaged.collect();
        for anomaly in document.anomalies.iter().filter(|anomaly| anomaly.kind.name() == "limit-reached") {
            causes.push("a bound was reached".to_owned());
            anomaly.examples.iter().for_each(|example| say::warning(&example.detail));
        }
        let pieces = if (self.views.writes_case() || self.views.shows_blocks()) && self.source.is_dir() {
            pieces_of(&self.source).map_err(|error| refusal::opening(&error))?
        } else {
            Vec::new()
        };
        self.views.show(
            look,
            &place,
            document,
            Pieces::Files(&pieces),
            &opened.torrents,
            opened.covered.as_ref(),
        )?;
        Ok(Ending::limited_by(&causes))
    }
}
