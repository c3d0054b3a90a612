//! Detached signatures of a case's manifest, in two formats of public tools: SSH signatures (`ssh-keygen -Y sign -n file`) and minisign
//! (`minisign -S`). They are made by those tools, with keys that this program never sees.

use minisign_verify::{PublicKey as MinisignKey, Signature as MinisignSignature};
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, PublicKey, SshSig};

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// With minisign: the trusted comment, which is signed too.
    Minisign(String),
    /// With SSH.
    Ssh {
        /// SHA-256 of the key, as `ssh-keygen -l` prints it.
        fingerprint: String,
        /// Name of the signer in the list of keys: the principals, or else the comment of the key; may be empty.
        signer: String,
    },
}

/// Why a signature is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not of these bytes, or not by that key.
    #[error("{0}")]
    Wrong(String),
    /// The key cannot be read, or is of a kind that is not checked.
    #[error("{0}")]
    Key(String),
    /// The bytes are no signature, or one of a kind that is not checked.
    #[error("{0}")]
    Form(String),
}

/// Checks that `signature` is one of `bytes` by one of `keys`: the text of a public key of minisign; or of one or more SSH keys, each on a
/// line, as `ssh-keygen` writes them or in the form of `allowed_signers`, where principals stand before the key.
///
/// # Errors
/// [`Refused`]; of `allowed_signers`, times and authorities are not checked, and lines with them are refused.
pub fn signed(bytes: &[u8], signature: &str, keys: &str) -> Result<Signed, Refused> {
    if signature.trim_start().starts_with(SSH) {
        return ssh(bytes, signature, keys);
    }
    let signature = MinisignSignature::decode(signature)
        .map_err(|why| Refused::Form(format!("no signature of SSH or minisign: {why}")))?;
    let line = keys.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let key = MinisignKey::from_base64(line)
        .map_err(|why| Refused::Key(format!("no public key of minisign, as the signature is: {why}")))?;
    key.verify(bytes, &signature, false).map_err(|why| Refused::Wrong(why.to_string()))?;
    Ok(Signed::Minisign(signature.trusted_comment().to_owned()))
}

fn ssh(bytes: &[u8], signature: &str, keys: &str) -> Result<Signed, Refused> {
    let signature =
        SshSig::from_pem(signature).map_err(|why| Refused::Form(format!("no whole SSH signature: {why}")))?;
    let lines = keys.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed = lines.map(Listed::parse).collect::<Result<Vec<_>, _>>()?;
    if listed.is_empty() {
        return Err(Refused::Key("no public key of SSH, as the signature is".to_owned()));
    }
    let fingerprint = signature.public_key().fingerprint(HashAlg::Sha256).to_string();
    let own = listed.iter().find(|listed| listed.key.key_data() == signature.public_key());
    let own = own.ok_or_else(|| Refused::Wrong(format!("signed by another key, {fingerprint}")))?;
    if signature.namespace() != NAMESPACE || !own.signs_files {
        let namespace = signature.namespace();
        return Err(Refused::Wrong(format!(
            "the signature, or the key, is for another use than files ({namespace})"
        )));
    }
    let algorithm = own.key.algorithm();
    if !is_checked(&algorithm) {
        return Err(Refused::Form(format!(
            "signatures by keys of {} are not checked here, so nothing is said of this one: use ssh-keygen -Y verify, or sign \
             with a key of ssh-ed25519",
            algorithm.as_str()
        )));
    }
    match own.key.verify(NAMESPACE, bytes, &signature) {
        Ok(()) => Ok(Signed::Ssh { fingerprint, signer: own.signer.clone() }),
        Err(why) => Err(Refused::Wrong(why.to_string())),
    }
}

/// Returns true if signatures by keys of an algorithm are checked. Those of RSA would take the crate `rsa`, for which
/// there is an advisory without a mended version (RUSTSEC-2023-0071), and those of larger curves a crate for each.
fn is_checked(algorithm: &Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }
            | Algorithm::SkEcdsaSha2NistP256
    )
}

/// A key of a list.
struct Listed {
    key: PublicKey,
    signer: String,
    /// Set if the list lets the key sign files.
    signs_files: bool,
}

