//! Memories one by one, in lists, by words, over time.

mod list;
mod nearness;
mod one;
mod opening;
mod timeline;

pub use list::{Keywords, visible_to};
pub use opening::Brief;
