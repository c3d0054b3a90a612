//! A look at the first frames before the walk.

use super::{Spilled, Spine};
use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Spill};
use crate::packet::Decoder;

impl Spine<'_, '_> {
    /// Learns from the first frames of each of `captures` where checksums are right: one in which they are all wrong begins
    /// with wrong ones, as does one whose first frame is damaged.
    ///
    /// # Errors
    /// Those of reading the captures.
    pub(crate) fn learn_sums(&mut self, captures: &CaptureSet) -> Result<(), Error> {
        let options = self.hub.options;
        let (spill, mut untold) = (Spill::new(options.spool_dir), Anomalies::default());
        let (mut frames, store) = (captures.frames(), Spilled(&spill));
        let decoder = Decoder::new(options.checksums, &options.limits).with_tunnels(options.tunnels);
        let mut decoder = decoder.reading_damage();
        let each = (SAMPLE / captures.len()).max(FEWEST);
        for file in (0..=u16::MAX).take(captures.len()) {
            for _ in 0..each {
                let Some(frame) = frames.next_of(file, &mut untold)? else { break };
                decoder.decode(&frame, &store, &mut untold)?;
                while decoder.has_more() {
                    decoder.decode_more(&frame, &store, &mut untold)?;
                }
            }
        }
        self.hub.decoder.learn_from(decoder);
        Ok(())
    }
}

// Rationale: some dozen conversations; a thousandth of a second.
const SAMPLE: usize = 2_048;
// Rationale: the opening of a conversation or two, of each of very many captures.
const FEWEST: usize = 128;