impl Listed {
    /// `[PRINCIPALS [OPTIONS]] TYPE KEY [COMMENT]`.
    fn parse(line: &str) -> Result<Self, Refused> {
        let refused = |why: &str| Refused::Key(format!("{why}: {}", line.chars().take(60).collect::<String>()));
        let is_type = |word: &str| ["ssh-", "ecdsa-", "sk-"].iter().any(|begin| word.starts_with(begin));
        let at = line.split(' ').scan(0, |at, word| Some((std::mem::replace(at, *at + word.len() + 1), word)));
        let at = at.filter(|(_, word)| is_type(word)).map(|(at, _)| at).next();
        let (before, key) = at.map(|at| line.split_at(at)).ok_or_else(|| refused("no public key of SSH"))?;
        let key = PublicKey::from_openssh(key).map_err(|why| refused(&format!("no public key of SSH ({why})")))?;
        let (principals, options) = before.trim().split_once(' ').unwrap_or((before.trim(), ""));
        if ["cert-authority", "valid-after", "valid-before"].iter().any(|option| options.contains(option)) {
            return Err(refused("times and authorities are not checked here, use ssh-keygen -Y verify"));
        }
        let namespaces = options.split_once("namespaces=\"").and_then(|(_, rest)| rest.split_once('"'));
        let signs_files =
            namespaces.is_none_or(|(all, _)| all.split(',').any(|one| one == NAMESPACE || one == "*"));
        let signer = if principals.is_empty() { key.comment().to_owned() } else { principals.to_owned() };
        Ok(Self { key, signer, signs_files })
    }
}

const SSH: &str = "-----BEGIN SSH SIGNATURE-----";
/// That of `ssh-keygen` for files.
const NAMESPACE: &str = "file";

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &[u8] = b"{\"schema\": \"peerproof/case/1\"}\n";
    // Made for this test by ssh-keygen of OpenSSH 9.2 and minisign 0.11; the secret keys were thrown away.
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIApO0eciogxhdbR1Z17t33dmYgQg7ZwhfO2BiSgPx3Xp expert@lab";
    const BY_ED25519: &str = "-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgCk7R5yKiDGF1tHVnXu3fd2ZiBC
DtnCF87YGJKA/HdekAAAAEZmlsZQAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUx
OQAAAEDgUtNCxAJFRjRQ0qV2rxh8KcUEVOnp+ufpJmFlHg5+LLlRJidbW350rLsUxHOMO2
9hM46TDy/PcuZ1FqNuFycI
-----END SSH SIGNATURE-----
";
    const FOR_GIT: &str = "-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgCk7R5yKiDGF1tHVnXu3fd2ZiBC
DtnCF87YGJKA/HdekAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5
AAAAQMTA9LGp6GbnqAS2r+4LF6dkoUIbWG6A/r2J8D90cC8i3TWmL7emjBLYmNfO5qIc1R
0JHQicQ95DPD5V/7wZxgY=
-----END SSH SIGNATURE-----
";
    const P256: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEy4ncwk4TPnPlxd6wssAOeo52AD7W4zYarIXmgzk89urwBGtByIQeniYNm7v3oFHTUM1QM9yGIhyXVZS7FgUAw= other@lab";
    const BY_P256: &str = "-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE
EETLidzCThM+c+XF3rCywA56jnYAPtbjNhqsheaDOTz26vAEa0HIhB6eJg2bu/egUdNQzV
Az3IYiHJdVlLsWBQDAAAAARmaWxlAAAAAAAAAAZzaGE1MTIAAABjAAAAE2VjZHNhLXNoYT
ItbmlzdHAyNTYAAABIAAAAIG5q7toOgPDbzcP/d/Vd8YS2byRwjp239wpOyPrgAGl4AAAA
IGX2WXDqxayyowgPTArynVtvobCTVZQdrEUosA9f5Jsf
-----END SSH SIGNATURE-----
";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDIaTBMphn2kzcEWGqH49PGSLvzXZOL7vpnA0FDxCGl2pMjOtrPoh4XKm/P5VhbkZzl0ULlO1uXd0W3tFoHaRGekrU0JNSA3OKZapmuvH/BnQZBuKt2PPISltmXxzdUndfnkWr54f7lIs0+poUqBYUvsQAZJQSSNkcJdjRQjMJk2q5bGLDTHd2/1dPGGGy7CYax7BNJCc2VQfawgUCIKkThbHbaFIVxVWOrZ1HaJYV3GigHhfxQqqswVl4JieOeHKlxOgo5Q0vkIicX/PQgN6yJYbcd7m6F8UYwTkLMUpKqfZERb8YUDhnhyKhP7VQWySRr+ZKdw4fA66jow9kz6Bup third@lab";
    const BY_RSA: &str = "-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBAMhpMEymGfaTNwRYaofj08
