//! From the paths that a user named to the captures that they stand for: files, directories, patterns.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::PassedOver;
use super::source::{STDIN, other_than_capture};
use crate::Error;
use crate::directory::entries_below;

/// The captures to open, and what was met beside them.
///
/// # Invariants
/// - Both are sorted, and no file stands among the captures twice, however often and by whatever path it was reached.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) captures: Vec<PathBuf>,
    pub(super) passed_over: Vec<PassedOver>,
}

/// Finds the captures that `paths` stand for.
///
/// - What exists by that very name is taken as it is: a file, or every capture in and below a directory.
/// - Else a path with `*`, `?` or `[` is a pattern, as in a shell, with `**` for any directories.
/// - In a directory the content decides what is a capture, hidden files included; whatever else is there is passed over.
///   What is named, or fits a pattern, has to be a capture.
///
/// # Errors
/// - [`Error::Usage`] for a directory without a capture, a pattern that is none, or one that nothing fits.
/// - [`Error::Io`] for a directory, or a file in one, that cannot be read.
pub(super) fn gather(paths: &[PathBuf]) -> Result<Gathered, Error> {
    let mut gathered = Gathered::default();
    for path in paths {
        match pattern(path) {
            None => gathered.take(path)?,
            Some(pattern) => gathered.matches(pattern)?,
        }
    }
    // Sorted before it is made unique: which of the names of one file is told must not depend on their order.
    gathered.captures.sort_by(|a, b| (a.file_name(), a).cmp(&(b.file_name(), b)));
    let mut seen = BTreeSet::new();
    gathered.captures.retain(|path| seen.insert(identity(path)));
    gathered.passed_over.sort();
    gathered.passed_over.dedup();
    Ok(gathered)
}

impl Gathered {
    /// Takes a file, or what a directory holds.
    fn take(&mut self, path: &Path) -> Result<(), Error> {
        if path.as_os_str() == STDIN || !path.is_dir() {
            self.captures.push(path.to_owned());
            return Ok(());
        }
        let captures = self.captures.len();
        let others = self.directory(path)?;
        if self.captures.len() == captures {
            return Err(Error::Usage(match others {
                0 => format!("{}: an empty directory, without any capture", path.display()),
                1 => format!("{}: a directory without any capture; the 1 file in it is none", path.display()),
                _ => format!(
                    "{}: a directory without any capture; none of the {others} files in it is one",
                    path.display()
                ),
            }));
        }
        Ok(())
    }

    /// Takes every file that a pattern fits.
    fn matches(&mut self, pattern: &str) -> Result<(), Error> {
        let usage = |detail: String| Error::Usage(format!("{pattern}: {detail}"));
        let found = glob::glob_with(pattern, OPTIONS)
            .map_err(|error| usage(format!("no such file, and no pattern either: {error}")))?;
        let mut any = false;
        for path in found {
            let path = path.map_err(|error| {
                let name = error.path().display().to_string();
                Error::Io { name, action: "read the directory", source: error.into() }
            })?;
            any = true;
            self.take(&path)?;
        }
        if any { Ok(()) } else { Err(usage("no such file, and as a pattern it fits none".to_owned())) }
    }

    /// Takes every capture in and below `top`; gives the number of files that are none.
    fn directory(&mut self, top: &Path) -> Result<usize, Error> {
        let mut others = 0;
        for path in entries_below(top)? {
            let (found, broken) = match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => match other_than_capture(&path)? {
                    None => {
                        self.captures.push(path);
                        continue;
                    }
                    Some(found) => found,
                },
                // Opening a pipe would wait for whoever writes to it.
                Ok(_) => ("no regular file".to_owned(), false),
                Err(_) => ("a link to nothing".to_owned(), false),
            };
            others += 1;
            self.passed_over.push(PassedOver { name: below(top, &path), found, broken });
        }
        Ok(others)
    }
}

/// The text of a path that does not exist by that name and looks like a pattern.
fn pattern(path: &Path) -> Option<&str> {
    let text = path.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    fs::symlink_metadata(path).is_err().then_some(text)
}

