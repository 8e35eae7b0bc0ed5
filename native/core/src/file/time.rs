//! Times as ISO 8601 text in UTC: `2026-01-31T12:00:00.000Z`.

const DAY: u64 = 86_400_000;
/// The first day behind the year 9999.
const LAST: u64 = 253_402_300_800_000;

/// The text of a time in milliseconds since 1970. Beyond the year 9999 it is its last millisecond.
pub fn format(time: u64) -> String {
    let time = time.min(LAST - 1);
    let (year, month, day) = date(time / DAY);
    let (milliseconds, seconds) = (time % 1000, time / 1000 % 86_400);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z")
}

/// The milliseconds since 1970 of such a text, or none.
pub fn parse(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hours, minutes, seconds) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let milliseconds = if text.len() == 24 { number(20, 23)? } else { 0 };
    let days = days_before(year, month, day)?;
    let time = days * DAY + ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
    // Whatever is out of range or in the wrong place would be written otherwise.
    let whole = format(time);
    let short = whole.get(..19).map(|date| format!("{date}Z"));
    (whole == text || short.as_deref() == Some(text)).then_some(time)
}

fn is_leap(year: u64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn length_of(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 to the first of January.
fn days_to(year: u64) -> u64 {
    let before = |year: u64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + before(year - 1) - before(1969)
}

fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    let whole = (1..=12).contains(&month) && (1970..=9999).contains(&year) && day >= 1;
    whole.then(|| days_to(year) + (1..month).map(|m| length_of(year, m)).sum::<u64>() + day - 1)
}

fn date(days: u64) -> (u64, u64, u64) {
    let mut year = 1970 + days / 366;
    while days_to(year + 1) <= days {
        year += 1;
    }
    let (mut month, mut day) = (1, days - days_to(year));
    while day >= length_of(year, month) {
        day -= length_of(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
