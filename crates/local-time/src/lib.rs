//! The creation time of an archive, as `pg_restore -l` prints it.
//!
//! An archive stores the wall clock of the machine that made the dump: seven ints in the manner
//! of C's `struct tm`, without a time zone. `pg_restore` takes them for its own zone's, finds the
//! moment with `mktime` and prints it again with `strftime`. For most archives that only adds the
//! reader's zone name to the digits, but fields out of range move on to the next minute, day or
//! year, a daylight saving flag that does not fit the reader's zone moves the clock, and so does
//! a time that the zone skipped. Here is what glibc 2.36 makes of all these.
//!
//! The answers were compared with those of a C program that calls `mktime`, `localtime` and
//! `strftime`, for more than two million fields under thousands of values of `TZ`. Whoever changes
//! something here should do that again: the tests have only a few dozen of them.

#[cfg_attr(not(unix), path = "system_zone.rs")]
mod zone;

#[cfg(all(test, unix))]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use zone::Zone;

const DAY: i64 = 24 * 60 * 60;

/// Bytes of the buffer that `pg_restore` has for a formatted time, one of them for the NUL.
const STAMP_SIZE: usize = 64;

/// What `pg_restore` prints for a time that it cannot format.
const UNKNOWN: &str = "[unknown]";

/// When an archive was made, as far as `pg_restore` could tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreationTime {
    /// The text after `Archive created at `.
    pub text: String,
    /// The same moment by RFC 3339, in UTC and whole seconds. `None` if that has no way to say it, or
    /// the time is invalid.
    pub utc: Option<String>,
    /// `pg_restore` would warn `invalid creation date in header`.
    pub invalid: bool,
}

/// The creation time stored as `fields`, in the local time zone.
///
/// `fields` are sec, min, hour, mday, mon (0 to 11), year (since 1900) and isdst. All values are
/// taken.
pub fn creation_time(fields: [i32; 7]) -> CreationTime {
    creation_time_in(fields, &Zone::local())
}

/// The current time, in the same format.
///
/// It is also what a listing has for archives older than 1.4, which store no time.
pub fn now() -> String {
    let seconds = |since: std::time::Duration| i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let time = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => seconds(after),
        Err(before) => -seconds(before.duration()) - 1,
    };
    stamp(time, &Zone::local())
}

fn creation_time_in(fields: [i32; 7], zone: &Zone) -> CreationTime {
    let mut mktime = Mktime { zone, last_offset: 0 };
    let mut fields = fields;
    // -1 is mktime's way of saying no, but also a moment like any other.
    let mut time = mktime.call(&mut fields).unwrap_or(-1);
    if time == -1 {
        fields[6] = -1;
        time = mktime.call(&mut fields).unwrap_or(-1);
    }
    let invalid = time == -1;
    let utc = if invalid { None } else { utc(time, zone) };
    CreationTime { text: stamp(time, zone), utc, invalid }
}

/// A moment as RFC 3339 has it: years of four digits.
fn utc(time: i64, zone: &Zone) -> Option<String> {
    let (tm, _) = Tm::at(time, zone)?;
    // Without leap seconds, which some zones count.
    let time = tm.seconds() - zone.at(time)?.offset;
    let (days, in_day) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    let year = year_of(days);
    let before = days_before(year);
    let year_day = (days - year_start(year)) as i32;
    let month = before[1..12].partition_point(|&days| days <= year_day);
    let day = year_day - before[month] + 1;
    let (hour, minute, second) = (in_day / 3600, in_day / 60 % 60, in_day % 60);
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1))
}

/// `%Y-%m-%d %H:%M:%S %Z`, on Windows without the last.
fn stamp(time: i64, zone: &Zone) -> String {
    let Some((tm, name)) = Tm::at(time, zone) else { return UNKNOWN.to_owned() };
    // The last 1900 years that fit `tm_year` come out negative.
    let year = tm.year.wrapping_add(1900);
    let Tm { month, day, hour, minute, second, .. } = tm;
    let mut text = format!("{year}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", month + 1);
    if cfg!(not(windows)) {
        text.push(' ');
        text.push_str(name);
    }
    if text.len() < STAMP_SIZE { text } else { UNKNOWN.to_owned() }
}

