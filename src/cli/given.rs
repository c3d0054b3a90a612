//! The command line as it was given: what the commands that a report proposes begin with.

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use peerproof::report::shell_word;

/// The words of `program`'s command line, an option with its value as one of them, without what only says what is shown of the
/// result and where it goes.
pub fn words(program: &Command, matches: &ArgMatches) -> Vec<String> {
    let mut words = vec![program.get_name().to_owned()];
    let Some((name, matches)) = matches.subcommand() else { return words };
    let Some(command) = program.find_subcommand(name) else { return words };
    words.push(name.to_owned());
    let mut given: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| {
            let id = argument.get_id().as_str();
            matches.value_source(id) == Some(ValueSource::CommandLine) && !SHOWN.contains(&id)
        })
        .collect();
    // A stable sort: options stay in the order of the help.
    given.sort_by_key(|argument| !argument.is_positional());
    for argument in given {
        let option = match (argument.get_short(), argument.get_long()) {
            (Some(short), _) => format!("-{short}"),
            (None, Some(long)) => format!("--{long}"),
            (None, None) => String::new(),
        };
        if !argument.get_action().takes_values() {
            words.push(option);
            continue;
        }
        let values: Vec<_> = matches.get_raw(argument.get_id().as_str()).into_iter().flatten().collect();
        if argument.is_positional() && values.len() > MOST_NAMED {
            words.push("CAPTURE...".to_owned());
            continue;
        }
        words.extend(values.into_iter().map(|value| {
            let value = shell_word(&value.to_string_lossy());
            if argument.is_positional() { value } else { format!("{option} {value}") }
        }));
    }
    words
}

// Rationale: more were named by a pattern, and can be again.
const MOST_NAMED: usize = 8;
/// Options that change nothing in a report.
const SHOWN: [&str; 10] = ["format", "table", "output", "force", "peer", "from", "to", "top", "sort", "tz"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_command_keeps_paths_and_what_bears_on_figures() {
        let line = "peerproof analyze -f json ../a/x.pcap --mse-secrets keys.txt -t a.torrent --strict -o case/ --peer 1.2.3.4 \
                    b.pcap -t dir/b.torrent";
        let program = super::super::program();
        let matches = program.clone().try_get_matches_from(line.split(' ')).expect("a command line");
        let expected =
            "peerproof analyze ../a/x.pcap b.pcap --strict --mse-secrets keys.txt -t a.torrent -t dir/b.torrent";
        assert_eq!(words(&program, &matches).join(" "), expected);
    }
}
