//! Statements about addresses, from given lists and from names in the captures.

use super::names::View;
use super::page::Page;
use super::screen::Detail;
use super::words::table_of;
use crate::ends::Endpoint;
use crate::report::hosts::{operators, sentences};
use crate::report::text::{counted, cut, grouped, visible};

/// Writes the section: the peers that are shown, those that sent most first, then the sums over operators.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    let document = view.document;
    page.heading(match (document.lists.is_empty(), document.hosts.is_empty()) {
        (true, true) => return,
        (true, false) => "ADDRESSES  (as names in the captures say; it changes no figure or grade)",
        (false, _) => "ADDRESSES  (as lists that were given say; it changes no figure and no grade)",
    });
    let most = if view.screen.detail == Detail::All { usize::MAX } else { FEW };
    let mut seen = std::collections::BTreeSet::new();
    let mut named = view.peers.iter().filter_map(|subject| {
        let Endpoint { ip, .. } = subject.endpoint;
        let host = document.host(ip)?;
        seen.insert(host.address).then_some(host)
    });
    let mut any = false;
    for host in named.by_ref().take(most) {
        any = true;
        page.row(&format!("{}  {}", host.address, sentences(host, &document.lists).join(" ")), 2, 4);
    }
    match named.count() as u64 {
        0 if any => {}
        0 if document.lists.is_empty() => page.line("No peer has a name in the captures."),
        0 => page.line("No list that was given names any of these peers."),
        more => page.line(&format!("{} more: {}", grouped(more), table_of("hosts"))),
    }
    for list in document.lists.iter().filter(|list| list.unread_lines > 0) {
        let lines = counted(list.unread_lines, "line");
        page.line(&format!("Passed over, without an address: {lines} of {}.", visible(&cut(&list.name))));
    }
    if document.shown.as_ref().is_some_and(|shown| shown.peer.is_some()) {
        return;
    }
    for sum in operators(document).iter().filter(|sum| sum.served_bytes > 0).take(most) {
        let number = sum.asn.map(|asn| format!("AS{asn}"));
        let operator = (!sum.operator.is_empty()).then(|| visible(&cut(&sum.operator)));
        let name = number.into_iter().chain(operator).collect::<Vec<_>>().join(" ");
        let name = if name.is_empty() { "No operator named" } else { &name };
        page.row(
            &format!(
                "{name}: {} sent {}, {} of them verified; {} met the standard.",
                counted(sum.uploaders, "peer"),
                counted(sum.served_bytes, "byte"),
                grouped(sum.verified_bytes),
                grouped(sum.standard_met)
            ),
            2,
            4,
        );
    }
}

// Rationale: a screen has more to show; the tables hosts and operators have them all.
const FEW: usize = 8;
