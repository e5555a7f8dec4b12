//! Memories one by one, in lists, by words, over time.

mod list;
mod one;
mod timeline;

pub use list::{Keywords, visible_to};
