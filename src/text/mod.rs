//! Text as it is written and compared: times, hosts, hexadecimal; canonical forms, scripts, and the terms
//! that a person would look for.

mod dates;
mod fold;
mod hex;
pub mod hosts;
mod lines;
mod list;
mod named;
mod terms;
pub mod time;

pub use dates::{MONTHS, day_of, month_of, told_in, written_forms, year_of};
pub use fold::{as_indexed, bare, fold, is_unspaced};
pub use hex::hex;
pub use lines::{clipped, head, label, one_line};
pub use list::listed;
pub use named::Named;
pub use terms::{Term, index_terms, own_terms, sign_term, terms};
