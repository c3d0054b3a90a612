//! Names of files in a directory of ours, of paths that strangers wrote into torrents: none leads out of it, and no two are one.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The names that were given.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By path, in lower case: a file system may not tell cases apart.
    taken: BTreeMap<String, Taken>,
}

#[derive(Debug)]
struct Taken {
    directory: bool,
    /// The number that the next file of that name gets.
    next: u32,
}

impl Names {
    /// A place for a file, below the directory; `path` may be anything.
    pub(super) fn place<'c>(&mut self, path: impl IntoIterator<Item = &'c str>) -> PathBuf {
        let mut components: Vec<String> = path.into_iter().map(safe).collect();
        let bytes: usize = components.iter().map(|component| component.len() + 1).sum();
        let last = components.pop().unwrap_or_else(|| "_".to_owned());
        if components.len() >= DEEPEST || bytes > LONGEST_PATH {
            components = components.into_iter().take(1).chain([DEEP.to_owned()]).collect();
        }
        let mut place = String::new();
        for component in components {
            self.add(&mut place, &component, true);
        }
        self.add(&mut place, &last, false);
        place.split('/').collect()
    }

    /// Adds a component, under another name where a file, or of a file anything, has it.
    fn add(&mut self, place: &mut String, component: &str, directory: bool) {
        if !place.is_empty() {
            place.push('/');
        }
        let mut name = component.to_owned();
        loop {
            let key = format!("{place}{name}").to_lowercase();
            match self.taken.get_mut(&key) {
                None => {
                    self.taken.insert(key, Taken { directory, next: 2 });
                    return place.push_str(&name);
                }
                Some(taken) if directory && taken.directory => return place.push_str(&name),
                Some(taken) => {
                    name = numbered(component, taken.next);
                    taken.next += 1;
                }
            }
        }
    }
}

/// `name.txt` as `name (2).txt`.
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) {
        Some((stem, end)) => format!("{stem} ({number}).{end}"),
        None => format!("{name} ({number})"),
    }
}

/// One component that every usual file system takes for a name, and for nothing else.
fn safe(component: &str) -> String {
    let acts = |c: char| c.is_control() || matches!(c, '/' | '\\') || (cfg!(windows) && ":*?\"<>|".contains(c));
    let mut name: String = component.chars().map(|c| if acts(c) { '_' } else { c }).collect();
    if name.len() > LONGEST_NAME {
        let end = match name.rsplit_once('.') {
            Some((_, end)) if end.len() <= LONGEST_END => format!(".{end}"),
            _ => String::new(),
        };
        let mut at = LONGEST_NAME - end.len();
        while !name.is_char_boundary(at) {
            at -= 1;
        }
        name.truncate(at);
        name.push_str(&end);
    }
    let kept = name.trim_end_matches(['.', ' ']).len();
    name = name.char_indices().map(|(at, c)| if at < kept { c } else { '_' }).collect();
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let device = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt")).is_some_and(|number| {
        let mut digits = number.chars();
        digits.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c)) && digits.next().is_none()
    });
    if name.is_empty() || device || RESERVED.contains(&stem.as_str()) {
        name.insert(0, '_');
    }
    name
}

/// Names of devices of Windows, whatever stands behind a dot.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
/// Where files of too many directories go.
const DEEP: &str = "_deep";
// Rationale: 255 bytes are a name's bound; a number and `.map.json` stand behind it.
const LONGEST_NAME: usize = 220;
const LONGEST_END: usize = 16;
// Rationale: 4,096 bytes are a path's bound with all that stands in front.
const LONGEST_PATH: usize = 1_000;
const DEEPEST: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(names: &mut Names, path: &str) -> String {
        names.place(path.split('/')).display().to_string()
    }

    #[test]
    fn no_name_leads_out_of_the_directory_or_means_a_device() {
        let mut names = Names::default();
        for (path, safe) in [
            ("../../etc/passwd", "__/__/etc/passwd"),
            ("/etc/passwd", "_/etc/passwd"),
            ("a\\..\\b", "a_.._b"),
            ("..", "__ (2)"),
            ("con", "_con"),
            ("Com1.txt", "_Com1.txt"),
            ("lpt¹", "_lpt¹"),
            ("conduct", "conduct"),
            ("trailing. ", "trailing__"),
            ("", "_ (2)"),
            ("a\nb", "a_b"),
        ] {
            assert_eq!(place(&mut names, path), safe, "{path:?}");
        }
    }

    #[test]
    fn no_two_files_have_one_place_and_no_file_is_a_directory() {
        let mut names = Names::default();
        let all = ["a/b.txt", "A/B.txt", "a", "a/b.txt/c", "a/b (2).txt", "a/b.txt", ".hidden", ".hidden"];
        let places: Vec<String> = all.iter().map(|path| place(&mut names, path)).collect();
        assert_eq!(
            places,
            [
                "a/b.txt",
                "A/B (2).txt",
                "a (2)",
                "a/b (3).txt/c",
                "a/b (2) (2).txt",
                "a/b (4).txt",
                ".hidden",
                ".hidden (2)"
            ]
        );
    }

    #[test]
    fn long_names_keep_their_ending_and_deep_ones_are_flat() {
        let mut names = Names::default();
        let long = place(&mut names, &format!("{}.mkv", "ü".repeat(300)));
        assert!(long.len() <= LONGEST_NAME && long.ends_with("ü.mkv"), "{long}");
        let deep = place(&mut names, &format!("top/{}end.txt", "d/".repeat(500)));
        assert_eq!(deep, "top/_deep/end.txt");
    }
}
