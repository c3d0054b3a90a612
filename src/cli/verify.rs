//! `peerproof verify`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use peerproof::case::Remade;
use peerproof::report::{counted, escaped, grouped};
use peerproof::signature::{Refused, Signed, signed};
use peerproof_verify::{Checked, Fault, Found};

use super::material::around;
use super::refusal::Refusal;
use super::screen::ScreenOptions;
use super::{Ending, say};

/// Check what was served, in a case, again, from its captures, by a second program
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct Verify {
    /// A case directory
    #[arg(value_name = "CASE")]
    case: PathBuf,

    /// Captures of the case, or directories with them; those that are not given are looked for beside the case, in it, and in the
    /// working directory. The SHA-256 decides, not the name
    #[arg(value_name = "CAPTURE")]
    captures: Vec<PathBuf>,

    /// Check that the manifest is signed with this key: the line of a public key of SSH or minisign, a file with it, or a
    /// file in the form of allowed_signers
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,

    /// The signature; CASE/manifest.json.sig (SSH) or CASE/manifest.json.minisig by default
    #[arg(long, value_name = "FILE", requires = "public_key")]
    signature: Option<PathBuf>,
}

impl Verify {
    /// Checks, and tells the first difference.
    pub fn run(&self, _: ScreenOptions) -> anyhow::Result<Ending> {
        let signer = match self.signer()? {
            Ok(signer) => signer,
            Err(why) => return differs("manifest.json", "signed with that key", &why),
        };
        match peerproof_verify::verify(&self.case, &around(&self.case, &self.captures)) {
            Ok(mut checked) => {
                checked.unseen.retain(|_, bytes| *bytes > 0);
                let is_used = |path: &Path| checked.captures.iter().any(|found| found.path == path);
                if let Some(other) = self.captures.iter().find(|path| path.is_file() && !is_used(path)) {
                    let found = "its SHA-256 is that of no capture of the case, or of one that was found before";
                    return differs(&other.display().to_string(), "given as a capture of it", found);
                }
                let remade = peerproof::case::remade(&self.case)?;
                if let Remade::Differs(name) = &remade {
                    return differs(name, "a view of report.json", "report.json makes other bytes of it");
                }
                say::told(&told(&checked, &signer, &remade))?;
                let none = checked.bytes == 0 && !checked.unseen.is_empty();
                Ok(if none {
                    Ending::Limited("nothing could be judged again".to_owned())
                } else {
                    Ending::Complete
                })
            }
            Err(Fault::Differs([place, stated, found])) => differs(&place, &stated, &found),
            Err(Fault::Cannot(what)) => anyhow::bail!(what),
            Err(Fault::Missing([name, sha256])) => {
                let what = format!(
                    "no file with SHA-256 {sha256} of {name}, compressed or not, is given, beside the case, in it, or in \
                     the working directory"
                );
                Err(Refusal { what, instead: "peerproof verify CASE CAPTURE...".to_owned() }.into())
            }
        }
    }

