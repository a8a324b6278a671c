//! Building sandboxes: the launcher (parent side) and what happens between `clone` and `execve`
//! (child side).
//!
//! The two sides share the record and nothing else. The front speaks to the launcher in
//! [`messages`] through [`client`].

pub mod child;
pub mod client;
pub mod enforced;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod launcher;
pub mod messages;
pub mod order;
mod record;
pub mod scope;
