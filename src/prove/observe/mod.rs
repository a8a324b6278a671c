//! What is looked at from outside the sandbox, by `/proc` and the control groups.

mod groups;
pub mod kept;
mod left;
pub mod looked;
mod witness;

pub use left::Left;
pub use witness::Witness;
