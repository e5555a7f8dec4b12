//! Time as the API writes it: ISO-8601 UTC with milliseconds, and every form that clients and stored rows have it in.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const FIRST: DateTime = DateTime::constant(0, 1, 1, 0, 0, 0, 0);
const LAST: DateTime = DateTime::constant(9999, 12, 31, 23, 59, 59, 999_000_000);

/// An instant of the years 0000 to 9999 in milliseconds since 1970 (UTC).
///
/// A [`Timestamp`] ends a day before the year 9999 does, and "valid until 9999-12-31" is how many
/// programs write "for ever".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(i64);

impl Time {
    /// A civil time in UTC; one beyond the years 0000 to 9999 becomes the nearest within.
    fn of(utc: DateTime) -> Self {
        Time(utc.clamp(FIRST, LAST).duration_since(EPOCH).as_millis() as i64)
    }

    fn civil(self) -> DateTime {
        EPOCH.checked_add(SignedDuration::from_millis(self.0)).unwrap_or(LAST)
    }

    pub fn millis(self) -> i64 {
        self.0
    }

    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `None` past the year 9999.
    pub fn plus(self, span: SignedDuration) -> Option<Self> {
        let sum = self.0.checked_add(i64::try_from(span.as_millis()).ok()?)?;
        (Time::of(FIRST).0..=Time::of(LAST).0).contains(&sum).then_some(Time(sum))
    }

    /// How long ago this was; negative when it is to come.
    pub fn until(self, later: impl Into<Time>) -> SignedDuration {
        SignedDuration::from_millis(later.into().0 - self.0)
    }
}

impl Time {
    /// The last instant that can be stored.
    pub const MAX: Time = Time(253_402_300_799_999);
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Time(time.as_millisecond())
    }
}

/// `2024-05-13T12:00:00.000Z`
pub fn iso(time: impl Into<Time>) -> String {
    format!("{:.3}Z", time.into().civil())
}

/// `2024-05-13 12:00:00`, the form of SQLite's `datetime('now')`.
pub fn sqlite(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A text as a time, or as the days it names.
enum Parsed {
    At(Time),
    /// First and last day, in UTC.
    Days(Date, Date),
}

fn parse(text: &str) -> Option<Parsed> {
    let text = text.trim();
    if !text.is_ascii() || text.len() < 4 || !text.as_bytes()[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    if text.len() <= 10 {
        let (first, span) = match text.len() {
            4 => (format!("{text}-01-01").parse::<Date>().ok()?, 1.year()),
            7 => (format!("{text}-01").parse::<Date>().ok()?, 1.month()),
            10 => (text.parse::<Date>().ok()?, 1.day()),
            _ => return None,
        };
        let last = first.checked_add(span).and_then(|next| next.yesterday()).unwrap_or(LAST.date());
        return Some(Parsed::Days(first, last));
    }
    // a zone's name behind the offset (RFC 9557) says nothing more about the instant
    let text = text.split_once('[').filter(|(_, zone)| zone.ends_with(']')).map_or(text, |(time, _)| time);
    // seconds are optional in ISO, and so is the offset
    let (civil, offset) = split_offset(text);
    let civil = without_excess_digits(civil);
    let civil: DateTime = civil.parse().ok()?;
    Some(Parsed::At(match offset {
        Some(seconds) => Time::of(civil.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(if seconds < 0 {
            LAST
        } else {
            FIRST
        })),
        None => TimeZone::system().to_timestamp(civil).map_or_else(|_| Time::of(civil), Time::from),
    }))
}

/// Any ISO date or date-time: a date alone is UTC midnight, a date-time without an offset is
/// local time (as JavaScript's `Date` reads them).
pub fn parse_iso(text: &str) -> Option<Time> {
    lower_bound(text)
}

/// The first instant that a text names: of a date alone its midnight (UTC).
pub fn lower_bound(text: &str) -> Option<Time> {
    Some(match parse(text)? {
        Parsed::At(time) => time,
        Parsed::Days(first, _) => Time::of(first.at(0, 0, 0, 0)),
    })
}

/// The last instant that a text names: of a date alone its last millisecond (UTC).
pub fn upper_bound(text: &str) -> Option<Time> {
    Some(match parse(text)? {
        Parsed::At(time) => time,
        Parsed::Days(_, last) => Time::of(last.at(23, 59, 59, 999_000_000)),
    })
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
    match parsed.filter(|seconds| *seconds < 24 * 3600) {
        Some(seconds) => (civil, Some(if offset.starts_with('-') { -seconds } else { seconds })),
        None => (text, None),
    }
}

/// Some programs write more digits of a second than nanoseconds have.
fn without_excess_digits(civil: &str) -> &str {
    match civil.find('.') {
        Some(dot) if civil[dot + 1..].bytes().all(|b| b.is_ascii_digit()) => &civil[..civil.len().min(dot + 10)],
        _ => civil,
    }
}

/// A stored time in either of its two forms; that of SQLite's `datetime('now')` is UTC.
pub fn parse_stored(text: &str) -> Option<Time> {
    if text.len() == 19 && text.as_bytes()[10] == b' ' {
        return text.parse::<DateTime>().ok().map(Time::of);
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
            ("2024-05-13t12:00:00.123456789012z", "2024-05-13T12:00:00.123Z"),
            ("2024-05-13 12:00:00+0000", "2024-05-13T12:00:00.000Z"),
            ("2024-05-13T12:00:00.5+02:00", "2024-05-13T10:00:00.500Z"),
            ("2024-05-13T12:00-0130", "2024-05-13T13:30:00.000Z"),
            ("0000-01-01", "0000-01-01T00:00:00.000Z"),
            ("0000-01-01T00:00:00+14:00", "0000-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
            ("9999-12-31T23:59:59.999-12:00", "9999-12-31T23:59:59.999Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(parse_iso(given).map(iso).as_deref(), Some(want), "{given}");
        }
        for bad in ["", "bad", "2024-13-01", "2024-05-13T25:00:00Z", "soon-ish or so", "1", "+12024-01-01", "２０２４"]
        {
            assert!(parse_iso(bad).is_none(), "{bad}");
        }
        assert_eq!(parse_stored("2024-05-13 12:00:00").map(iso).as_deref(), Some("2024-05-13T12:00:00.000Z"));
    }

    #[test]
    fn a_bare_date_is_a_bound_by_its_first_or_last_instant() {
        for (given, first, last) in [
            ("2024-02-29", "2024-02-29T00:00:00.000Z", "2024-02-29T23:59:59.999Z"),
            ("2024-02", "2024-02-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z"),
            ("9999", "9999-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"),
            ("2024-05-13T12:00:00+02:00", "2024-05-13T10:00:00.000Z", "2024-05-13T10:00:00.000Z"),
        ] {
            assert_eq!(lower_bound(given).map(iso).as_deref(), Some(first), "{given}");
            assert_eq!(upper_bound(given).map(iso).as_deref(), Some(last), "{given}");
        }
    }

    #[test]
    fn times_end_with_the_year_9999() {
        let last = upper_bound("9999-12-31").unwrap();
        assert_eq!(last.plus(SignedDuration::from_millis(1)), None);
        assert_eq!(last.until(last).as_millis(), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_time_or_none(text in "[0-9TZtz:+. -]{0,34}") {
            if let Some(time) = parse_iso(&text) {
                proptest::prop_assert_eq!(parse_iso(&iso(time)), Some(time));
            }
        }
    }
}
