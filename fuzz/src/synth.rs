//! The generator of the integration tests: content, peer wire, packets and capture files.

#![allow(dead_code)]

#[path = "../../tests/synth/capture.rs"]
pub mod capture;
#[path = "../../tests/synth/content.rs"]
pub mod content;
#[path = "../../tests/synth/frame.rs"]
pub mod frame;
#[path = "../../tests/synth/log.rs"]
pub mod log;
#[path = "../../tests/synth/mse.rs"]
pub mod mse;
#[path = "../../tests/synth/swarm.rs"]
pub mod swarm;
#[path = "../../tests/synth/utp.rs"]
pub mod utp;
#[path = "../../tests/synth/wire.rs"]
pub mod wire;
