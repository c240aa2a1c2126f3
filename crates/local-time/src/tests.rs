//! The expected answers are glibc 2.36's.

use super::*;

/// Zones that need no database.
const UTC: &str = "UTC0";
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";
const SYDNEY: &str = "AEST-10AEDT,M10.1.0,M4.1.0/3";
const LORD_HOWE: &str = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";
const DUBLIN: &str = "IST-1GMT0,M10.5.0,M3.5.0/1";
const TEHRAN: &str = "<+0330>-3:30";

#[track_caller]
fn check(tz: &str, fields: [i32; 7], text: &str, invalid: bool) {
    let creation = creation_time_in(fields, &Zone::from_tz(Some(tz.as_bytes())));
    assert_eq!((&*creation.text, creation.invalid), (text, invalid), "{fields:?} under {tz:?}");
    if tz == UTC && text.len() == "2000-01-01 00:00:00 UTC".len() {
        let utc = text.replacen(' ', "T", 1).replace(" UTC", "Z");
        assert_eq!(creation.utc, (!invalid).then_some(utc));
    }
}

#[test]
fn rfc_3339() {
    let at = |tz: &str, fields| creation_time_in(fields, &Zone::from_tz(Some(tz.as_bytes()))).utc;
    let summer = [30, 15, 0, 1, 6, 126, 1];
    assert_eq!(at(BERLIN, summer).unwrap(), "2026-06-30T22:15:30Z");
    assert_eq!(at(NEW_YORK, summer).unwrap(), "2026-07-01T04:15:30Z");
    assert_eq!(at(TEHRAN, [0, 0, 0, 1, 0, 100, 0]).unwrap(), "1999-12-31T20:30:00Z");
    // The year 10000, and none at all.
    assert_eq!(at(UTC, [0, 0, 0, 1, 0, 8100, 0]), None);
    assert_eq!(at(UTC, [59, 59, 23, 31, 11, 69, 0]), None);
}

#[test]
fn answers_as_glibc() {
    for (tz, fields, text, invalid) in CASES.iter().chain(ODD_ZONES) {
        check(tz, *fields, text, *invalid);
    }
}

/// These need a tz database.
#[test]
fn answers_as_glibc_for_named_zones() {
    if !matches!(Zone::from_tz(Some(b"Europe/Berlin")), Zone::File(_)) {
        eprintln!("skipped: no tz database");
        return;
    }
    for (tz, fields, text, invalid) in NAMED_ZONES {
        check(tz, *fields, text, *invalid);
    }
}

/// A zone file: LMT, from 1970 EST, from 1972-01-01 EDT, then `rule`; with `leaps`.
fn zone_file(version: u8, leaps: &[(i32, i32)], rule: &str) -> Vec<u8> {
    let mut file = Vec::new();
    for wide in [false, true] {
        let time = |file: &mut Vec<u8>, time: i32| {
            if wide {
                file.extend(i64::from(time).to_be_bytes());
            } else {
                file.extend(time.to_be_bytes());
            }
        };
        file.extend(b"TZif");
        file.push(version);
        file.extend([0; 15]);
        for count in [0, 0, leaps.len() as u32, 2, 3, 12] {
            file.extend(count.to_be_bytes());
        }
        time(&mut file, 0);
        time(&mut file, 63_072_000);
        file.extend([1, 2]);
        for (offset, is_dst, name) in [(100, 0, 0), (-18_000, 0, 4), (-14_400, 1, 8)] {
            file.extend(i32::to_be_bytes(offset));
            file.extend([is_dst, name]);
        }
        file.extend(b"LMT\0EST\0EDT\0");
        for &(leap, correction) in leaps {
            time(&mut file, leap);
            file.extend(correction.to_be_bytes());
        }
        if version == 0 {
            return file;
        }
    }
    file.push(b'\n');
    file.extend(rule.as_bytes());
    file.push(b'\n');
    file
}

