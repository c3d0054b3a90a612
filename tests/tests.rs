mod cli;
mod determinism;
mod fixture;
mod golden;
mod layers;
mod scenarios;
mod synth;
