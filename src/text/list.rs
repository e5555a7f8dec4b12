//! Lists that are written with commas.

/// The parts of a comma list, without white space around them and without empty ones.
pub fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}
