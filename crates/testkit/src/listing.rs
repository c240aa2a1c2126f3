//! The text of `pg_restore -l` for a reader in UTC.

use pgdmp::toc::CreationTime;
use pgdmp::{Format, Listing, Selection, Toc};

/// What `pg_restore -l` prints with `TZ=UTC`.
pub fn text(toc: &Toc, format: Format, selection: &Selection, verbose: bool) -> Vec<u8> {
    let selected = selection.apply(toc).unwrap();
    let created = toc.header().created.map_or_else(|| "NOW".to_owned(), utc);
    let mut out = Vec::new();
    Listing::new(toc, format).created(created).verbose(verbose).write(&selected, &mut out).unwrap();
    out
}

/// The time as `mktime` and `strftime` make it in UTC: fields out of range are carried over, and
/// daylight saving time, which UTC has not, is an hour less.
fn utc(created: CreationTime) -> String {
    let [sec, min, hour, mday, mon, year, isdst] = created.fields().map(i64::from);
    let months = (year + 1900) * 12 + mon;
    let date = days(months.div_euclid(12), months.rem_euclid(12) + 1) + mday - 1;
    let dst = if isdst > 0 { 3600 } else { 0 };
    let seconds = date * 86400 + hour * 3600 + min * 60 + sec - dst;
    let (mut left, time) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
    let mut year = 1970 + left.div_euclid(366);
    while days_of(year + 1) <= left {
        year += 1;
    }
    left -= days_of(year);
    let mut month = 1;
    while month < 12 && days(year, month + 1) - days_of(year) <= left {
        month += 1;
    }
    left -= days(year, month) - days_of(year);
    let (hour, min, sec) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{min:02}:{sec:02} UTC", left + 1)
}

/// Days from 1970 to the first of January of a year.
fn days_of(year: i64) -> i64 {
    let before = year - 1;
    let leap = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leap(before) - leap(1969)
}

/// Days from 1970 to the first of a month, 1 to 12.
fn days(year: i64, month: i64) -> i64 {
    let leap = days_of(year + 1) - days_of(year) == 366;
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    days_of(year) + before[(month - 1) as usize] + i64::from(leap && month > 2)
}

#[test]
fn times() {
    for (fields, text) in [
        ([3, 42, 6, 22, 10, 126, 0], "2026-11-22 06:42:03 UTC"),
        ([0, 0, 0, 29, 1, 100, 0], "2000-02-29 00:00:00 UTC"),
        ([0, 0, 0, 30, 1, 123, 0], "2023-03-02 00:00:00 UTC"),
        ([0, 0, 0, 1, 13, 123, 0], "2024-02-01 00:00:00 UTC"),
        ([0, 30, 0, 1, 0, 124, 1], "2023-12-31 23:30:00 UTC"),
        ([59, 59, 23, 31, 11, 69, 0], "1969-12-31 23:59:59 UTC"),
    ] {
        assert_eq!(utc(CreationTime::from_fields(fields)), text);
    }
}
