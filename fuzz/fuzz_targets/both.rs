//! The judge beside the ledger on a small swarm that a script plays: see `shared::swarm`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::swarm::Script;

fuzz_target!(|script: Script| script.play_both());
