//! Vectors: made by whichever provider the config names, kept in the index that recall looks at,
//! exported, compared, and laid out as a map.

pub mod embed;
mod export;
pub mod index;
pub mod projection;
mod similar;

pub use projection::{MapFilter, Mapped};
