//! Signals that end a run: nothing unfinished is left, and the exit code names the signal.

/// Waits for them on a thread of its own.
#[cfg(unix)]
pub fn watch() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    // A signal that the caller has the process ignore, as `nohup` does, stays ignored.
    let wanted = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal));
    let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) else { return };
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let what = if peerproof::stages::output::abandon() {
                "what it had finished stands"
            } else {
                "nothing was written"
            };
            let code = 128 + u8::try_from(signal).unwrap_or_default();
            if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
                // Below the progress bar.
                super::say::line_end();
            }
            super::say::exit(code, &format!("stopped by a signal, {what}"));
            std::process::exit(code.into());
        }
    });
}

#[cfg(not(unix))]
pub fn watch() {}

/// Returns true if the process was started with `signal` ignored; told by Linux alone.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}
