//! Times as text: ISO 8601 in UTC, as JavaScript writes it, for the years that it knows; for all
//! others seconds and nanoseconds, as `@seconds.nanoseconds`.

const DAY: i64 = 86_400;
/// The seconds that a JavaScript Date can hold.
const FIRST: i64 = -8_640_000_000_000;
const LAST: i64 = 8_640_000_000_000;

/// The text of a time.
pub(super) fn format(seconds: i64, nanoseconds: u32) -> String {
    if !(FIRST..=LAST).contains(&seconds) {
        return format!("@{seconds}.{nanoseconds:09}");
    }
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    };
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let fraction = match nanoseconds % 1_000_000 {
        0 => format!("{:03}", nanoseconds / 1_000_000),
        _ => format!("{nanoseconds:09}"),
    };
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}Z")
}

/// The time of exactly what `format` would have written; nothing for any other text.
pub(super) fn parse(text: &str) -> Option<(i64, u32)> {
    let time = match text.strip_prefix('@') {
        Some(raw) => {
            let (seconds, nanoseconds) = raw.split_once('.')?;
            (seconds.parse().ok()?, nanoseconds.parse().ok()?)
        }
        None => parse_iso(text)?,
    };
    (time.1 < 1_000_000_000 && format(time.0, time.1) == text).then_some(time)
}

fn parse_iso(text: &str) -> Option<(i64, u32)> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (rest, day) = date.rsplit_once('-')?;
    let (year, month) = rest.rsplit_once('-')?;
    let (clock, fraction) = time.split_once('.')?;
    let part = |part: &str| part.parse::<i64>().ok().filter(|part| (0..60).contains(part));
    let mut parts = clock.splitn(3, ':').map(part);
    let seconds = parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??;
    let year: i64 = year.parse().ok().filter(|year| (-300_000..=300_000).contains(year))?;
    let month: i64 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
    let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let scale = if fraction.len() == 3 { 1_000_000 } else { 1 };
    let nanoseconds = fraction.parse::<u32>().ok()?.checked_mul(scale)?;
    Some((days(year, month, day) * DAY + seconds, nanoseconds))
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Years are taken
/// to begin in March, so that the leap day is the last, and in groups of 400, which are all alike.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let group = days.div_euclid(146_097);
    let day_of_group = days.rem_euclid(146_097);
    let year_of_group = (day_of_group - day_of_group / 1_460 + day_of_group / 36_524
        - day_of_group / 146_096)
        / 365;
    let day_of_year =
        day_of_group - (365 * year_of_group + year_of_group / 4 - year_of_group / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (group * 400 + year_of_group + i64::from(month <= 2), month, day)
}

/// The reverse of `civil`.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let year_of_group = year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_group = year_of_group * 365 + year_of_group / 4 - year_of_group / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_group - 719_468
}
