//! `peerproof completions`.

use clap::Args;
use clap_complete::Shell;

use super::screen::ScreenOptions;
use super::{Ending, program, say};

/// Print completions for a shell, to be put where it looks for them
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints the completions.
    pub fn run(&self, _: ScreenOptions) -> anyhow::Result<Ending> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program(), "peerproof", &mut script);
        say::print(&script)?;
        Ok(Ending::Complete)
    }
}

const AFTER_HELP: &str = "\
Examples:
  peerproof completions bash > ~/.local/share/bash-completion/completions/peerproof
  peerproof completions zsh > ~/.zfunc/_peerproof
  peerproof completions fish > ~/.config/fish/completions/peerproof.fish";
