//! `peerproof words`.

use clap::Args;
use peerproof::report::{GROUPS, meaning, vocabulary};

use super::refusal::Refusal;
use super::screen::{Look, width};
use super::{Ending, say};

/// Explain the words of the reports: terms, classes, the ladder of grades, flags
#[derive(Debug, Args)]
pub struct Words {
    /// Only this word
    #[arg(value_name = "WORD")]
    word: Vec<String>,
}

impl Words {
    /// Prints what the words mean.
    pub fn run(&self, _: Look) -> anyhow::Result<Ending> {
        // Words may be two: "standard met".
        let word = self.word.join(" ");
        let text = if word.is_empty() { Some(vocabulary(width())) } else { meaning(&word, width()) };
        let Some(text) = text else {
            let known: Vec<_> = GROUPS.iter().map(|group| group.words.len()).collect();
            let count: usize = known.iter().sum();
            let instead = "peerproof words".to_owned();
            return Err(Refusal { what: format!("{word} is none of the {count} words"), instead }.into());
        };
        say::print(text.as_bytes())?;
        Ok(Ending::Complete)
    }
}
