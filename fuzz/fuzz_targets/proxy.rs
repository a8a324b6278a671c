//! What the code sends to its proxy, and what a server answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    codemode_fuzz::within(64 << 20, || {
        codemode::fuzzing::proxy(bytes);
    });
});