ZIu/Ndk4vu+mcDQUPEIaXakyM62s+iHhcqb8/lWFuRnOXRQuU7W5d3Rbe0WgdpEZ6StTQk
1IDc4plqma68f8GdBkG4q3Y88hKW2ZfHN1Sd1+eRavnh/uUizT6mhSoFhS+xABklBJI2Rw
l2NFCMwmTarlsYsNMd3b/V08YYbLsJhrHsE0kJzZVB9rCBQIgqROFsdtoUhXFVY6tnUdol
hXcaKAeF/FCqqzBWXgmJ454cqXE6CjlDS+QiJxf89CA3rIlhtx3uboXxRjBOQsxSkqp9kR
FvxhQOGeHIqE/tVBbJJGv5kp3Dh8DrqOjD2TPoG6kAAAAEZmlsZQAAAAAAAAAGc2hhNTEy
AAABFAAAAAxyc2Etc2hhMi01MTIAAAEASb3WDdXNZcnczEetx5HwT5P7U6gE0jAnn/fG6W
S3OZIFt0L1S/gK7HePa/lbdBMBmEP+UZGzpc3R1TOhujteyKc3EgeGH7+WpDg/1LbpGasK
k30K3UasbX6o7iPSP0Ew9R9Q75brri7jaCquGj/fwb1Xw/3PfHDrjvkIlphmBgQ8QzavHT
gq/IefYH/nYiLQZKOtOLuY0/NJTk18jv5FL9xFwFBW1Q+mn4U18Wr1o22ad1siv3ivoFPi
ARNgBBaAXpc7Pmh/wyHH2/lC2clYQxWljxJ9HMDhVC4PextTDjuU1O6JL43hQTC0VWC5J9
bbWk680pRNZ0SFpm/r/EcJxg==
-----END SSH SIGNATURE-----
";
    const P384: &str = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBLorhIFTJ6AB6RrVcxOZrLvNrlpPWggg+4N+VMB1dQMOwbcr+yXHvanLiRLrFH/AbK8lKSg838chSheuPCzh4ef76La2TF3gIB9ECTl5rbxhLAfHGczF7Ae8xOsIY1nDKA== third@lab";
    const BY_P384: &str = "-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAAIgAAAATZWNkc2Etc2hhMi1uaXN0cDM4NAAAAAhuaXN0cDM4NAAAAG
EEuiuEgVMnoAHpGtVzE5msu82uWk9aCCD7g35UwHV1Aw7Btyv7Jce9qcuJEusUf8BsryUp
KDzfxyFKF648LOHh5/votrZMXeAgH0QJOXmtvGEsB8cZzMXsB7zE6whjWcMoAAAABGZpbG
UAAAAAAAAABnNoYTUxMgAAAIUAAAATZWNkc2Etc2hhMi1uaXN0cDM4NAAAAGoAAAAxAKYX
vcBwETDISaTRBPxzT+0XwbC/wgu2x1iATivYGWtMOpxtn6zz/7jo8iGFifW4jAAAADEA1T
+7wbJsk3QgiW+LWyPyiXlOWYQ7/6dLiETBw17YQIbJtpRlDIDM+mi+MyGdVLQd
-----END SSH SIGNATURE-----
";
    const MINISIGN: &str = "untrusted comment: minisign public key A4793ECF152807E8
RWToBygVzz55pDakjxJcI1k9ZdCYyn2ox2GuB/zC9VY4ysEB4O9+QrRk
";
    const BY_MINISIGN: &str = "untrusted comment: signature from minisign secret key
