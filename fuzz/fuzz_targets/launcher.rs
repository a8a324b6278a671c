//! What the child side, the launcher, the kernel and an interpreter say.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    codemode_fuzz::within(64 << 20, || {
        codemode::fuzzing::messages(bytes);
        codemode::fuzzing::verdict(bytes);
        codemode::fuzzing::discovery(bytes);
    });
});
