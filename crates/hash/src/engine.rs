//! Which ways of hashing there are, and the choice between them.

use std::fmt;
use std::sync::OnceLock;

use thiserror::Error;

use crate::cursor::Cursor;
use crate::scalar::Scalar;
use crate::turns::Turns;
use crate::vector::Vectors;
use crate::{BLOCK, Block, Message, SHA1, SHA1_INITIAL, SHA256, SHA256_INITIAL};

/// A way to hash many messages at once. The messages may have any lengths; it is fastest where they are equal.
pub trait Engine: fmt::Debug + Send + Sync {
    /// The engine's name in the environment.
    fn name(&self) -> &'static str;

    /// How many messages it takes to be fastest.
    fn lanes(&self) -> usize;

    /// SHA-1 of each message.
    fn sha1(&self, messages: &[Message<'_>]) -> Vec<[u8; 20]>;

    /// SHA-256 of each message.
    fn sha256(&self, messages: &[Message<'_>]) -> Vec<[u8; 32]>;
}

/// The environment variable that names an engine.
pub const VARIABLE: &str = "PEERPROOF_HASH";

/// An engine was named that there is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{VARIABLE} names the hash engine \"{named}\"; this processor has {}", .there.join(", "))]
pub struct Unavailable {
    /// The name.
    pub named: String,
    /// The names of those that there are.
    pub there: Vec<&'static str>,
}

/// The engine that the environment names ([`VARIABLE`]), or the fastest one that this processor has.
///
/// # Errors
/// [`Unavailable`] where it names another one.
pub fn chosen() -> Result<&'static dyn Engine, Unavailable> {
    static CHOSEN: OnceLock<Result<&'static dyn Engine, Unavailable>> = OnceLock::new();
    let choose = || {
        let named = std::env::var_os(VARIABLE).unwrap_or_default();
        let engine = engines().find(|engine| named.is_empty() || named == engine.name());
        engine.ok_or_else(|| Unavailable {
            named: named.to_string_lossy().into_owned(),
            there: engines().map(Engine::name).collect(),
        })
    };
    CHOSEN.get_or_init(choose).clone()
}

/// The engines that this processor has, the fastest first. Each of them gave known answers on this machine.
pub fn engines() -> impl Iterator<Item = &'static dyn Engine> {
    static ENGINES: OnceLock<Vec<Box<dyn Engine>>> = OnceLock::new();
    let find = || {
        let mut engines = special();
        engines.push(Box::new(Pair { name: "portable", wide: Vectors(Scalar), narrow: Vectors(Scalar), least: 1 }));
        engines.retain(|engine| is_right(engine.as_ref()));
        engines
    };
    ENGINES.get_or_init(find).iter().map(Box::as_ref)
}

/// Engines that not every processor has.
#[cfg(target_arch = "x86_64")]
fn special() -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    let turns = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
    if let Some(token) = crate::avx512::Avx512::detect() {
        let wide = Vectors(token);
        // Rationale: fewer messages are done sooner by the other engine; where measured, with SHA-1 and SHA-256.
        if turns {
            engines.push(Box::new(Pair { name: "avx512", wide, narrow: Turns, least: 12 }));
        } else {
            engines.push(Box::new(Pair { name: "avx512", wide, narrow: Vectors(Scalar), least: 4 }));
        }
    }
    if turns {
        engines.push(Box::new(Pair { name: "shani", wide: Turns, narrow: Turns, least: 1 }));
    }
    if let Some(token) = crate::avx2::Avx2::detect() {
        engines.push(Box::new(Pair { name: "avx2", wide: Vectors(token), narrow: Vectors(Scalar), least: 3 }));
    }
    engines
}

/// Engines that not every processor has.
#[cfg(target_arch = "aarch64")]
fn special() -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    if std::arch::is_aarch64_feature_detected!("sha2") {
        engines.push(Box::new(Pair { name: "armv8", wide: Turns, narrow: Turns, least: 1 }));
    }
    if let Some(token) = crate::neon::Neon::detect() {
        engines.push(Box::new(Pair { name: "neon", wide: Vectors(token), narrow: Vectors(Scalar), least: 2 }));
    }
    engines
}

/// Engines that not every processor has.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn special() -> Vec<Box<dyn Engine>> {
    let _ = Turns;
    Vec::new()
}

/// Tests that the engine gives the digests of FIPS 180-4's examples in every lane: a processor or a compiler that
/// does not must not prove anything.
fn is_right(engine: &dyn Engine) -> bool {
    let long: Vec<u8> = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".to_vec();
    let examples: [[&[u8]; 1]; 2] = [[b"abc"], [&long]];
    let sha1 = [
        *b"\xa9\x99\x3e\x36\x47\x06\x81\x6a\xba\x3e\x25\x71\x78\x50\xc2\x6c\x9c\xd0\xd8\x9d",
        *b"\x84\x98\x3e\x44\x1c\x3b\xd2\x6e\xba\xae\x4a\xa1\xf9\x51\x29\xe5\xe5\x46\x70\xf1",
    ];
    let sha256 = [
        *b"\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad",
        *b"\x24\x8d\x6a\x61\xd2\x06\x38\xb8\xe5\xc0\x26\x93\x0c\x3e\x60\x39\xa3\x3c\xe4\x59\x64\xff\x21\x67\xf6\xec\xed\xd4\x19\xdb\x06\xc1",
    ];
    let which = || (0..2 * engine.lanes() + 1).map(|n| usize::from(n % 3 == 1));
    let messages: Vec<Message<'_>> = which().map(|n| Message::new(&examples[n])).collect();
    engine.sha1(&messages).into_iter().eq(which().map(|n| sha1[n]))
        && engine.sha256(&messages).into_iter().eq(which().map(|n| sha256[n]))
}

