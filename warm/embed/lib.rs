//! See `warm/`.

/// The shared library, an ELF file.
pub const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libcodemode_warm.so"));
