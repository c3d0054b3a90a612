mod layers;
mod scenarios;
mod synth;
