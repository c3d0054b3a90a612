//! `peerproof words`.

use clap::Args;
use peerproof::{audit, report};

use super::refusal::Refusal;
use super::screen::{ScreenOptions, width};
use super::{Ending, say};

/// Explain the words of the reports and of audit: terms, classes, the ladder of grades, flags, verdicts, reasons
#[derive(Debug, Args)]
pub struct Words {
    /// Only this word
    #[arg(value_name = "WORD")]
    word: Vec<String>,
}

impl Words {
    /// Prints what the words mean.
    pub fn run(&self, _: ScreenOptions) -> anyhow::Result<Ending> {
        // Words may be two: "standard met".
        let (word, width) = (self.word.join(" "), width());
        // Some are words of both.
        let text = match word.is_empty() {
            true => format!("{}\n{}", report::vocabulary(width), audit::vocabulary(width)),
            false => [report::meaning(&word, width), audit::code(&word, width)].into_iter().flatten().collect(),
        };
        if text.is_empty() {
            let what = format!("{word} is no word of the reports");
            return Err(Refusal { what, instead: "peerproof words".to_owned() }.into());
        }
        say::print(text.as_bytes())?;
        Ok(Ending::Complete)
    }
}
