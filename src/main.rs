//! Parses the arguments, calls the library, prints the error chain, maps it to the exit code.

fn main() {}
