//! Parses the arguments, calls the library, prints the error chain, maps it to the exit code.

mod cli;

use std::process::ExitCode;

use peerproof::report::visible;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Names of files are strangers' choice, and a terminal would act on what they may hold.
            eprintln!("peerproof: error: {}", visible(&error.to_string()));
            for cause in causes(&error) {
                eprintln!("  because: {}", visible(&cause));
            }
            ExitCode::from(cli::CANNOT_RUN)
        }
    }
}

/// Whether the reader of our output has gone, as `head` does: nobody is left to tell.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// The causes below the first line, without those that the line above already spells out.
fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        if lines.last().is_none_or(|above| !above.ends_with(&text)) {
            lines.push(text);
        }
    }
    lines.split_off(1)
}
