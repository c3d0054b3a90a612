//! Traffic that could not be read, and its meaning for the figures: the box that is never absent.

use std::collections::BTreeSet;

use super::figures::{Numbering, plural};
use super::html::{self, Html, LONG, SHORT};
use crate::evidence::Flag;
use crate::report::model::{Document, Input};
use crate::report::read_whole;
use crate::report::text::{counted, duration, gaps, grouped};

/// Sentences about traffic that could not be read.
pub(super) struct Unread {
    /// One sentence each.
    sentences: Vec<Html>,
    /// Set if peers may be hidden in that traffic, so that a zero is no zero.
    pub(super) hides_peers: bool,
    /// Sentences about the captures as a whole, whatever they hold.
    always: Vec<Html>,
    /// How far connections were read of which no byte is known to be missing.
    read: String,
}

impl Unread {
    pub(super) fn of(document: &Document) -> Self {
        let has = |flag: Flag| document.transfers.iter().any(|transfer| transfer.flags.contains(&flag));
        let read = read_whole(&has);
        let mut unread = Self { sentences: Vec::new(), hides_peers: false, always: Vec::new(), read };
        unread.encrypted(document);
        unread.inputs(document);
        unread.oddities(document);
        unread.lost(document);
        // Said in the page's own words: which torrents nobody names, and that all is encrypted.
        let own = ["No peer of the torrent ", "The captures hold "];
        for note in document.notes.iter().filter(|note| !own.iter().any(|own| note.starts_with(own))) {
            unread.sentences.push(html::name(note, LONG * 8));
        }
        unread.absent(document);
        unread.always(document);
        unread
    }

    /// The box.
    pub(super) fn html(&self) -> Html {
        let mut out = String::from("<div class=\"limit\"><h3>What could not be read, and what that means</h3>");
        if self.sentences.is_empty() {
            out.push_str(&format!("<p>{} ", Html::text(&self.read)));
            self.always.iter().for_each(|html| out.push_str(&format!("{html} ")));
            out.push_str("</p>");
        } else {
            out.push_str("<ul class=\"pl\">");
            self.sentences.iter().chain(&self.always).for_each(|html| out.push_str(&format!("<li>{html}</li>")));
            out.push_str("</ul>");
        }
        out.push_str("</div>");
        Html::ours(out)
    }

    fn hides(&mut self, html: Html) {
        self.hides_peers = true;
        self.sentences.push(html);
    }

    fn encrypted(&mut self, document: &Document) {
        let sum = |kind: &dyn Fn(&str) -> bool| {
            let of = document.opaque.iter().filter(|opaque| kind(opaque.kind.name()));
            of.fold((0_u64, 0_u64), |(count, bytes), opaque| {
                (count + 1, bytes.saturating_add(opaque.bytes_a_to_b).saturating_add(opaque.bytes_b_to_a))
            })
        };
        let (relayed, relayed_bytes) = sum(&|kind| kind == "relay");
        let (random, random_bytes) = sum(&|kind| kind == "unrecognised");
        let (webrtc, webrtc_bytes) = sum(&|kind| kind == "webrtc");
        let (hidden, hidden_bytes) = sum(&|kind| kind == "mse-rc4");
        if webrtc > 0 {
            self.hides(Html::text(&format!(
                "{} of WebRTC ({}), encrypted: WebTorrent goes through such, and so do calls and whatever else browsers do. \
                 Nothing is said of {} content.",
                counted(webrtc, "conversation"),
                counted(webrtc_bytes, "byte"),
                plural(webrtc, "its", "their")
            )));
        }
        if random > 0 {
            self.hides(Html::text(&format!(
                "{} whose bytes look random, on ports of other services, {} not recognised ({}) and may be anything.",
                counted(random, "conversation"),
                plural(random, "was", "were"),
                counted(random_bytes, "byte")
            )));
        }
        if hidden > 0 {
            self.hides(Html::text(&format!(
                "{} taken for encrypted BitTorrent could not be read ({}). {} could be of this torrent, or of another. \
                 Nothing is said of {} content.",
                counted(hidden, "conversation"),
                counted(hidden_bytes, "byte"),
                plural(hidden, "It", "Any of them"),
                plural(hidden, "its", "their")
            )));
        }
        let (tls, tls_bytes) = sum(&|kind| kind == "tls");
        if tls > 0 {
            self.hides(Html::text(&format!(
                "{} ({}) whose TLS names the info-hash of a torrent, as peers of an SSL torrent do. Nothing is said of {} \
                 content.",
                counted(tls, "conversation"),
                counted(tls_bytes, "byte"),
                plural(tls, "its", "their")
            )));
        }
        if relayed > 0 {
            self.hides(Html::text(&format!(
                "{} {} through a proxy ({}): credited to nobody, for the proxy’s address is not that of the peers.",
                counted(relayed, "conversation"),
                plural(relayed, "goes", "go"),
                counted(relayed_bytes, "byte")
            )));
        }
    }

    fn inputs(&mut self, document: &Document) {
        for input in &document.inputs {
            let Input::Capture { name, damage, interfaces, .. } = input else { continue };
            if let Some(damage) = damage {
                let mut html = html::quoted(name, SHORT);
                html.push(" is damaged: ").add(&html::name(damage, LONG));
                html.push(". More may have been sent than the figures say.");
                self.hides(html);
            }
            let unread: u64 = interfaces.iter().map(|interface| interface.unread_frames).sum();
            if unread > 0 {
                let mut html = Html::text(&format!("{} of ", counted(unread, "frame")));
                html.add(&html::quoted(name, SHORT));
                html.push(" have a link type that this tool does not read.");
                self.hides(html);
            }
        }
    }

