//! `peerproof verify`.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use peerproof::report::{counted, escaped, grouped};
use peerproof_verify::signature::signed;
use peerproof_verify::{Checked, Fault};

use super::refusal::Refusal;
use super::screen::Look;
use super::{Ending, say};

/// Check every verdict of a case again, from its captures, by a second program
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

    /// Check that the manifest is signed with this key, in the format of minisign: the line of a public key, or a file with it
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,

    /// The signature; CASE/manifest.json.minisig by default
    #[arg(long, value_name = "FILE", requires = "public_key")]
    signature: Option<PathBuf>,
}

impl Verify {
    /// Checks, and tells the first difference.
    pub fn run(&self, _: Look) -> anyhow::Result<Ending> {
        let signed = |key: &String| signed(&self.case, self.signature.as_deref(), key);
        let signed = self.public_key.as_ref().map(signed).transpose();
        let checked =
            |comment| peerproof_verify::verify(&self.case, &self.captures).map(|checked| (comment, checked));
        match signed.and_then(checked) {
            Ok((comment, checked)) => {
                say::told(&told(&checked, comment.as_deref()))?;
                Ok(Ending::Complete)
            }
            Err(Fault::Differs(differs)) => {
                let text = format!(
                    "differs: {}\n  the case     {}\n  the packets  {}\n",
                    escaped(&differs.place),
                    escaped(&differs.stated),
                    escaped(&differs.found)
                );
                say::told(&text)?;
                let why = "the case is not what its captures show (first place named)";
                Ok(Ending::Failed(why.to_owned()))
            }
            Err(Fault::Cannot(what)) if cfg!(not(feature = "table")) && what.contains(" holds no tables/") => {
                // The second program cannot know by which build it is asked.
                let what = what.split(": peerproof analyze").next().unwrap_or(&what).to_owned();
                let what = format!("{what}, and this build has no tables");
                Err(Refusal { what, instead: "install without --no-default-features".to_owned() }.into())
            }
            Err(Fault::Cannot(what)) => {
                let instead = "peerproof verify CASE CAPTURE...".to_owned();
                Err(Refusal { what, instead }.into())
            }
        }
    }
}

fn told(checked: &Checked, comment: Option<&str>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  manifest: {} as stated", counted(checked.files, "file"));
    if let Some(comment) = comment {
        let _ = writeln!(text, "  signature: of the manifest, by that key; {}", escaped(comment));
    }
    for (name, path) in &checked.captures {
        let path = escaped(&path.display().to_string());
        let name = escaped(name);
        let _ = writeln!(text, "  {name}: SHA-256 as stated, {path}");
    }
    for (why, bytes) in &checked.unseen {
        let _ = writeln!(text, "  not found again: {}, {why}", counted(*bytes, "byte"));
    }
    let _ = writeln!(
        text,
        "ok: {}, {} bytes, judged again by a second program: the same classes",
        counted(checked.rows, "row"),
        grouped(checked.bytes)
    );
    text
}

pub(super) const AFTER_HELP: &str = "\
The manifest is checked first: every file of the case and every capture has the
SHA-256 that it states. Then every row of tables/pieces.csv: the bytes that it
names are read from the captures, put together, hashed and compared, and must
give the class that it says; the frames that it cites must hold them, and come
from the address that it names. What cannot be found again (what was decrypted,
or lies in tunnels) is counted and named. The program that does it,
crates/verify, shares no code with the one that made the case.

Examples:
  peerproof verify case/
      captures beside the case are found by their SHA-256
  peerproof verify case/ /mnt/evidence/
      captures in another directory
  peerproof verify case/ --public-key minisign.pub
      signed before with: minisign -Sm case/manifest.json

Exit code 1: the case is not what its captures show. 2: it cannot be checked.";
