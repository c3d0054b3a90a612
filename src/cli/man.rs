//! `peerproof man`.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man;
use peerproof::report::{counted, escaped};
use peerproof::stages::output::NewFile;

use super::refusal::{Refusal, reason};
use super::screen::ScreenOptions;
use super::{Ending, program, say};

/// Print the manual page, or write a page for each command
#[derive(Debug, Args)]
pub struct Manual {
    /// Where to write all pages: peerproof.1, and peerproof-COMMAND.1 for each command. An existing file is never replaced
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Manual {
    /// Prints or writes the pages.
    pub fn run(&self, _: ScreenOptions) -> anyhow::Result<Ending> {
        let mut root = program().disable_help_subcommand(true);
        root.build();
        let Some(directory) = &self.output else {
            say::print(&page(root)?)?;
            return Ok(Ending::Complete);
        };
        let failed = |path: &Path, error: &std::io::Error| Refusal {
            what: format!("{}: {}", path.display(), reason(error)),
            instead: "-o elsewhere".to_owned(),
        };
        std::fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
        let commands: Vec<clap::Command> = root.get_subcommands().cloned().collect();
        let mut new = Vec::new();
        for command in std::iter::once(root).chain(commands) {
            let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
            let path = directory.join(format!("{name}.1"));
            let file = NewFile::beside(&path, &page(command)?).map_err(|error| failed(&path, &error))?;
            new.push((path, file));
        }
        let count = new.len() as u64;
        for (path, file) in new {
            file.put().map_err(|error| failed(&path, &error))?;
        }
        let (pages, shown) = (counted(count, "page"), escaped(&directory.display().to_string()));
        say::told(&format!("ok: {pages} in {shown}; man -l {shown}/peerproof.1 shows the first\n"))?;
        Ok(Ending::Complete)
    }
}

fn page(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    // Without a date: equal versions have equal pages.
    Man::new(command).date("").render(&mut page)?;
    Ok(page)
}