/// What holds in a zone at one moment.
#[derive(Debug, Clone, Copy)]
struct Local<'z> {
    /// Seconds to add to the time for the wall clock.
    offset: i64,
    is_dst: bool,
    name: &'z str,
    /// To add to the 59th second: the moment is a leap second.
    leap_seconds: i32,
}

/// A moment on the wall clock of a zone.
#[derive(Debug, Clone, Copy)]
struct Tm {
    /// Since 1900.
    year: i32,
    /// From 0.
    year_day: i32,
    /// From 0.
    month: i32,
    /// From 1.
    day: i32,
    hour: i32,
    minute: i32,
    /// 60 in leap seconds, for the zones that have them.
    second: i32,
    is_dst: bool,
}

impl Tm {
    /// What the clock of `zone` shows at `time`, and the zone's name at that time. `None` if the
    /// year is out of range.
    fn at(time: i64, zone: &Zone) -> Option<(Tm, &str)> {
        let local = zone.at(time)?;
        let in_day = time.rem_euclid(DAY) + local.offset;
        let days = time.div_euclid(DAY) + in_day.div_euclid(DAY);
        let in_day = in_day.rem_euclid(DAY) as i32;
        let year = year_of(days);
        let year_day = (days - year_start(year)) as i32;
        let before = days_before(year);
        let month = before[1..12].partition_point(|&days| days <= year_day);
        let tm = Tm {
            year: i32::try_from(year - 1900).ok()?,
            year_day,
            month: month as i32,
            day: year_day - before[month] + 1,
            hour: in_day / 3600,
            minute: in_day / 60 % 60,
            second: in_day % 60 + local.leap_seconds,
            is_dst: local.is_dst,
        };
        Some((tm, local.name))
    }

    fn seconds(&self) -> i64 {
        let days = year_start(i64::from(self.year) + 1900) + i64::from(self.year_day);
        seconds(days, self.hour, self.minute, self.second)
    }
}

/// The year that is on 1970-01-01 plus `days`.
fn year_of(days: i64) -> i64 {
    // 400 years have 146097 days.
    let mut year = 1970 + (days * 400).div_euclid(146_097);
    while year_start(year) > days {
        year -= 1;
    }
    while year_start(year + 1) <= days {
        year += 1;
    }
    year
}

/// The days before January 1st of `year`, counted from 1970.
fn year_start(year: i64) -> i64 {
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    365 * (year - 1970) + leap_days - 477
}

/// How many days of `year` are before each of its months.
fn days_before(year: i64) -> &'static [i32; 12] {
    const DAYS_BEFORE: [[i32; 12]; 2] = [
        [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334],
        [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335],
    ];
    &DAYS_BEFORE[usize::from(year_start(year + 1) - year_start(year) == 366)]
}

/// Seconds since 1970-01-01 00:00:00 on the same clock. Nothing need be in range.
fn seconds(days: i64, hour: i32, minute: i32, second: i32) -> i64 {
    days * DAY + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)
}

/// `mktime` and what it remembers from one call to the next.
struct Mktime<'z> {
    zone: &'z Zone,
    /// West of Greenwich: where the next search starts. It decides between the two moments that
    /// the clock shows the same when it is set back.
    last_offset: i64,
}

