mod cli;
mod determinism;
mod fixture;
mod golden;
mod inspect;
mod layers;
mod scenarios;
mod synth;
