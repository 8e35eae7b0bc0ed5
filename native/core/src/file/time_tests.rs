//! Times as text: known ones, every day of some centuries, and texts that are none.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{format, parse};

#[test]
fn known_times_are_written_as_everybody_writes_them() {
    let table = [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_795_267_161_843, "2026-11-21T13:19:21.843Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ];
    for (time, text) in table {
        assert_eq!(format(time), text);
        assert_eq!(parse(text), Some(time));
    }
    assert_eq!(format(u64::MAX), "9999-12-31T23:59:59.999Z");
    assert_eq!(parse("2026-11-21T13:19:21Z"), Some(1_795_267_161_000), "without milliseconds");
}

#[test]
fn every_day_comes_back() {
    for day in (0..200_000).chain(2_900_000..2_932_896) {
        let time = day * 86_400_000 + 43_200_123;
        assert_eq!(parse(&format(time)), Some(time));
    }
}

#[test]
fn what_is_no_time_is_none() {
    for text in [
        "",
        "2026",
        "2026-02-30T00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "2026-00-01T00:00:00.000Z",
        "2026-01-00T00:00:00.000Z",
        "2026-01-01T24:00:00.000Z",
        "2026-01-01T00:60:00.000Z",
        "2026-01-01 00:00:00.000Z",
        "2026-01-01T00:00:00.000",
        "1969-12-31T23:59:59.999Z",
        "2026-01-01T00:00:00.000+00",
        "+026-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.\u{e9}0Z",
        "99999-01-01T00:00:00.00Z",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}