RUToBygVzz55pNKrkTzaxumUQtgEt8GbvB9+slOc0Iiinj7WTkyYwP8B9Y7CWx+WFYpfPhJT/Mza3Swyjnr37UFXV1mjmyGNjg4=
trusted comment: case 17, signed by the lab
Crtw7spkJjsurvblYRT5Oew2rhuYm4tXVq4U6ybBs7UQoODNw7GVt8glWaf43G3yo5C0ZbJ6ySkrB1lHEAhwBw==
";

    #[test]
    fn a_signature_of_minisign_is_of_one_manifest_by_one_key() {
        let found = signed(MANIFEST, BY_MINISIGN, MINISIGN);
        assert_eq!(found, Ok(Signed::Minisign("case 17, signed by the lab".to_owned())));
        assert!(matches!(signed(b"{}", BY_MINISIGN, MINISIGN), Err(Refused::Wrong(_))));
        let forged = BY_MINISIGN.replace("case 17", "case 18");
        assert!(matches!(signed(MANIFEST, &forged, MINISIGN), Err(Refused::Wrong(_))));
        let other = MINISIGN.replace("akjxJc", "akjxJd");
        assert!(matches!(signed(MANIFEST, BY_MINISIGN, &other), Err(Refused::Wrong(_) | Refused::Key(_))));
        assert!(matches!(signed(MANIFEST, "nothing", MINISIGN), Err(Refused::Form(_))));
        assert!(matches!(signed(MANIFEST, BY_MINISIGN, ED25519), Err(Refused::Key(_))));
    }

    #[test]
    fn a_signature_of_ssh_is_of_one_manifest_by_a_key_of_the_list() {
        let list = format!("# who may sign\n\n{P256}\nlab,expert@lab namespaces=\"git,file\" {ED25519}\n");
        for (signature, keys, expected) in [
            (BY_ED25519, ED25519, "expert@lab"),
            (BY_ED25519, &list, "lab,expert@lab"),
            (BY_P256, P256, "other@lab"),
            (BY_P256, &list, "other@lab"),
        ] {
            match signed(MANIFEST, signature, keys) {
                Ok(Signed::Ssh { fingerprint, signer }) => {
                    assert_eq!(signer, expected);
                    assert!(fingerprint.starts_with("SHA256:"), "{fingerprint}");
                }
                other => panic!("{other:?}"),
            }
            assert!(matches!(signed(b"{}", signature, keys), Err(Refused::Wrong(_))));
        }
        assert!(matches!(signed(MANIFEST, BY_ED25519, P256), Err(Refused::Wrong(_))));
        assert!(matches!(signed(MANIFEST, FOR_GIT, ED25519), Err(Refused::Wrong(_))));
        let cut = BY_ED25519.replace("9hM46TDy", "");
        assert!(matches!(signed(MANIFEST, &cut, ED25519), Err(Refused::Form(_))));
        assert!(matches!(signed(MANIFEST, BY_ED25519, MINISIGN), Err(Refused::Key(_))));
    }

    #[test]
    fn a_good_signature_of_a_kind_that_is_not_checked_is_never_called_wrong() {
        for (signature, key, name) in [(BY_RSA, RSA, "ssh-rsa"), (BY_P384, P384, "ecdsa-sha2-nistp384")] {
            for bytes in [MANIFEST, b"{}"] {
                match signed(bytes, signature, key) {
                    Err(Refused::Form(why)) => {
                        assert!(why.contains(name) && why.contains("ssh-keygen -Y verify"), "{why}")
                    }
                    other => panic!("{other:?}"),
                }
            }
            // Another key, of whatever kind, did not make it.
            assert!(matches!(signed(MANIFEST, signature, ED25519), Err(Refused::Wrong(_))));
        }
    }

    #[test]
    fn what_a_list_of_keys_says_of_them_is_heeded_or_refused() {
        let with = |options: &str| signed(MANIFEST, BY_ED25519, &format!("lab {options} {ED25519}"));
        assert!(with("namespaces=\"*\"").is_ok());
        assert!(matches!(with("namespaces=\"git\""), Err(Refused::Wrong(_))));
        assert!(matches!(with("valid-before=\"20200101\""), Err(Refused::Key(_))));
        assert!(matches!(with("cert-authority"), Err(Refused::Key(_))));
    }
}
