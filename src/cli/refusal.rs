//! Why a run could not be made: one line that says where and what, and one that says what to try.

use std::fmt;
use std::io;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use peerproof::Error;
use peerproof::case::{CaseError, OpenError};

/// A refusal that knows what to try instead.
#[derive(Debug)]
pub struct Refusal {
    /// Where and what, in the user's words.
    pub what: String,
    /// Arguments or a command that would do.
    pub instead: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; try: {}", self.what, self.instead)
    }
}

impl std::error::Error for Refusal {}

/// An error as one line, without `error: ` in front.
pub fn sentence(error: &anyhow::Error) -> String {
    if let Some(error) = error.downcast_ref::<Error>() {
        return library(error);
    }
    if let Some(error) = error.downcast_ref::<CaseError>() {
        return case(error).to_string();
    }
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.downcast_ref::<io::Error>().map_or_else(|| cause.to_string(), reason);
        // A cause that the line spells out already.
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

/// A case that cannot be opened, with what to try instead.
pub fn opening(error: &OpenError) -> Refusal {
    let (what, instead) = match error {
        OpenError::Io { path, source } => {
            (format!("{}: {}", path.display(), reason(source)), "peerproof report CASE".to_owned())
        }
        OpenError::NoCase(_) => (error.to_string(), "peerproof analyze CAPTURE -o CASE".to_owned()),
        OpenError::Differs(path) => (error.to_string(), format!("peerproof report {}", path.display())),
        OpenError::Report { .. } | OpenError::Manifest { .. } | OpenError::Covered { .. } => {
            (error.to_string(), "peerproof schema, or the version that wrote it".to_owned())
        }
    };
    Refusal { what, instead }
}

/// An error of the library in the user's words.
pub fn library(error: &Error) -> String {
    match error {
        Error::Io { name, action, source } if is_plain(source) => {
            let _ = action;
            format!("{name}: {}", reason(source))
        }
        Error::Io { name, action, source } => format!("{name}: cannot {action}: {}", reason(source)),
        other => other.to_string(),
    }
}

/// Why a case could not be written, and where it could.
pub fn case(error: &CaseError) -> Refusal {
    let shown = |path: &Path| path.display().to_string();
    let beside = |path: &Path| format!("-o {}2", shown(path).trim_end_matches('/'));
    match error {
        CaseError::Exists(path) => Refusal {
            what: format!("{} exists, nothing was done", shown(path)),
            instead: format!("{}, or --force to replace it", beside(path)),
        },
        CaseError::Foreign { path, .. } => Refusal { what: error.to_string(), instead: beside(path) },
        CaseError::Fixed { path, .. } => {
            Refusal { what: error.to_string(), instead: format!("-o {}", shown(&path.join("case"))) }
        }
        CaseError::Io { action, path, source } => Refusal {
            what: if is_plain(source) {
                format!("{}: {}", shown(path), reason(source))
            } else {
                format!("{}: cannot {action} it: {}", shown(path), reason(source))
            },
            instead: "-o elsewhere".to_owned(),
        },
        CaseError::Content { .. } => Refusal { what: error.to_string(), instead: "-f json".to_owned() },
    }
}

/// An error of the command line in one line, with what clap guesses was meant.
pub fn usage(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "no capture named; try: peerproof CAPTURE, or peerproof --help".to_owned();
    }
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let program = "peerproof";
    if error.kind() == ErrorKind::InvalidSubcommand {
        let given = context(ContextKind::InvalidSubcommand).unwrap_or_default();
        let meant = context(ContextKind::SuggestedSubcommand).unwrap_or_else(|| "--help".to_owned());
        return format!("no command {given}; try: {program} {meant}");
    }
    let meant = [ContextKind::SuggestedArg, ContextKind::SuggestedValue].into_iter().find_map(context);
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: peerproof ")).unwrap_or_default();
    // A value that is none of an option has no usage with it: the command is on the line.
    let line = std::env::args_os().nth(1).unwrap_or_default().to_string_lossy().into_owned();
    let is_command = super::program().get_subcommands().any(|known| known.get_name() == line);
    let command = usage.split(' ').next().filter(|word| !word.is_empty()).or(is_command.then_some(line.as_str()));
    let command = command.filter(|word| word.chars().all(|c| c.is_ascii_lowercase()));
    let help = match command {
        Some(command) if !command.is_empty() => format!("{program} {command} --help"),
        _ => format!("{program} --help"),
    };
    format!("{}; try: {}", words.join(" "), meant.unwrap_or(help))
}

/// The operating system's error, in plain words where there are some.
pub fn reason(error: &io::Error) -> String {
    let plain = match error.kind() {
        io::ErrorKind::NotFound => "no such file",
        io::ErrorKind::PermissionDenied => "permission denied",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk full",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        io::ErrorKind::NotADirectory => "no such directory",
        io::ErrorKind::IsADirectory => "a directory",
        io::ErrorKind::AlreadyExists => "exists already",
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut letters = text.chars();
            let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
            return first + letters.as_str();
        }
    };
    plain.to_owned()
}

/// Returns true for a reason that, alone behind a name, says what was tried.
fn is_plain(error: &io::Error) -> bool {
    use io::ErrorKind::{
        IsADirectory, NotADirectory, NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    matches!(
        error.kind(),
        NotFound
            | NotADirectory
            | IsADirectory
            | PermissionDenied
            | QuotaExceeded
            | ReadOnlyFilesystem
            | StorageFull
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_of_the_system_stands_in_a_reason() {
        let full = io::Error::from_raw_os_error(28);
        let odd = io::Error::from_raw_os_error(5);
        assert_eq!((reason(&full).as_str(), reason(&odd).contains("os error")), ("disk full", false));
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("the end").context("before: the end").context("first");
        assert_eq!(sentence(&error), "first: before: the end");
    }
}