    /// The sentence about the signature; the inner error tells that the manifest is not signed with the key.
    fn signer(&self) -> anyhow::Result<Result<String, String>> {
        let beside = || SIGNATURES.iter().map(|name| self.case.join(name)).find(|path| path.is_file());
        let Some(key) = &self.public_key else {
            let not_checked = |path: PathBuf| format!("{} is not checked (no --public-key)", path.display());
            return Ok(Ok(beside().map(not_checked).unwrap_or_default()));
        };
        let Some(file) = self.signature.clone().or_else(beside) else {
            let what = format!("{} holds no signature ({})", self.case.display(), SIGNATURES.join(", "));
            let instead = "ssh-keygen -Y sign -n file -f KEY CASE/manifest.json".to_owned();
            return Err(Refusal { what, instead }.into());
        };
        let read = |path: &Path| {
            let bytes = std::fs::read(path).with_context(|| format!("{}: cannot read", path.display()))?;
            Ok::<_, anyhow::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let keys = if Path::new(key).is_file() { read(Path::new(key))? } else { key.clone() };
        let manifest = self.case.join("manifest.json");
        let bytes = std::fs::read(&manifest).with_context(|| format!("{}: cannot read", manifest.display()))?;
        match signed(&bytes, &read(&file)?, &keys) {
            Ok(Signed::Minisign(comment)) => Ok(Ok(format!("of the manifest, by that key; {comment}"))),
            Ok(Signed::Ssh { fingerprint, signer }) => {
                Ok(Ok(format!("of the manifest, by {fingerprint} {signer}")))
            }
            Err(Refused::Wrong(why)) => Ok(Err(format!("{}: {why}", file.display()))),
            Err(Refused::Key(why)) => anyhow::bail!("--public-key: {why}"),
            Err(Refused::Form(why)) => anyhow::bail!("{}: {why}", file.display()),
        }
    }
}

/// Tells a difference.
fn differs(place: &str, stated: &str, found: &str) -> anyhow::Result<Ending> {
    let [place, stated, found] = [place, stated, found].map(escaped);
    say::told(&format!("differs: {place}\n  the case     {stated}\n  found        {found}\n"))?;
    Ok(Ending::Failed("the case does not hold (first place named)".to_owned()))
}

fn told(checked: &Checked, signer: &str, remade: &Remade) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  manifest: {} as stated", counted(checked.files, "file"));
    if !signer.is_empty() {
        let _ = writeln!(text, "  signature: {}", escaped(signer));
    }
    for Found { name, path, is_as_given, .. } in &checked.captures {
        let (name, path) = (escaped(name), escaped(&path.display().to_string()));
        let what = if *is_as_given { "SHA-256" } else { "compressed otherwise, SHA-256 of the content" };
        let _ = writeln!(text, "  {name}: {what} as stated, {path}");
    }
    let _ = match remade {
        Remade::Version(version) => {
            writeln!(text, "  not compared: report.txt, report.html and tables, made by {version}")
        }
        _ => writeln!(text, "  report.txt, report.html, tables: made again from report.json, the same"),
    };
    for (why, bytes) in &checked.unseen {
        let _ = writeln!(text, "  not found again: {}, {why}", counted(*bytes, "byte"));
    }
    let _ = writeln!(
        text,
        "  not judged again: what was asked and said, grades below G7, times, names (those come back from the captures: docs/being-sure.md)\n\
         ok: {}, {} bytes, judged again by a second program: the same classes, sums and senders",
        counted(checked.rows, "row"),
        grouped(checked.bytes)
    );
    text
}

/// Beside the manifest, as the public tools call them.
const SIGNATURES: [&str; 2] = ["manifest.json.sig", "manifest.json.minisig"];

pub(super) const AFTER_HELP: &str = "\
The manifest is checked first: every file of the case and every capture has the
SHA-256 that it states. Then every row of tables/pieces.csv: the bytes that it
names are read from the captures, put together, hashed and compared, and must
give the class that it says; the frames that it cites must hold them, and come
from the address that it names. The rows add up to every figure of every peer,
and nobody has a grade from G7 on, or the standard, without rows that show it.
What cannot be found again (what was decrypted, or lies in tunnels) is counted
and named. The program that does it, crates/verify, shares no code with the one
that made the case. Then report.txt, report.html and the tables are made again
from report.json. Not judged again: what was asked and said, times and names.

Examples:
  peerproof verify case/
      captures beside the case are found by their SHA-256
  peerproof verify case/ /mnt/evidence/
      captures in another directory
  peerproof verify case/ --public-key lab.pub
      signed before with: ssh-keygen -Y sign -n file -f lab case/manifest.json
      or, with a key of minisign: minisign -Sm case/manifest.json

Exit code 1: the case does not hold. 2: it cannot be checked. 3: nothing of it
could be judged again.";
