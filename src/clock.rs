//! Time as the API writes it: ISO-8601 UTC with milliseconds, from a clock that is an argument.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Where "now" comes from.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// `2024-05-13T12:00:00.000Z`
pub fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// `2024-05-13 12:00:00`, the form of SQLite's `datetime('now')`.
pub fn sqlite(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Any ISO date or date-time: a date alone is UTC midnight, a date-time without an offset is
/// local time (as JavaScript's `Date` reads them).
pub fn parse_iso(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if text.len() <= 10 {
        let date: Date = match text.len() {
            4 => format!("{text}-01-01").parse().ok()?,
            7 => format!("{text}-01").parse().ok()?,
            _ => text.parse().ok()?,
        };
        return TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
    }
    // `2024-05-13T12:00Z` and `…+02:00`: seconds are optional in ISO
    let (civil, offset) = split_offset(text);
    let civil: DateTime = civil.parse().ok()?;
    match offset {
        None => TimeZone::system().to_timestamp(civil).ok(),
        Some(seconds) => TimeZone::UTC.to_timestamp(civil).ok()?.checked_sub(SignedDuration::from_secs(seconds)).ok(),
    }
}

/// The civil part and the offset east of UTC in seconds.
fn split_offset(text: &str) -> (&str, Option<i64>) {
    if let Some(civil) = text.strip_suffix(['Z', 'z']) {
        return (civil, Some(0));
    }
    let Some(at) = text.rfind(['+', '-']).filter(|at| *at > 10) else { return (text, None) };
    let (civil, offset) = text.split_at(at);
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    let parsed = match digits.len() {
        2 => digits.parse::<i64>().ok().map(|h| h * 3600),
        4 => digits.parse::<i64>().ok().map(|n| (n / 100) * 3600 + (n % 100) * 60),
        _ => None,
    };
    match parsed {
        Some(seconds) => (civil, Some(if offset.starts_with('-') { -seconds } else { seconds })),
        None => (text, None),
    }
}

/// A stored time in either of its two forms.
pub fn parse_stored(text: &str) -> Option<Timestamp> {
    if text.len() == 19 && text.as_bytes()[10] == b' ' {
        return format!("{}T{}Z", &text[..10], &text[11..]).parse().ok();
    }
    parse_iso(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_dates_and_date_times_are_read_and_re_emitted_in_utc() {
        for (given, want) in [
            ("2024-05-13", "2024-05-13T00:00:00.000Z"),
            ("2024-05-13T12:00:00Z", "2024-05-13T12:00:00.000Z"),
            ("2024-05-13T12:00Z", "2024-05-13T12:00:00.000Z"),
            ("2024-05-13T12:00:00.5+02:00", "2024-05-13T10:00:00.500Z"),
            ("2024-05-13T12:00-0130", "2024-05-13T13:30:00.000Z"),
        ] {
            assert_eq!(parse_iso(given).map(iso).as_deref(), Some(want), "{given}");
        }
        for bad in ["", "bad", "2024-13-01", "2024-05-13T25:00:00Z", "soon-ish or so", "1"] {
            assert!(parse_iso(bad).is_none(), "{bad}");
        }
        assert_eq!(parse_stored("2024-05-13 12:00:00").map(iso).as_deref(), Some("2024-05-13T12:00:00.000Z"));
    }
}
