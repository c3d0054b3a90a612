//! A detached signature of the manifest, in the format of minisign: made by that tool, with keys that this program never sees.

use std::fs;
use std::path::Path;

use minisign_verify::{PublicKey, Signature};

use crate::{Fault, MANIFEST, SIGNATURE, cannot, differs};

/// Checks the signature of the manifest of `case` by `key`: the line of a public key, or a file with it. `file` is the signature, by
/// default `manifest.json.minisig` in the case. Gives its trusted comment.
///
/// # Errors
/// [`Fault::Differs`] where it is not a signature of the manifest by that key; [`Fault::Cannot`] where either cannot be read.
pub fn signed(case: &Path, file: Option<&Path>, key: &str) -> Result<String, Fault> {
    let own = case.join(SIGNATURE);
    let file = file.unwrap_or(&own);
    let text = fs::read_to_string(file).map_err(|why| cannot(file, why))?;
    let key = fs::read_to_string(key).unwrap_or_else(|_| key.to_owned());
    let manifest = case.join(MANIFEST);
    let bytes = fs::read(&manifest).map_err(|why| cannot(&manifest, why))?;
    match check(&bytes, &text, &key) {
        Ok(comment) => Ok(comment),
        Err(Wrong::Key(why)) => Err(Fault::Cannot(format!("no public key of minisign: {why}"))),
        Err(Wrong::Form(why)) => Err(cannot(file, format!("no signature of minisign: {why}"))),
        Err(Wrong::Signature(why)) => differs(MANIFEST, "signed with that key", why),
    }
}

/// What does not fit.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Key(String),
    Form(String),
    Signature(String),
}

fn check(bytes: &[u8], signature: &str, key: &str) -> Result<String, Wrong> {
    let line = key.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let key = PublicKey::from_base64(line).map_err(|why| Wrong::Key(why.to_string()))?;
    let signature = Signature::decode(signature).map_err(|why| Wrong::Form(why.to_string()))?;
    key.verify(bytes, &signature, false).map_err(|why| Wrong::Signature(why.to_string()))?;
    Ok(signature.trusted_comment().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with PyNaCl: Ed25519 of the seed 00 01 .. 1f over BLAKE2b-512, as minisign defines it.
    const MANIFEST: &[u8] = b"{\"schema\": \"peerproof/case/1\"}\n";
    const KEY: &str =
        "untrusted comment: minisign public key\nRWQAAQIDBAUGBwOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n";
    const SIGNATURE: &str = "untrusted comment: signature from minisign secret key
RUQAAQIDBAUGBzAlaoyCldfj+Q6Lyk3YKY1gaNo3tHnQpgZvrzuJa7MOFTbv7R3Hzop61nKm4kV6u5vl2W7ie84AEX5olZOZngQ=
trusted comment: timestamp:1700000000\tfile:manifest.json\thashed
fqHzEk/wmjU7lDmVnahct8P1gjeIncVoN8Tow75i8q5P5zktBKbx871v8xBcmn2oE7BDDoRosYwPhhq3ANoPAw==
";

    #[test]
    fn a_signature_is_of_one_manifest_by_one_key() {
        assert_eq!(
            check(MANIFEST, SIGNATURE, KEY).as_deref(),
            Ok("timestamp:1700000000\tfile:manifest.json\thashed")
        );
        assert!(matches!(check(b"{}", SIGNATURE, KEY), Err(Wrong::Signature(_))));
        let forged = SIGNATURE.replace("1700000000", "1700000001");
        assert!(matches!(check(MANIFEST, &forged, KEY), Err(Wrong::Signature(_))));
        let other = KEY.replace("BwOhB7", "BwOhB8");
        assert!(matches!(check(MANIFEST, SIGNATURE, &other), Err(Wrong::Signature(_) | Wrong::Key(_))));
        assert!(matches!(check(MANIFEST, "nothing", KEY), Err(Wrong::Form(_))));
        assert!(matches!(check(MANIFEST, SIGNATURE, "nothing"), Err(Wrong::Key(_))));
    }
}
