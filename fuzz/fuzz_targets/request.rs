//! What a caller asks for.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    codemode_fuzz::within(64 << 20, || {
        codemode::fuzzing::request(bytes);
    });
});
