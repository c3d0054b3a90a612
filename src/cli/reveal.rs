//! `peerproof reveal`.

use std::path::PathBuf;

use clap::Args;
use peerproof::report::{Whom, visible};

use super::keys::read;
use super::refusal::Refusal;
use super::screen::ScreenOptions;
use super::{Ending, say};

/// Print what a pseudonym of --pseudonymize stands for
#[derive(Debug, Args)]
pub struct Reveal {
    /// The key that the pseudonyms were made with: a file of 64 hex digits
    #[arg(value_name = "KEYFILE")]
    key: PathBuf,

    /// An address, an address and port, a peer_id (40 hex digits), or a client (client-...)
    #[arg(value_name = "PSEUDONYM", required = true)]
    pseudonyms: Vec<String>,
}

impl Reveal {
    /// Prints a line for each.
    pub fn run(&self, look: ScreenOptions) -> anyhow::Result<Ending> {
        let key = read(&self.key)?;
        let mut lines = String::new();
        for pseudonym in &self.pseudonyms {
            let clear = key.reveal(pseudonym).ok_or_else(|| Refusal {
                what: format!("{pseudonym} is no pseudonym of this key"),
                instead: "an address, a peer_id or client-... of a report that was made with it".to_owned(),
            })?;
            lines.push_str(&visible(&clear));
            lines.push('\n');
        }
        say::print(lines.as_bytes())?;
        let is_address = |text: &String| text.parse::<Whom>().is_ok();
        if self.pseudonyms.iter().any(is_address) {
            look.note(
                "every address is the pseudonym of some address, also one that is mistyped or clear: compare it with the report",
            );
        }
        Ok(Ending::Complete)
    }
}