/// Takes whole blocks of several messages at once. `W` is the number of words of the hash's state, and names it.
pub(crate) trait Kernel<const W: usize>: Copy + fmt::Debug + Send + Sync {
    /// How many messages; at most [`MOST_LANES`].
    const LANES: usize;
    /// The states of all of them.
    type States: Default;

    /// Sets the state of one.
    fn put(states: &mut Self::States, lane: usize, state: &[u32; W]);

    /// The state of one.
    fn get(states: &Self::States, lane: usize) -> [u32; W];

    /// Takes the blocks of each: `LANES` slices of one length.
    fn compress(self, states: &mut Self::States, blocks: &[&[Block]]);
}

/// The most lanes that a kernel has.
pub(crate) const MOST_LANES: usize = 16;

/// An engine: `wide` for as long as it has messages for `least` of its lanes, then `narrow`.
#[derive(Debug)]
struct Pair<A, B> {
    name: &'static str,
    wide: A,
    narrow: B,
    least: usize,
}

impl<A, B> Engine for Pair<A, B>
where
    A: Kernel<SHA1> + Kernel<SHA256>,
    B: Kernel<SHA1> + Kernel<SHA256>,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn lanes(&self) -> usize {
        <A as Kernel<SHA1>>::LANES
    }

    fn sha1(&self, messages: &[Message<'_>]) -> Vec<[u8; 20]> {
        self.hash(messages, SHA1_INITIAL)
    }

    fn sha256(&self, messages: &[Message<'_>]) -> Vec<[u8; 32]> {
        self.hash(messages, SHA256_INITIAL)
    }
}

impl<A, B> Pair<A, B> {
    fn hash<const W: usize, const D: usize>(&self, messages: &[Message<'_>], initial: [u32; W]) -> Vec<[u8; D]>
    where
        A: Kernel<W>,
        B: Kernel<W>,
    {
        let mut digests = vec![[0; D]; messages.len()];
        let mut tasks: Vec<Task<'_, W>> = messages
            .iter()
            .enumerate()
            .map(|(message, bytes)| Task { message, state: initial, cursor: Cursor::new(bytes) })
            .collect();
        // Taken from the end: the longest first, those of one length together.
        tasks.sort_by_key(|task| task.cursor.blocks());
        run(self.wide, &mut tasks, self.least, &mut digests);
        run(self.narrow, &mut tasks, 1, &mut digests);
        digests
    }
}

/// A message that is being hashed.
#[derive(Debug)]
struct Task<'a, const W: usize> {
    /// The place of the message, and of its digest.
    message: usize,
    state: [u32; W],
    cursor: Cursor<'a>,
}

/// Hashes tasks from the end of the list for as long as there are `least`; the rest stays there, begun or not.
fn run<K: Kernel<W>, const W: usize, const D: usize>(
    kernel: K,
    tasks: &mut Vec<Task<'_, W>>,
    least: usize,
    digests: &mut [[u8; D]],
) {
    if tasks.len() < least {
        return;
    }
    let mut states = K::States::default();
    let mut lanes: [Option<Task<'_, W>>; MOST_LANES] = [const { None }; MOST_LANES];
    let (lanes, _) = lanes.split_at_mut(K::LANES);
    let mut stages = [[[0; BLOCK]; TURN]; MOST_LANES];
    loop {
        for (number, lane) in lanes.iter_mut().enumerate().filter(|(_, lane)| lane.is_none()) {
            *lane = tasks.pop();
            if let Some(task) = lane {
                K::put(&mut states, number, &task.state);
            }
        }
        let active = lanes.iter().flatten().count();
        if active < least.max(1) {
            for (number, lane) in lanes.iter_mut().enumerate() {
                tasks.extend(lane.take().map(|task| Task { state: K::get(&states, number), ..task }));
            }
            return;
        }
        // All are fed until the first of them ends.
        let mut left = lanes.iter().flatten().map(|task| task.cursor.blocks()).min().unwrap_or(0);
        while left > 0 {
            let now = left.min(TURN as u64) as usize;
            let mut blocks: [&[Block]; MOST_LANES] = [IDLE.get(..now).unwrap_or_default(); MOST_LANES];
            for ((lane, stage), blocks) in lanes.iter_mut().zip(&mut stages).zip(&mut blocks) {
                if let (Some(task), Some(stage)) = (lane, stage.get_mut(..now)) {
                    *blocks = task.cursor.take(stage);
                }
            }
            kernel.compress(&mut states, blocks.get(..K::LANES).unwrap_or_default());
            left -= now as u64;
        }
        for (number, lane) in lanes.iter_mut().enumerate() {
            if let Some(task) = lane.take_if(|task| task.cursor.blocks() == 0)
                && let Some(digest) = digests.get_mut(task.message)
            {
                for (to, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(K::get(&states, number)) {
                    *to = word.to_be_bytes();
                }
            }
        }
    }
}

// Rationale: blocks of each message at a time. More would have to be gathered more often where a slice is a segment, fewer
// spend more on the turns.
const TURN: usize = 4;

/// For lanes that have no message.
static IDLE: [Block; TURN] = [[0; BLOCK]; TURN];
