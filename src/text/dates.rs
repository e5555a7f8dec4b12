//! Dates as people write them: finding them in a text, and the ways to write one.

use jiff::civil::Date;

use super::fold::{bare, fold};

/// English names of the months.
pub const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Names of the months in German, French, Spanish, Italian, Portuguese, Dutch and Russian, where they
/// differ from those before them; without accents, and without names that mean something else as often.
const ELSEWHERE: [&[&str]; 12] = [
    &["januar", "janvier", "enero", "gennaio", "janeiro", "januari", "января"],
    &["februar", "fevrier", "febrero", "febbraio", "fevereiro", "februari", "февраля"],
    &["marz", "maerz", "mars", "marzo", "maart", "марта"],
    &["avril", "abril", "aprile", "апреля"],
    &["mai", "mayo", "maggio", "maio", "mei", "мая"],
    &["juni", "juin", "junio", "giugno", "junho", "июня"],
    &["juli", "juillet", "julio", "luglio", "julho", "июля"],
    &["aout", "agosto", "augustus", "августа"],
    &["septembre", "septiembre", "settembre", "setembro", "сентября"],
    &["oktober", "octobre", "octubre", "ottobre", "outubro", "октября"],
    &["novembre", "noviembre", "novembro", "ноября"],
    &["dezember", "decembre", "diciembre", "dicembre", "dezembro", "декабря"],
];

/// Words between the parts of a date.
const BETWEEN: [&str; 5] = ["of", "the", "de", "del", "den"];

/// The month a word names, in full or, in English, by its first three letters: 1 to 12.
pub fn month_of(word: &str) -> Option<i8> {
    let word = bare(word);
    if let Some(n) = ELSEWHERE.iter().position(|names| names.contains(&word.as_str())) {
        return Some(n as i8 + 1);
    }
    let named = |month: &&str| **month == word || month[..3] == word || (word == "sept" && month.starts_with("sep"));
    MONTHS.iter().position(named).map(|n| n as i8 + 1)
}

/// `5`, `05`, `5th`: 1 to 31.
pub fn day_of(word: &str) -> Option<i8> {
    let word = word.to_lowercase();
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(&word);
    if digits.is_empty() || digits.len() > 2 {
        return None;
    }
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

/// `2027`
pub fn year_of(word: &str) -> Option<i16> {
    (word.len() == 4 && word.bytes().all(|b| b.is_ascii_digit())).then(|| word.parse().ok()).flatten()
}

/// A day as a text tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    On(Date),
    /// Day before month or month before day: nobody can tell which.
    Either(Date, Date),
    /// Month and day of a year that is not said.
    EveryYear(i8, i8),
}

impl Told {
    pub fn is(self, date: Date) -> bool {
        match self {
            Told::On(told) => told == date,
            Told::Either(one, other) => one == date || other == date,
            Told::EveryYear(month, day) => (date.month(), date.day()) == (month, day),
        }
    }
}

/// The days that a text tells of, in any common form.
pub fn told_in(text: &str) -> Vec<Told> {
    let text = fold(text);
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty() && !BETWEEN.contains(w)).collect();
    let mut found = Vec::new();
    for at in 0..words.len() {
        let word = |n: usize| words.get(at + n).copied().unwrap_or_default();
        let marked = |n: usize, marks: [char; 2]| word(n).split_once(marks).map_or("", |(number, _)| number);
        let apart = [marked(0, ['年', '년']), marked(1, ['月', '월']), marked(2, ['日', '일'])];
        if let (Some(month), Some(day)) = (month_of(word(0)), day_of(word(1))) {
            found.extend(named(month, day, word(2)));
        } else if let (Some(day), Some(month)) = (day_of(word(0)), month_of(word(1))) {
            found.extend(named(month, day, word(2)));
        } else if let (Some(year), Some(month), Some(day)) = (year_of(word(0)), day_of(word(1)), iso_day(word(2))) {
            found.extend(Date::new(year, month, day).ok().map(Told::On));
        } else if let (Some(one), Some(other), Some(year)) = (day_of(word(0)), day_of(word(1)), year_of(word(2))) {
            found.extend(numeric(year, one, other));
        }
        found.extend(with_marks(word(0)));
        if let (Some(year), Some(month), Some(day)) = (year_of(apart[0]), day_of(apart[1]), day_of(apart[2])) {
            found.extend(Date::new(year, month, day).ok().map(Told::On));
        }
    }
    found
}

