//! Redirects (RFC 9110 section 15.4): the name that a file has where a seed sends its clients.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::mapping::{plain, resource};
use super::{Basis, Candidate, WebRequest, identify};
use crate::limits::{REDIRECT_BYTES, REDIRECTS};
use crate::torrent::Torrents;

/// Where the resources went that may be a torrent's, over all connections of a run.
///
/// # Invariants
/// - At most 1,024 redirects of 16 KiB each; the oldest is forgotten first.
#[derive(Debug, Default)]
pub struct Redirects {
    /// By host and target, the request that would name the file.
    known: HashMap<(String, String), Redirect>,
    order: VecDeque<(String, String)>,
}

#[derive(Debug)]
struct Redirect {
    origin: Arc<WebRequest>,
    followed: bool,
}

impl Redirects {
    /// Takes the `Location` of the answer to `request`. `false` where it is too long to be remembered, or another
    /// redirect, that nobody had followed, had to be forgotten.
    pub fn note(&mut self, request: &Arc<WebRequest>, location: &str, torrents: &Torrents) -> bool {
        let (host, target) = resource(request);
        let Some(to) = resolve(&host, target, location) else { return true };
        let origin = self.known.get(&(host, target.to_owned())).map_or(request, |known| &known.origin).clone();
        if identify(Some(&origin), None, torrents).is_empty() {
            return true;
        }
        if to.0.len() + to.1.len() + origin.target.len() > REDIRECT_BYTES {
            return false;
        }
        if self.known.insert(to.clone(), Redirect { origin, followed: false }).is_none() {
            self.order.push_back(to);
        }
        let oldest = if self.order.len() > REDIRECTS { self.order.pop_front() } else { None };
        oldest.and_then(|oldest| self.known.remove(&oldest)).is_none_or(|oldest| oldest.followed)
    }

    /// As [`identify`], where `request` may have been sent on from another one. What it says itself comes first.
    pub fn identify(
        &mut self,
        request: Option<&WebRequest>,
        total: Option<u64>,
        torrents: &Torrents,
    ) -> Vec<Candidate> {
        let own = identify(request, total, torrents);
        let Some(request) = request.filter(|_| own.iter().all(|candidate| candidate.basis == Basis::Size)) else {
            return own;
        };
        let (host, target) = resource(request);
        let Some(known) = self.known.get_mut(&(host, target.to_owned())) else { return own };
        known.followed = true;
        let found = identify(Some(&known.origin), total, torrents);
        let found: Vec<_> = found.into_iter().map(|candidate| candidate.moved(request)).collect();
        if found.is_empty() { own } else { found }
    }
}

/// The host and target to which `location` leads from a resource; `None` where HTTP in clear does not follow it.
fn resolve(host: &str, target: &str, location: &str) -> Option<(String, String)> {
    let location = location.split('#').next().unwrap_or_default();
    let absolute = match location.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Some(rest),
        Some((scheme, _)) if !scheme.contains(['/', '?']) => return None,
        _ => location.strip_prefix("//"),
    };
    if let Some(absolute) = absolute {
        let path = absolute.find(['/', '?']).unwrap_or(absolute.len());
        let (authority, target) = absolute.split_at_checked(path)?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        return Some((plain(authority), format!("{slash}{target}")));
    }
    let path = target.split('?').next().unwrap_or_default();
    let folder = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or("/");
    let target = match location.chars().next()? {
        '/' => location.to_owned(),
        '?' => format!("{path}{location}"),
        _ => format!("{folder}{location}"),
    };
    Some((host.to_owned(), target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, FrameId, Span, Timestamp};

    #[test]
    fn a_location_is_resolved_against_what_was_asked_for() {
        let to = |location| resolve("h", "/a/b?c=d", location);
        let at = |host: &str, target: &str| Some((host.to_owned(), target.to_owned()));
        assert_eq!(to("http://CDN.example:80/x?y=z#f"), at("cdn.example", "/x?y=z"));
        assert_eq!(to("//cdn.example"), at("cdn.example", "/"));
        assert_eq!(to("http://cdn.example?y"), at("cdn.example", "/?y"));
        assert_eq!(to("/x?u=http://w/"), at("h", "/x?u=http://w/"));
        assert_eq!(to("x"), at("h", "/a/x"));
        assert_eq!(to("?x"), at("h", "/a/b?x"));
        for none in ["https://h/x", "", "#x"] {
            assert_eq!(to(none), None, "{none}");
        }
    }

    fn request(target: &str) -> Arc<WebRequest> {
        let span = Span::single(At { time: Timestamp(1), frame: FrameId::new(0, 1) });
        let (method, target) = ("GET".to_owned(), target.to_owned());
        Arc::new(WebRequest { method, target, host: Some("h".to_owned()), ranges: Vec::new(), span })
    }

    #[test]
    fn chains_are_followed_and_what_nobody_followed_is_not_forgotten_in_silence() {
        let info = format!("d6:lengthi50000e4:name8:file.bin12:piece lengthi32768e6:pieces40:{}e", "x".repeat(40));
        let torrents = vec![("t".to_owned(), format!("d4:info{info}e").into_bytes())];
        let torrents = Torrents::from_bytes(torrents).expect("valid");
        let mut redirects = Redirects::default();
        let basis = |redirects: &mut Redirects, target: &str, total| {
            let found = redirects.identify(Some(&request(target)), total, &torrents);
            found.first().map(|candidate| (candidate.basis, candidate.named))
        };
        assert!(redirects.note(&request("/file.bin"), "/one", &torrents));
        assert!(redirects.note(&request("/one"), "/two", &torrents));
        assert!(redirects.note(&request("/other"), "/three", &torrents));
        assert_eq!(basis(&mut redirects, "/two", None), Some((Basis::Name, false)));
        assert_eq!(basis(&mut redirects, "/two", Some(50_000)), Some((Basis::NameAndSize, false)));
        assert_eq!(basis(&mut redirects, "/two", Some(49_999)), None);
        assert_eq!(basis(&mut redirects, "/three", None), None);
        // `/two` was followed, `/one` was not.
        let notes: Vec<_> =
            (0..=REDIRECTS).map(|n| redirects.note(&request("/file.bin"), &format!("/{n}"), &torrents)).collect();
        let forgotten: Vec<_> = notes.iter().enumerate().filter(|(_, kept)| !**kept).map(|(n, _)| n).collect();
        assert_eq!(forgotten, [REDIRECTS - 2, REDIRECTS]);
        assert_eq!((redirects.known.len(), redirects.order.len()), (REDIRECTS, REDIRECTS));
    }
}
