//! Text as it is compared: canonical forms, scripts, and the terms that a person would look for.

mod dates;
mod fold;
mod terms;

pub use dates::{MONTHS, day_of, month_of, told_in, written_forms, year_of};
pub use fold::{as_indexed, bare, fold, is_unspaced};
pub use terms::{Term, index_terms, own_terms, sign_term, terms};