impl Mktime<'_> {
    /// The moment when the clock shows `fields`, which become what it really shows then. `None`
    /// if there is no such moment.
    fn call(&mut self, fields: &mut [i32; 7]) -> Option<i64> {
        let [second, minute, hour, day, month, year, is_dst] = *fields;
        let year = i64::from(year) + 1900 + i64::from(month.div_euclid(12));
        let month = month.rem_euclid(12) as usize;
        let days = year_start(year) + i64::from(days_before(year)[month]) + i64::from(day) - 1;
        // Seconds out of range are added at the end, where they count leap seconds as well.
        let clamped = second.clamp(0, 59);
        let wanted = Wanted {
            zone: self.zone,
            clock: seconds(days, hour, minute, clamped),
            is_dst: (is_dst >= 0).then_some(is_dst != 0),
        };

        let guess = wanted.clock + i64::from(self.last_offset as i32);
        let (mut time, tm) = wanted.search(guess)?;
        self.last_offset = time - wanted.clock;
        if tm.second != second {
            time += i64::from(second) - i64::from(clamped);
            time += i64::from(clamped == 0 && tm.second == 60);
        }
        let (tm, _) = Tm::at(time, self.zone)?;
        let Tm { year, month, day, hour, minute, second, is_dst, .. } = tm;
        *fields = [second, minute, hour, day, month, year, i32::from(is_dst)];
        Some(time)
    }
}

/// What a clock shall show.
struct Wanted<'z> {
    zone: &'z Zone,
    /// As [`seconds`] counts.
    clock: i64,
    /// `None` if either will do.
    is_dst: Option<bool>,
}

impl Wanted<'_> {
    /// The moment when the clock shows it, searched from `guess`.
    fn search(&self, guess: i64) -> Option<(i64, Tm)> {
        // More steps than the changes of any one zone need.
        const STEPS: u32 = 6;

        let mut next = guess;
        // The last two moments tried, the older one first.
        let mut tried = [guess, guess];
        let mut last_was_dst = false;
        for _ in 0..STEPS {
            let (time, tm) = self.nearest(next)?;
            let missing = self.clock - tm.seconds();
            if missing == 0 {
                return if self.suits(&tm) { Some((time, tm)) } else { self.with_flag(time, &tm) };
            }
            // Swinging between two moments: the clock skipped what is wanted. It is then either
            // of them, the one that has not the wanted flag, or else the one in daylight time.
            let swings = time == tried[0] && time != tried[1];
            let settle = match self.is_dst {
                Some(is_dst) => is_dst != tm.is_dst,
                None => tm.is_dst || !last_was_dst,
            };
            if swings && settle {
                return Some((time, tm));
            }
            tried = [tried[1], time];
            next = time + missing;
            last_was_dst = tm.is_dst;
        }
        None
    }

    /// The moment instead of `time`, when the clock shows the wanted digits but is in `tm`'s wrong
    /// state: by the clock as it is in the wanted state nearest to `time`.
    fn with_flag(&self, time: i64, tm: &Tm) -> Option<(i64, Tm)> {
        // No zone ever had a shorter period in one state.
        const STRIDE: i64 = 601_200;
        // The longest time that a zone's difference between the two states was not one hour.
        const LONGEST: i64 = 457_243_209;
        const BOUND: i64 = LONGEST / 2 + STRIDE;

        for delta in (1..).map(|n| n * STRIDE).take_while(|&delta| delta < BOUND) {
            for probe in [time - delta, time + delta] {
                let (probe, there) = self.nearest(probe)?;
                if self.suits(&there) {
                    let time = probe + self.clock - there.seconds();
                    if let Some((tm, _)) = Tm::at(time, self.zone) {
                        return Some((time, tm));
                    }
                }
            }
        }
        let time = if tm.is_dst { time + 3600 } else { time - 3600 };
        let (tm, _) = Tm::at(time, self.zone)?;
        Some((time, tm))
    }

    fn suits(&self, tm: &Tm) -> bool {
        self.is_dst.is_none_or(|is_dst| is_dst == tm.is_dst)
    }

    /// `time`, or the nearest moment to it whose year is in range.
    fn nearest(&self, time: i64) -> Option<(i64, Tm)> {
        if let Some((tm, _)) = Tm::at(time, self.zone) {
            return Some((time, tm));
        }
        let (mut good, mut bad) = (0_i64, time);
        while good.abs_diff(bad) > 1 {
            let middle = good + (bad - good) / 2;
            match Tm::at(middle, self.zone) {
                Some(_) => good = middle,
                None => bad = middle,
            }
        }
        Tm::at(good, self.zone).map(|(tm, _)| (good, tm))
    }
}
