//! Configuration files.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    codemode_fuzz::within(64 << 20, || {
        codemode::fuzzing::config(bytes);
    });
});
