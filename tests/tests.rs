mod cli;
mod determinism;
mod fixture;
mod golden;
mod layers;
mod robustness;
mod scenarios;
mod synth;