/// The day of `2027-03-05T09:00`, whose time is one word with it.
fn iso_day(word: &str) -> Option<i8> {
    day_of(word.split(['T', 't']).next().filter(|day| day.len() == 2).unwrap_or(word))
}

fn named(month: i8, day: i8, year: &str) -> Option<Told> {
    match year_of(year) {
        Some(year) => Date::new(year, month, day).ok().map(Told::On),
        None => Some(Told::EveryYear(month, day)),
    }
}

fn numeric(year: i16, one: i8, other: i8) -> Option<Told> {
    match (Date::new(year, one, other), Date::new(year, other, one)) {
        (Ok(a), Ok(b)) if a != b => Some(Told::Either(a, b)),
        (Ok(date), _) | (_, Ok(date)) => Some(Told::On(date)),
        _ => None,
    }
}

/// `20270305` and `2027年3月5日`, which is one word in a text without spaces.
fn with_marks(word: &str) -> Option<Told> {
    let numbers: Vec<&str> = word.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).collect();
    let (year, month, day) = match numbers[..] {
        [one] if one.len() == 8 && one == word => (&one[..4], &one[4..6], &one[6..]),
        [year, month, day, ..] if word.contains(['年', '년']) => (year, month, day),
        _ => return None,
    };
    Date::new(year_of(year)?, day_of(month)?, day_of(day)?).ok().map(Told::On)
}

/// Word sequences of a date, as a full-text index has them.
pub fn written_forms(date: Date) -> Vec<String> {
    let (year, month, day) = (date.year(), date.month(), date.day());
    let name = MONTHS[month as usize - 1];
    let ending = match (day % 10, day / 10) {
        (1, 0 | 2 | 3) => "st",
        (2, 0 | 2) => "nd",
        (3, 0 | 2) => "rd",
        _ => "th",
    };
    let mut forms = vec![
        format!("{year} {month:02} {day:02}"),
        format!("{year} {month} {day}"),
        format!("{year}{month:02}{day:02}"),
        format!("{day:02} {month:02} {year}"),
        format!("{day} {month} {year}"),
        format!("{month:02} {day:02} {year}"),
        format!("{month} {day} {year}"),
        format!("{year} 年 {month} 月 {day}"),
        format!("{year}年{month}月{day}日"),
        format!("{year} 년 {month} 월 {day}"),
        format!("{year}년 {month}월 {day}일"),
        format!("{year}년{month}월{day}일"),
    ];
    for month in [name, &name[..3]].into_iter().chain((name == "september").then_some("sept")) {
        for day in [format!("{day}"), format!("{day}{ending}"), format!("{day:02}")] {
            forms.extend([
                format!("{month} {day}"),
                format!("{month} the {day}"),
                format!("{day} {month}"),
                format!("{day} of {month}"),
            ]);
        }
    }
    for name in ELSEWHERE[month as usize - 1] {
        forms.extend([format!("{day} {name}"), format!("{day:02} {name}"), format!("{day} de {name}")]);
    }
    forms.sort();
    forms.dedup();
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_found_in_the_forms_people_write() {
        let date = Date::constant(2027, 3, 5);
        for text in [
            "on 2027-03-05 at nine",
            "2027/3/5",
            "2027-03-05T09:00:00Z",
            "20270305",
            "05.03.2027",
            "3/5/2027",
            "March 5, 2027",
            "Mar 5th 2027",
            "5 March 2027",
            "the 5th of March 2027",
            "5 March",
            "我们2027年3月5日去",
            "２０２７年３月５日",
            "2027년 3월 5일에",
            "March the 5th, 2027",
            "5. März 2027",
            "le 5 mars 2027",
            "5 de marzo de 2027",
            "5 марта 2027",
        ] {
            assert!(told_in(text).iter().any(|told| told.is(date)), "{text}");
        }
        for text in ["2027-03-06", "2027-05-30", "March 5 2026", "June 5, 2027", "version 2027.3", "in March 2027"] {
            assert!(!told_in(text).iter().any(|told| told.is(date)), "{text}");
        }
    }

    #[test]
    fn every_written_form_tells_of_its_date() {
        for date in [Date::constant(2027, 3, 5), Date::constant(2024, 9, 21), Date::constant(1999, 12, 12)] {
            for form in written_forms(date) {
                let joined =
                    form.replace(" 年 ", "年").replace(" 月 ", "月").replace(" 년 ", "년").replace(" 월 ", "월");
                assert!(told_in(&joined).iter().any(|told| told.is(date)), "{form}");
            }
        }
    }
}