    fn oddities(&mut self, document: &Document) {
        let numbering = Numbering::of(document);
        for anomaly in &document.anomalies {
            let first = anomaly.examples.first();
            let at = first
                .and_then(|example| example.frames)
                .map_or_else(String::new, |frames| format!(" The first is in {}.", numbering.frames(frames)));
            match anomaly.kind.name() {
                "truncated-snaplen" => {
                    let mut html = Html::text(&format!(
                        "The captures kept only the beginning of {}.{at}",
                        counted(anomaly.count, "frame")
                    ));
                    if let Some(example) = first {
                        html.push(" ").add(&html::name(&example.detail, LONG)).push(".");
                    }
                    self.hides(html);
                }
                "limit-reached" => {
                    for example in &anomaly.examples {
                        let mut html = Html::text("A bound was reached: ");
                        html.add(&html::name(&example.detail, LONG * 2)).push(".");
                        self.hides(html);
                    }
                    let more = anomaly.count.saturating_sub(anomaly.examples.len() as u64);
                    if more > 0 {
                        self.hides(Html::text(&format!("Bounds were reached {} more.", counted(more, "time"))));
                    }
                }
                "proxied" => self.hides(Html::text(&format!(
                    "{} the peer wire behind a proxy or behind something else, which is not read.{at}",
                    match anomaly.count {
                        1 => "1 connection carries".to_owned(),
                        count => format!("{} connections carry", grouped(count)),
                    }
                ))),
                "incomplete-fragments" => self.sentences.push(Html::text(&format!(
                    "{} of which not all IP fragments were captured {} not read.{at}",
                    counted(anomaly.count, "datagram"),
                    plural(anomaly.count, "was", "were")
                ))),
                _ => {}
            }
        }
    }

    fn lost(&mut self, document: &Document) {
        let lost: u64 = document.transfers.iter().map(|transfer| transfer.bytes.lost_bytes).sum();
        let quality = &document.quality;
        if lost > 0 {
            self.sentences.push(Html::text(&format!(
                "{} that peers sent as pieces {} missing from the captures. Every figure of served bytes is a lower bound.",
                counted(lost, "byte"),
                plural(lost, "is", "are")
            )));
        }
        if quality.gaps > 0 {
            self.sentences.push(Html::text(&gaps(quality.gaps, quality.gap_bytes, quality.gap_packets)));
        }
        self.hides_peers |= document.unlisted.is_some();
        // Beside peers that were read, a connection that nothing is known of is no word against them.
        self.hides_peers |= document.subjects.is_empty() && document.hidden > 0;
    }

    /// The torrents that no connection names. That is no word on who shared them.
    fn absent(&mut self, document: &Document) {
        let unlisted = document.unlisted.iter().flat_map(|unlisted| &unlisted.torrents);
        let spoken: BTreeSet<&str> = document
            .transfers
            .iter()
            .filter_map(|transfer| transfer.info_hash.as_deref())
            .chain(unlisted.filter_map(|torrent| torrent.info_hash.as_deref()))
            .collect();
        let named = document.torrents.iter().filter(|torrent| torrent.source.is_some());
        for torrent in named.filter(|torrent| !spoken.contains(torrent.info_hash.as_str())) {
            if document.shown.is_some() {
                break;
            }
            // Said with what could be of it.
            let is_said = |note: &String| note.starts_with(ABSENT) && note.contains(&torrent.info_hash);
            if document.notes.iter().any(is_said) {
                continue;
            }
            let claimed = document.opaque.iter().filter_map(|opaque| opaque.info_hash.as_deref());
            let own = [Some(&torrent.info_hash), torrent.info_hash_v1.as_ref(), torrent.info_hash_v2.as_ref()];
            let is_own = |claimed: &str| own.iter().flatten().any(|hash| hash.starts_with(claimed));
            if claimed.into_iter().any(is_own) {
                // A note says who claims it.
                continue;
            }
            let mut html = Html::text("No connection in these captures shows the info-hash of ");
            match &torrent.name {
                Some(name) => html.add(&html::quoted(name, SHORT)),
                None => html.push(&torrent.info_hash),
            };
            html.push(if self.hides_peers {
                ". That is not a finding that nobody shared it."
            } else {
                ". Other connections, times and places were not captured."
            });
            self.sentences.push(html);
        }
    }

    fn always(&mut self, document: &Document) {
        let mut captures = document.inputs.iter().filter_map(|input| match input {
            Input::Capture { dropped_by_capture, .. } => Some(*dropped_by_capture),
            Input::Torrent { .. } => None,
        });
        let known: Option<u64> = captures.try_fold(0_u64, |sum, dropped| Some(sum.saturating_add(dropped?)));
        self.always.push(match known {
            None => Html::text(
                "Whether the capturing program dropped packets is not recorded in the file, so every figure is a lower bound.",
            ),
            Some(0) => Html::text("The capturing program says that it dropped no packet."),
            Some(dropped) => Html::text(&format!(
                "The capturing program dropped {}, by its own count: every figure is a lower bound.",
                counted(dropped, "packet")
            )),
        });
        let many = document.inputs.iter().filter(|input| matches!(input, Input::Capture { .. })).count() > 1;
        let places = if many { "at the places of their taps" } else { "at one place" };
        match document.quality.duration_ns {
            Some(_) => self.always.push(Html::text(&format!(
                "The captures show {}{} {places}: what happened at other times, or on other paths, is not in them.",
                duration(document.running.length()),
                match document.running.stretches().len() as u64 {
                    0 | 1 => String::new(),
                    many => format!(" in {} stretches", grouped(many)),
                }
            ))),
            None => self
                .always
                .push(Html::text("What happened at other times, or on other paths, is not in the captures.")),
        }
    }
}

/// How the note on a torrent begins that no connection names, with what could be of it.
const ABSENT: &str = "No connection in the captures shows the info-hash";
