//! Packets that are sent again shorter, with the rest under the next number: no byte may come out at a wrong place.

use super::*;

/// Bytes that repeat nothing.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 11) as u8
    };
    (0..len).map(step).collect()
}

impl Run {
    /// A packet of `content[from..to]`, all of it captured.
    fn part(&mut self, seq: u16, content: &[u8], from: usize, to: usize) -> &mut Self {
        self.data(seq, &content[from..to]);
        self
    }

    /// Pushes the bytes `from..to` of `content`, of which `captured` are in the capture.
    fn part_cut(&mut self, seq: u16, content: &[u8], from: usize, to: usize, captured: usize) -> &mut Self {
        let kept = captured.min(to - from);
        let datagram = self.datagram(A, PacketKind::Data, seq, 69, None, &content[from..from + kept]);
        self.raw(A, datagram, 20 + to - from);
        self
    }
}

/// Pushes packets of the content.
type Script = fn(&mut Run, &[u8]);

/// Returns true if there is a gap of unknown length.
fn loses_place(items: &[StreamItem<'_>]) -> bool {
    gaps(items).iter().any(|(_, missing, _)| !matches!(missing, Missing::Bytes(_)))
}

#[test]
fn what_was_sent_before_under_the_number_before_comes_out_once() {
    let all = noise(300);
    let scripts: [(&str, Script); 7] = [
        ("at once", |run, all| _ = run.part(10, all, 0, 140).part(10, all, 0, 70).part(11, all, 70, 210)),
        ("the next one twice", |run, all| {
            run.part(10, all, 0, 140).part(10, all, 0, 70).part(11, all, 70, 210).part(11, all, 70, 210);
        }),
        ("the next one within it, twice", |run, all| {
            run.part(10, all, 0, 140).part(10, all, 0, 25).part(11, all, 25, 85).part(11, all, 25, 85);
            run.part(12, all, 85, 210);
        }),
        ("the next one too", |run, all| {
            run.part(10, all, 0, 140).part(10, all, 0, 25).part(11, all, 25, 85).part(11, all, 25, 57);
            run.part(12, all, 57, 210);
        }),
        ("the shorter copy is cut", |run, all| {
            run.part(10, all, 0, 140).part_cut(10, all, 0, 70, 20).part(11, all, 70, 210);
        }),
        ("before its turn", |run, all| {
            run.part(11, all, 10, 140).part(11, all, 10, 70).part(12, all, 70, 210).part(10, all, 0, 10);
        }),
        ("the shorter copy first", |run, all| {
            run.part(10, all, 0, 70).part(10, all, 0, 140).part(11, all, 70, 210);
        }),
    ];
    for (name, script) in scripts {
        let mut run = Run::opened();
        script(&mut run, &all);
        run.part(13, &all, 210, 300).part(12, &all, 210, 210);
        let items = run.close();
        let got = bytes(items.clone());
        assert!(got == all || got == all[..210], "{name}");
    }
}

#[test]
fn where_its_place_is_not_certain_it_is_lost() {
    let all = noise(300);
    let scripts: [(&str, Script); 5] = [
        ("all cut", |run, all| {
            run.part_cut(10, all, 0, 140, 20).part_cut(10, all, 0, 70, 20).part_cut(11, all, 70, 210, 20);
        }),
        ("no shorter copy", |run, all| _ = run.part(10, all, 0, 140).part(11, all, 70, 210)),
        ("a shorter copy afterwards", |run, all| {
            run.part(10, all, 0, 140).part(11, all, 140, 210).part(10, all, 0, 70);
        }),
        ("a few bytes", |run, all| _ = run.part(10, all, 0, 140).part(10, all, 0, 130).part(11, all, 130, 210)),
        ("no shorter copy, and the next one within it", |run, all| {
            run.part(10, all, 0, 140).part(11, all, 70, 136).part(12, all, 136, 210);
        }),
    ];
    for (name, script) in scripts {
        let mut run = Run::opened();
        script(&mut run, &all);
        assert!(loses_place(&run.close()), "{name}");
    }
    let mut run = Run::opened();
    let zeros = [0; 300];
    run.part(10, &zeros, 0, 140).part(10, &zeros, 0, 70).part(11, &zeros, 70, 210);
    assert!(loses_place(&run.close()), "zeros may be others");
}

#[test]
fn content_that_repeats_itself_is_no_sign_of_it() {
    let line = noise(60);
    let contents = [
        vec![0; 600],
        [1, 2, 3].repeat(200),
        (0..=255).chain(0..=255).chain(0..=255).collect(),
        line.repeat(10),
        noise(180).repeat(4),
    ];
    for content in &contents {
        for len in [50, 64, 100, 140, 200] {
            let mut run = Run::opened();
            for (seq, part) in (10..).zip(content.chunks(len)) {
                run.data(seq, part);
                run.data(seq, part);
            }
            let items = run.close();
            assert_eq!((bytes(items.clone()), gaps(&items)), (content.clone(), vec![]), "{len}");
        }
    }
}

/// One packet: its length, and that of the copy that arrives if it is an MTU probe.
#[derive(Clone, Debug)]
struct SentPacket {
    len: usize,
    again: Option<usize>,
    /// Of its first copy, of the shorter one, and of another one of the last: whether the capture has them, and how
    /// many bytes.
    captured: [Option<usize>; 3],
    swapped: bool,
}

fn sent_packet() -> impl Strategy<Value = SentPacket> {
    let captured =
        || prop_oneof![1 => Just(None), 1 => (0..200_usize).prop_map(Some), 12 => Just(Some(usize::MAX))];
    let copies = [captured().boxed(), captured().boxed(), captured().boxed()];
    (120..200_usize, prop::option::weighted(0.3, 64..104_usize), copies, prop::bool::weighted(0.1))
        .prop_map(|(len, again, captured, swapped)| SentPacket { len, again, captured, swapped })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_byte_comes_out_at_a_wrong_place(packets in prop::collection::vec(sent_packet(), 1..20)) {
        let all = noise(20 * 200);
        let mut sends: Vec<(u16, usize, usize, Option<usize>)> = Vec::new();
        let mut from = 0;
        for (seq, packet) in (10..).zip(&packets) {
            // Of a packet that is cut itself, nothing tells whether the next one begins within it.
            let first = packet.captured[0].map(|_| usize::MAX);
            let len = packet.again.unwrap_or(packet.len);
            sends.push((seq, from, from + packet.len, first));
            if packet.again.is_some() {
                sends.push((seq, from, from + len, packet.captured[1]));
            }
            sends.push((seq, from, from + len, packet.captured[2].filter(|_| packet.swapped)));
            if packet.swapped {
                let last = sends.len() - 1;
                sends.swap(last, last.saturating_sub(1));
            }
            from += len;
        }
        let mut run = Run::opened();
        for (seq, from, to, captured) in sends {
            if let Some(captured) = captured {
                run.part_cut(seq, &all, from, to, captured.max(64));
            }
        }
        let items = run.close();
        // Each stretch without a gap of unknown length stands somewhere in the content, known gaps as long as they are.
        let mut stretch: Vec<Option<u8>> = Vec::new();
        let stands = |stretch: &[Option<u8>]| {
            stretch.is_empty()
                || all.windows(stretch.len()).any(|window| {
                    window.iter().zip(stretch).all(|(byte, kept)| kept.is_none_or(|kept| kept == *byte))
                })
        };
        for item in items {
            match item {
                StreamItem::Data { bytes, .. } => stretch.extend(bytes.iter().copied().map(Some)),
                StreamItem::Gap { missing: Missing::Bytes(len), .. } => {
                    stretch.extend(std::iter::repeat_n(None, len as usize));
                }
                StreamItem::Gap { missing: Missing::Packets(_) | Missing::Unknown, .. } => {
                    prop_assert!(stands(&stretch));
                    stretch.clear();
                }
                _ => {}
            }
        }
        prop_assert!(stands(&stretch));
    }
}
