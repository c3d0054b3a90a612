mod audit;
mod bounds;
mod check;
mod cli;
mod commands;
mod containers;
mod content;
mod cut;
mod determinism;
mod encapsulation;
mod examples;
mod facts;
mod fixture;
mod floods;
mod fuzzed;
mod golden;
mod inspect;
mod layers;
mod log;
mod page;
mod pieces;
mod robustness;
mod scans;
mod scenarios;
mod synth;
// Cases hold the table of pieces only where there are tables.
#[cfg(feature = "table")]
mod verify;
