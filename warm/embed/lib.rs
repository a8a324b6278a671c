//! See `warm/`.

/// The shared library that a warm interpreter loads, an ELF file.
pub const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libcodemode_warm.so"));

/// The program that inits are forked from, an ELF file.
pub const CRADLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/codemode-cradle"));
