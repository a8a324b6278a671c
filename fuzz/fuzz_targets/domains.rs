//! Hosts as outsiders write them, and lists of domains.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    codemode_fuzz::within(64 << 20, || {
        codemode::fuzzing::domains(bytes);
    });
});
