#!/usr/bin/env bash
# Checks that the program compiles for other platforms, as far as that can be told without them: types, not links, and no test is run.
#
# For each it needs the target (rustup target add TARGET) and a C compiler for it (Debian: gcc-mingw-w64-x86-64, gcc-aarch64-linux-gnu);
# says loudly which it left out. Other arguments go to cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
for pair in x86_64-pc-windows-gnu=x86_64-w64-mingw32-gcc aarch64-unknown-linux-gnu=aarch64-linux-gnu-gcc; do
    target=${pair%%=*} compiler=${pair#*=}
    if ! rustup target list --installed 2> /dev/null | grep -qx "$target" || ! command -v "$compiler" > /dev/null; then
        echo "scripts/check-platforms: SKIPPED $target: its target or $compiler is not installed" >&2
        continue
    fi
    /work/wt/bin/cg check --locked --target "$target" "$@"
    echo "compiles: $target"
done
