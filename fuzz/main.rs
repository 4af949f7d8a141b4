//! libFuzzer's program: it fuzzes the target that `FUZZ_TARGET` names. `fuzz/run` builds and starts it.
#![no_main]

mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let known = TARGETS.iter().find(|(known, _)| *known == name);
    known.expect("FUZZ_TARGET names no target").1
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
