//! What a guest sends over its control socket.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    codemode_fuzz::within(1 << 20, || codemode::fuzzing::frames(bytes));
    // Read, made ready, and here read once more at its end.
    let most = 64 * 1024 + 3 * codemode::fuzzing::weight(bytes);
    codemode_fuzz::within(most, || codemode::fuzzing::arguments(bytes));
});
