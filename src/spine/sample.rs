//! A look at the first frames before the walk.

use super::{Spilled, Spine};
use crate::Error;
use crate::anomaly::Anomalies;
use crate::capture::{CaptureSet, Spill};
use crate::packet::Decoder;

impl Spine<'_, '_> {
    /// Learns from the first frames of `captures` where checksums are right: one in which they are all wrong begins with
    /// wrong ones, as does one whose first frame is damaged.
    ///
    /// # Errors
    /// Those of reading the captures.
    pub(crate) fn learn_sums(&mut self, captures: &CaptureSet) -> Result<(), Error> {
        let options = self.hub.options;
        let (spill, mut untold) = (Spill::new(options.spool_dir), Anomalies::default());
        let (mut frames, store) = (captures.frames(), Spilled(&spill));
        let decoder = Decoder::new(options.checksums, &options.limits).with_tunnels(options.tunnels);
        let mut decoder = decoder.reading_damage();
        for _ in 0..SAMPLE {
            let Some(frame) = frames.next(&mut untold)? else { break };
            decoder.decode(&frame, &store, &mut untold)?;
            while decoder.has_more() {
                decoder.decode_more(&frame, &store, &mut untold)?;
            }
        }
        self.hub.decoder.learn_from(decoder);
        Ok(())
    }
}

// Rationale: some dozen conversations; a thousandth of a second.
const SAMPLE: u32 = 2_048;