#[test]
fn zone_files() {
    const EST5: (u8, &[(i32, i32)], &str) = (b'2', &[], "EST5");
    const NO_RULE: (u8, &[(i32, i32)], &str) = (b'2', &[], "");
    const OLD: (u8, &[(i32, i32)], &str) = (0, &[], "");
    const LEAPS: (u8, &[(i32, i32)], &str) =
        (b'2', &[(78_796_800, 1), (94_694_401, 2), (94_694_402, 3)], "EST5");
    let cases = [
        (EST5, [0, 0, 12, 1, 6, 69, 0], "1969-07-01 12:00:00 LMT"),
        (EST5, [0, 0, 12, 1, 6, 71, 0], "1971-07-01 12:00:00 EST"),
        (EST5, [0, 0, 12, 1, 6, 71, 1], "1971-07-01 11:00:00 EST"),
        (EST5, [0, 0, 12, 1, 6, 72, -1], "1972-07-01 12:00:00 EST"),
        (NO_RULE, [0, 0, 12, 1, 6, 69, 1], "1969-07-01 16:01:40 LMT"),
        (NO_RULE, [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDT"),
        (NO_RULE, [0, 0, 12, 1, 6, 126, 0], "2026-07-01 13:00:00 EDT"),
        (OLD, [0, 0, 12, 1, 6, 69, -1], "1969-07-01 12:00:00 LMT"),
        (OLD, [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDT"),
        (LEAPS, [59, 59, 18, 30, 5, 72, 0], "1972-06-30 18:59:59 EST"),
        (LEAPS, [60, 59, 18, 30, 5, 72, 0], "1972-06-30 18:59:60 EST"),
        (LEAPS, [61, 59, 18, 30, 5, 72, 0], "1972-06-30 19:00:00 EST"),
        (LEAPS, [0, 0, 19, 30, 5, 72, 0], "1972-06-30 19:00:00 EST"),
        (LEAPS, [60, 59, 18, 31, 11, 72, 0], "1972-12-31 18:59:60 EST"),
        (LEAPS, [61, 59, 18, 31, 11, 72, 0], "1972-12-31 18:59:61 EST"),
        (LEAPS, [62, 59, 18, 31, 11, 72, 0], "1972-12-31 19:00:00 EST"),
        (LEAPS, [0, 0, 12, 1, 6, 126, 1], "2026-07-01 11:00:00 EST"),
    ];
    for ((version, leaps, rule), fields, text) in cases {
        let file = zone::ZoneFile::parse(&zone_file(version, leaps, rule)).unwrap();
        let creation = creation_time_in(fields, &Zone::File(file));
        assert_eq!(creation.text, text, "{fields:?} in {version} {leaps:?} {rule:?}");
    }
}

#[test]
fn cut_zone_files() {
    for version in [0, b'2'] {
        let file = zone_file(version, &[(78_796_800, 1)], "EST5EDT,M3.2.0,M11.1.0");
        // The last line need not be whole.
        let rule = if version == 0 { 0 } else { 23 };
        for len in 0..file.len() {
            let parsed = zone::ZoneFile::parse(&file[..len]);
            assert_eq!(parsed.is_some(), len > file.len() - rule && rule > 0, "{len}");
        }
    }
}

#[test]
fn now_is_a_time() {
    let text = now();
    assert_eq!(text.as_bytes()[4], b'-', "{text}");
    assert!(text[..4].parse::<u32>().unwrap() >= 2026, "{text}");
}

type Case = (&'static str, [i32; 7], &'static str, bool);

#[rustfmt::skip]
const CASES: &[Case] = &[
    // The digits stay, whatever the zone.
    (UTC, [3, 42, 6, 22, 10, 126, 0], "2026-11-22 06:42:03 UTC", false),
    (NEW_YORK, [3, 42, 6, 22, 10, 126, 0], "2026-11-22 06:42:03 EST", false),
    (TEHRAN, [3, 42, 6, 22, 10, 126, 0], "2026-11-22 06:42:03 +0330", false),
    (SYDNEY, [3, 42, 6, 22, 6, 126, 0], "2026-07-22 06:42:03 AEST", false),
    (LORD_HOWE, [3, 42, 6, 22, 6, 126, -1], "2026-07-22 06:42:03 +1030", false),
    // A flag that the zone has not, or not at that time.
    (UTC, [0, 0, 12, 1, 6, 126, 1], "2026-07-01 11:00:00 UTC", false),
    (UTC, [0, 0, 12, 1, 6, 126, 7], "2026-07-01 11:00:00 UTC", false),
    (UTC, [0, 0, 12, 1, 6, 126, -7], "2026-07-01 12:00:00 UTC", false),
    (TEHRAN, [0, 0, 12, 1, 6, 126, 1], "2026-07-01 11:00:00 +0330", false),
    (BERLIN, [0, 0, 12, 1, 6, 126, 0], "2026-07-01 13:00:00 CEST", false),
    (BERLIN, [0, 0, 12, 1, 6, 126, 1], "2026-07-01 12:00:00 CEST", false),
    (BERLIN, [0, 0, 12, 1, 0, 126, 1], "2026-01-01 11:00:00 CET", false),
    (LORD_HOWE, [0, 0, 12, 1, 6, 126, 1], "2026-07-01 11:30:00 +1030", false),
    (LORD_HOWE, [0, 0, 12, 1, 0, 126, 0], "2026-01-01 12:30:00 +11", false),
    (DUBLIN, [0, 0, 12, 1, 0, 126, 0], "2026-01-01 11:00:00 GMT", false),
    (DUBLIN, [0, 0, 12, 1, 6, 126, 0], "2026-07-01 12:00:00 IST", false),
    (DUBLIN, [0, 0, 12, 1, 6, 126, 1], "2026-07-01 13:00:00 IST", false),
    // Skipped: 02:00 to 03:00 on 2026-03-29.
    (BERLIN, [0, 30, 2, 29, 2, 126, -1], "2026-03-29 03:30:00 CEST", false),
    (BERLIN, [0, 30, 2, 29, 2, 126, 0], "2026-03-29 03:30:00 CEST", false),
    (BERLIN, [0, 30, 2, 29, 2, 126, 1], "2026-03-29 01:30:00 CET", false),
    (NEW_YORK, [0, 30, 2, 8, 2, 126, -1], "2026-03-08 03:30:00 EDT", false),
    (NEW_YORK, [0, 30, 2, 8, 2, 126, 0], "2026-03-08 03:30:00 EDT", false),
    (NEW_YORK, [0, 30, 2, 8, 2, 126, 1], "2026-03-08 01:30:00 EST", false),
    (LORD_HOWE, [0, 15, 2, 4, 9, 126, -1], "2026-10-04 02:45:00 +11", false),
    (LORD_HOWE, [0, 15, 2, 4, 9, 126, 0], "2026-10-04 02:45:00 +11", false),
    (LORD_HOWE, [0, 15, 2, 4, 9, 126, 1], "2026-10-04 01:45:00 +1030", false),
    // Twice: 02:00 to 03:00 on 2026-10-25.
    (BERLIN, [0, 30, 2, 25, 9, 126, -1], "2026-10-25 02:30:00 CET", false),
    (BERLIN, [0, 30, 2, 25, 9, 126, 0], "2026-10-25 02:30:00 CET", false),
    (BERLIN, [0, 30, 2, 25, 9, 126, 1], "2026-10-25 02:30:00 CEST", false),
    (NEW_YORK, [0, 30, 1, 1, 10, 126, -1], "2026-11-01 01:30:00 EDT", false),
    (NEW_YORK, [0, 30, 1, 1, 10, 126, 0], "2026-11-01 01:30:00 EST", false),
    (NEW_YORK, [0, 30, 1, 1, 10, 126, 1], "2026-11-01 01:30:00 EDT", false),
    (SYDNEY, [0, 30, 2, 5, 3, 126, -1], "2026-04-05 02:30:00 AEST", false),
    // Out of range.
    (UTC, [0, 0, 0, 1, 13, 126, 0], "2027-02-01 00:00:00 UTC", false),
    (UTC, [0, 0, 0, 1, -1, 126, 0], "2025-12-01 00:00:00 UTC", false),
    (UTC, [60, 59, 23, 31, 11, 126, 0], "2027-01-01 00:00:00 UTC", false),
    (UTC, [-1, 0, 0, 1, 0, 126, 0], "2025-12-31 23:59:59 UTC", false),
    (UTC, [0, 0, 0, 0, 0, 126, 0], "2025-12-31 00:00:00 UTC", false),
    (UTC, [0, 0, 0, 31, 1, 124, 0], "2024-03-02 00:00:00 UTC", false),
    (UTC, [0, 0, -25, 1, 2, 100, 0], "2000-02-28 23:00:00 UTC", false),
    (BERLIN, [2147483647, -2147483648, 0, 1, 6, 126, 0], "-1989-06-27 01:06:07 CET", false),
    (NEW_YORK, [0, 0, 0, -2147483648, 2147483647, 126, -1], "173079386-01-20 00:00:00 EST", false),
    // Far years.
    (UTC, [0, 0, 0, 1, 0, 2000000001, 0], "2000001901-01-01 00:00:00 UTC", false),
    (UTC, [0, 0, 0, 1, 0, -1890, 0], "10-01-01 00:00:00 UTC", false),
    (UTC, [0, 0, 0, 1, 0, -1900, 0], "0-01-01 00:00:00 UTC", false),
    (UTC, [0, 0, 0, 1, 0, -1907, 0], "-7-01-01 00:00:00 UTC", false),
    (UTC, [59, 59, 23, 31, 11, 2147483647, 0], "-2147481749-12-31 23:59:59 UTC", false),
    (UTC, [0, 0, 0, 1, 0, 2147481748, 0], "-2147483648-01-01 00:00:00 UTC", false),
    (UTC, [0, 0, 0, 1, 0, -2147483648, 0], "-2147481748-01-01 00:00:00 UTC", false),
    (UTC, [0, 0, 0, 1, 12, 2147483647, 0], "1969-12-31 23:59:59 UTC", true),
    (UTC, [2147483647, 2147483647, 2147483647, 2147483647, 2147483647, 2147483647, 2147483647], "1969-12-31 23:59:59 UTC", true),
    (UTC, [-2147483648, -2147483648, -2147483648, -2147483648, -2147483648, -2147483648, -2147483648], "1969-12-31 23:59:59 UTC", true),
    (NEW_YORK, [59, 59, 23, 31, 11, 2147483647, 0], "1969-12-31 18:59:59 EST", true),
    (BERLIN, [0, 0, 0, 1, 0, -2147483648, 0], "1970-01-01 00:59:59 CET", true),
    (BERLIN, [0, 0, 0, 1, 6, 8100, 1], "10000-07-01 00:00:00 CEST", false),
    (NEW_YORK, [0, 0, 0, 1, 6, 1000000, 1], "1001900-07-01 00:00:00 EDT", false),
    (NEW_YORK, [0, 0, 0, 1, 6, 10000000, 1], "10001900-06-30 23:00:00 EST", false),
    // Before 1970 a rule knows only the dates of 1970.
    (BERLIN, [0, 0, 12, 1, 6, 50, -1], "1950-07-01 12:00:00 CET", false),
    (SYDNEY, [0, 0, 12, 1, 6, 50, -1], "1950-07-01 12:00:00 AEDT", false),
    // One second before 1970 is mktime's way of failing.
    (UTC, [59, 59, 23, 31, 11, 69, 0], "1969-12-31 23:59:59 UTC", true),
    (UTC, [58, 59, 23, 31, 11, 69, 0], "1969-12-31 23:59:58 UTC", false),
    (BERLIN, [59, 59, 0, 1, 0, 70, 0], "1970-01-01 00:59:59 CET", true),
    (NEW_YORK, [59, 59, 18, 31, 11, 69, 1], "1969-12-31 17:59:59 EST", false),
];

/// What glibc makes of zones that are hardly any.
#[rustfmt::skip]
const ODD_ZONES: &[Case] = &[
    ("EST5EDT4,M3.2.0/2:00:00,M11.1.0/-1", [0, 30, 23, 31, 9, 126, 1], "2026-10-31 22:30:00 EST", false),
    ("EST5EDT,J60,J300/0", [0, 0, 12, 1, 2, 124, -1], "2024-03-01 12:00:00 EDT", false),
    ("EST5EDT,59,300/0", [0, 0, 12, 29, 1, 124, -1], "2024-02-29 12:00:00 EDT", false),
    ("<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", [0, 30, 22, 28, 2, 126, -1], "2026-03-28 23:30:00 -02", false),
    ("XXX24:59:59", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 XXX", false),
    ("XXX+99:99:99", [0, 0, 0, 1, 0, 126, 1], "2025-12-31 23:00:00 XXX", false),
    (":XXX-5:30", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 XXX", false),
    ("Foo/Bar", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 Foo", false),
    ("Fo", [0, 0, 0, 1, 0, 126, 1], "2025-12-31 23:00:00 ", false),
    ("Fo5", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 ", false),
    ("<A>5", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 ", false),
    ("<AB+1>5", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 AB+1", false),
    ("EST", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 EST", false),
    ("EST+", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 EST", false),
    ("EST5,", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 ", false),
    ("EST5,M3.2.0,M11.1.0", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 ", false),
    ("EST5EDT,x", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDT", false),
    ("EST5EDT,M3.2.0,x", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDT", false),
    ("EST5EDTM3.2.0M11.1.0", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDTM", false),
    ("EST5EDT,M3.2.0/,M11.1.0", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDT", false),
    ("EST5EDT,M3.2", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDT", false),
    ("EST5EDT,J0,J300", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EST", false),
    ("EST5EDT,366,J300", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 EDT", false),
    ("EST+ 5:", [0, 0, 12, 1, 6, 126, -1], "2026-07-01 12:00:00 ", false),
    ("AAAAAAAAAABBBBBBBBBBCCCCCCCCCCCDDDDDDDDDDEEE3", [0, 0, 0, 1, 0, 126, 0], "[unknown]", false),
    ("AAAAAAAAAABBBBBBBBBBCCCCCCCCCCCDDDDDDDDDDEE3", [0, 0, 0, 1, 0, 126, 0], "2026-01-01 00:00:00 AAAAAAAAAABBBBBBBBBBCCCCCCCCCCCDDDDDDDDDDEE", false),
];

#[rustfmt::skip]
const NAMED_ZONES: &[Case] = &[
    ("Europe/Berlin", [0, 0, 12, 1, 6, 50, -1], "1950-07-01 12:00:00 CET", false),
    ("Europe/Berlin", [0, 0, 12, 1, 6, 8100, 0], "10000-07-01 13:00:00 CEST", false),
    ("America/New_York", [0, 30, 2, 8, 2, 126, 0], "2026-03-08 03:30:00 EDT", false),
    ("America/New_York", [0, 30, 1, 1, 10, 126, -1], "2026-11-01 01:30:00 EDT", false),
    ("Asia/Tokyo", [0, 0, 12, 1, 6, 126, 1], "2026-07-01 11:00:00 JST", false),
    ("Asia/Kolkata", [0, 0, 12, 1, 6, 126, 1], "2026-07-01 11:00:00 IST", false),
    ("Australia/Lord_Howe", [0, 45, 1, 5, 3, 126, 1], "2026-04-05 01:45:00 +11", false),
    ("America/St_Johns", [0, 0, 12, 1, 6, 126, 0], "2026-07-01 13:00:00 NDT", false),
    ("Pacific/Apia", [0, 0, 12, 30, 11, 111, -1], "2011-12-29 12:00:00 -10", false),
    ("Antarctica/Troll", [0, 0, 12, 1, 6, 126, 0], "2026-07-01 14:00:00 +02", false),
];