/// The path of a file from its directory on, with `/` between the parts.
fn below(top: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(top).unwrap_or(path);
    inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// A key that is equal for two paths to one file (device and inode); for standard input, and where no file is
/// there, the path.
fn identity(path: &Path) -> (PathBuf, u64, u64) {
    #[cfg(unix)]
    if path.as_os_str() != STDIN
        && let Ok(metadata) = fs::metadata(path)
    {
        use std::os::unix::fs::MetadataExt;
        return (PathBuf::new(), metadata.dev(), metadata.ino());
    }
    (path.canonicalize().unwrap_or_else(|_| path.to_path_buf()), 0, 0)
}

// As shells do: a star fits neither a separator nor the dot of a hidden file.
const OPTIONS: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

#[cfg(test)]
mod tests {
    use super::super::sample::LE;
    use super::*;

    /// A directory with two captures, one of them compressed and below it, and three files that are none.
    fn place() -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a directory");
        let capture = [LE.pcap(0xA1B2_C3D4, 1), LE.record(1, 0, 4, b"abcd")].concat();
        let packed = zstd::encode_all(capture.as_slice(), 1).expect("in memory");
        fs::create_dir(place.path().join("below")).expect("created");
        for (name, content) in [
            ("ring-1.txt", capture.as_slice()),
            ("below/ring-2", &packed),
            ("notes.pcap", b"plain text"),
            (".empty", b""),
            ("below/x.zst", &zstd::encode_all(&b"plain text"[..], 1).expect("in memory")),
        ] {
            fs::write(place.path().join(name), content).expect("written");
        }
        place
    }

    fn names(gathered: &Gathered) -> (Vec<String>, Vec<(&str, &str)>) {
        let name = |path: &PathBuf| path.file_name().expect("a file").to_string_lossy().into_owned();
        let others = gathered.passed_over.iter().map(|other| (other.name.as_str(), other.found.as_str()));
        (gathered.captures.iter().map(name).collect(), others.collect())
    }

    #[test]
    fn a_directory_gives_every_capture_by_content_and_names_what_is_none() {
        let place = place();
        let gathered = gather(&[place.path().to_owned()]).expect("readable");
        let (captures, others) = names(&gathered);
        assert_eq!(captures, ["ring-1.txt", "ring-2"]);
        assert_eq!(others, [(".empty", "an empty file"), ("below/x.zst", "text"), ("notes.pcap", "text")]);
    }

    #[test]
    fn a_file_reached_in_several_ways_is_taken_once_whatever_their_order() {
        let place = place();
        let inside = |name: &str| place.path().join(name);
        fs::hard_link(inside("ring-1.txt"), inside("another")).expect("a link");
        let mut paths =
            vec![inside("ring-?.txt"), place.path().to_owned(), inside("./ring-1.txt"), inside("below/../another")];
        for _ in 0..paths.len() {
            paths.rotate_left(1);
            let gathered = gather(&paths).expect("readable");
            assert_eq!(names(&gathered).0, ["another", "ring-2"], "{paths:?}");
        }
    }

    #[test]
    fn what_exists_by_its_name_is_no_pattern() {
        let place = place();
        let literal = place.path().join("ring-[1].txt");
        assert_eq!(names(&gather(std::slice::from_ref(&literal)).expect("fits")).0, ["ring-1.txt"]);
        fs::copy(place.path().join("ring-1.txt"), &literal).expect("written");
        assert_eq!(names(&gather(&[literal]).expect("there")).0, ["ring-[1].txt"]);
    }

    #[test]
    fn a_pattern_fits_what_a_shell_would_and_what_fits_has_to_be_a_capture() {
        let place = place();
        let fits = |pattern: &str| gather(&[place.path().join(pattern)]);
        assert_eq!(names(&fits("**/ring-*").expect("fits")).0, ["ring-1.txt", "ring-2"]);
        // Opening will say what is wrong with them.
        assert_eq!(names(&fits("n*").expect("fits")).0, ["notes.pcap"]);
        assert!(fits("*empty").expect_err("hidden").to_string().contains("fits none"));
        assert!(fits("ring-[").expect_err("no pattern").to_string().contains("no pattern either"));
    }

    #[test]
    fn a_directory_without_a_capture_is_an_error_that_says_so() {
        let place = tempfile::tempdir().expect("a directory");
        let said = |path: &Path| gather(&[path.to_owned()]).expect_err("nothing to read").to_string();
        assert!(said(place.path()).ends_with("an empty directory, without any capture"));
        fs::write(place.path().join("a"), "text").expect("written");
        assert!(said(place.path()).ends_with("without any capture; the 1 file in it is none"));
    }

    #[cfg(unix)]
    #[test]
    fn links_in_circles_and_to_nothing_end() {
        let place = place();
        std::os::unix::fs::symlink(place.path(), place.path().join("below/again")).expect("a link");
        std::os::unix::fs::symlink("nowhere", place.path().join("below/gone")).expect("a link");
        let gathered = gather(&[place.path().to_owned()]).expect("readable");
        let (captures, others) = names(&gathered);
        assert_eq!(captures, ["ring-1.txt", "ring-2"]);
        assert!(others.contains(&("below/gone", "a link to nothing")), "{others:?}");
    }
}
