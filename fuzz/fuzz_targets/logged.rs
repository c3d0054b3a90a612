//! A small swarm that a script plays, judged with and without what was hashed meanwhile: see `shared::swarm`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::swarm::Script;

fuzz_target!(|script: Script| script.play_logged());
