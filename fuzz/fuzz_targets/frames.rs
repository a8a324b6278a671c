//! What a guest sends over its control socket.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    codemode_fuzz::within(64 << 20, || {
        codemode::fuzzing::frames(bytes);
        codemode::fuzzing::arguments(bytes);
    });
});
