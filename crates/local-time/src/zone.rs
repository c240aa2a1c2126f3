//! Time zones as glibc takes them from `TZ`: a file of the tz database, or else the POSIX way to
//! write a zone, in which glibc forgives nearly everything and then does surprising things.
//!
//! The rule for the time after a file's last change is in the POSIX way, too.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{DAY, Local, days_before, year_of, year_start};

/// What `TZ` unset stands for.
const SITE_ZONE: &str = "/etc/localtime";
/// Where zone files are, unless `TZDIR` says otherwise.
const ZONE_DIR: &str = "/usr/share/zoneinfo";
/// Real zone files have a few KiB.
const MAX_FILE_SIZE: u64 = 1 << 20;

/// A time zone.
#[derive(Debug)]
pub(super) enum Zone {
    File(ZoneFile),
    Rule(Rule),
}

impl Zone {
    /// The zone of this process.
    pub(super) fn local() -> Zone {
        Zone::from_tz(env::var_os("TZ").as_ref().map(|tz| tz.as_bytes()))
    }

    /// The zone that a value of `TZ` names.
    pub(super) fn from_tz(tz: Option<&[u8]>) -> Zone {
        let tz = match tz {
            None => SITE_ZONE.as_bytes(),
            Some(b"") => b"Universal",
            Some(tz) => tz.strip_prefix(b":").unwrap_or(tz),
        };
        if let Some(file) = ZoneFile::read(tz) {
            return Zone::File(file);
        }
        if tz.is_empty() || tz == SITE_ZONE.as_bytes() {
            return Zone::Rule(Rule::utc());
        }
        Zone::Rule(Rule::parse(tz))
    }

    /// What holds at `time`. `None` if the year is out of range.
    pub(super) fn at(&self, time: i64) -> Option<Local<'_>> {
        match self {
            Zone::File(file) => Some(file.at(time)),
            Zone::Rule(rule) => rule.at(time),
        }
    }
}

/// A zone's standard time, or its daylight saving time.
#[derive(Debug, Clone, Default)]
struct State {
    offset: i64,
    is_dst: bool,
    name: String,
}

impl State {
    fn local(&self) -> Local<'_> {
        Local { offset: self.offset, is_dst: self.is_dst, name: &self.name, leap_seconds: 0 }
    }
}

/// A file of the tz database.
#[derive(Debug)]
pub(super) struct ZoneFile {
    /// When the zone changed, in ascending order, and the index of the state it changed to.
    changes: Vec<(i64, usize)>,
    /// At least one.
    states: Vec<State>,
    /// Moments, and the correction from then on.
    leaps: Vec<(i64, i32)>,
    /// After the last change.
    rule: Option<Rule>,
}

impl ZoneFile {
    fn read(name: &[u8]) -> Option<ZoneFile> {
        if name.is_empty() {
            return None;
        }
        let dir = env::var_os("TZDIR").filter(|dir| !dir.is_empty());
        let dir = dir.map_or_else(|| PathBuf::from(ZONE_DIR), PathBuf::from);
        // An absolute path replaces the directory.
        let path = dir.join(Path::new(OsStr::from_bytes(name)));
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(MAX_FILE_SIZE).read_to_end(&mut bytes).ok()?;
        ZoneFile::parse(&bytes)
    }

    /// Reads TZif, of any version.
    pub(super) fn parse(bytes: &[u8]) -> Option<ZoneFile> {
        let mut input = Input(bytes);
        let mut header = Header::parse(&mut input)?;
        let wide = header.version != 0;
        if wide {
            // The same again with times of eight bytes.
            input.take(header.body_size()?)?;
            header = Header::parse(&mut input)?;
        }
        let [is_utcs, is_stds, leaps, changes, states, name_bytes] = header.counts;
        if states == 0 || is_stds > states || is_utcs > states {
            return None;
        }

        let times = input.array(changes, |input| input.time(wide))?;
        let kinds = input.array(changes, |input| input.byte().map(usize::from))?;
        if kinds.iter().any(|&kind| kind >= states) {
            return None;
        }
        let states =
            input.array(states, |input| Some((input.int()?, input.byte()?, input.byte()?)))?;
        let names = input.take(name_bytes)?;
        let leaps = input.array(leaps, |input| Some((input.time(wide)?, input.int()?)))?;
        // How the dates of the changes were written.
        input.take(is_stds)?;
        input.take(is_utcs)?;
        let states = states.iter().map(|&(offset, is_dst, name)| {
            let name = until_nul(names.get(usize::from(name)..)?);
            (is_dst <= 1).then_some(State {
                offset: i64::from(offset),
                is_dst: is_dst == 1,
                name: String::from_utf8_lossy(name).into_owned(),
            })
        });
        let states = states.collect::<Option<Vec<State>>>()?;
        let rule = match input.0 {
            _ if !wide => None,
            [] | [_] => return None,
            [b'\n', rule @ .., _] => Some(until_nul(rule)),
            _ => None,
        };
        let rule = rule.filter(|rule| !rule.is_empty()).map(Rule::parse);
        Some(ZoneFile { changes: times.into_iter().zip(kinds).collect(), states, leaps, rule })
    }

    fn at(&self, time: i64) -> Local<'_> {
        let passed = self.changes.partition_point(|&(change, _)| change <= time);
        let local = match passed.checked_sub(1) {
            None => {
                let state = self.states.iter().find(|state| !state.is_dst);
                state.unwrap_or(&self.states[0]).local()
            }
            Some(last) => {
                let rule = self.rule.as_ref().filter(|_| passed == self.changes.len());
                let by_rule = rule.and_then(|rule| rule.at(time));
                by_rule.unwrap_or_else(|| self.states[self.changes[last].1].local())
            }
        };
        self.with_leaps(time, local)
    }

    /// `local` corrected by the leap seconds until `time`, in the zones that count them.
    fn with_leaps<'z>(&'z self, time: i64, local: Local<'z>) -> Local<'z> {
        let passed = self.leaps.iter().rposition(|&(leap, _)| leap <= time);
        let Some(mut last) = passed else { return local };
        let (leap, correction) = self.leaps[last];
        let before = last.checked_sub(1).map_or(0, |before| self.leaps[before].1);
        let mut leap_seconds = 0;
        if leap == time && correction > before {
            leap_seconds = 1;
            while last > 0 {
                let [(leap, correction), (next, next_correction)] =
                    [self.leaps[last - 1], self.leaps[last]];
                let adjoins = leap.checked_add(1) == Some(next)
                    && correction.checked_add(1) == Some(next_correction);
                if !adjoins {
                    break;
                }
                leap_seconds += 1;
                last -= 1;
            }
        }
        Local { offset: local.offset - i64::from(correction), leap_seconds, ..local }
    }
}

/// The head of each part of a TZif file.
struct Header {
    version: u8,
    /// In the order of the file: UTC flags, standard time flags, leap seconds, changes, states,
    /// bytes of names.
    counts: [usize; 6],
}

impl Header {
    fn parse(input: &mut Input<'_>) -> Option<Header> {
        if input.take(4)? != b"TZif" {
            return None;
        }
        let version = input.byte()?;
        input.take(15)?;
        let mut counts = [0; 6];
        for count in &mut counts {
            *count = usize::try_from(input.int()?).ok()?;
        }
        Some(Header { version, counts })
    }

    /// Of the first part.
    fn body_size(&self) -> Option<usize> {
        const SIZES: [usize; 6] = [1, 1, 8, 5, 6, 1];
        let mut parts = self.counts.iter().zip(SIZES);
        parts.try_fold(0_usize, |sum, (count, size)| sum.checked_add(count.checked_mul(size)?))
    }
}

/// What is left of a file.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<T>(
        &mut self,
        len: usize,
        mut element: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        (0..len).map(|_| element(self)).collect()
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn int(&mut self) -> Option<i32> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(bytes))
    }

    fn time(&mut self, wide: bool) -> Option<i64> {
        if !wide {
            return self.int().map(i64::from);
        }
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i64::from_be_bytes(bytes))
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(bytes)
}

/// A zone in the POSIX way, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
#[derive(Debug, Default)]
pub(super) struct Rule {
    std: State,
    dst: State,
    to_dst: YearlyChange,
    to_std: YearlyChange,
}

/// When a zone changes, each year.
#[derive(Debug, Clone, Copy, Default)]
struct YearlyChange {
    date: Date,
    /// Of the wall clock, since midnight.
    seconds: i64,
}

#[derive(Debug, Clone, Copy)]
enum Date {
    /// From 0, in all years.
    YearDay(u16),
    /// From 1, without February 29th.
    NoLeapDay(u16),
    /// The week, from 1 and up to the last one in the month, and the day of it, from Sunday.
    Month { month: u16, week: u16, day: u16 },
}

impl Default for Date {
    fn default() -> Self {
        Date::YearDay(0)
    }
}

impl Rule {
    fn utc() -> Rule {
        let name = "UTC".to_owned();
        Rule { std: State { name, ..State::default() }, ..Rule::default() }
    }

    /// As much of `tz` as can be read. All that is missing is UTC without a name.
    fn parse(tz: &[u8]) -> Rule {
        let mut rule = Rule::default();
        rule.dst.is_dst = true;
        Scan(tz).rule(&mut rule);
        rule
    }

    /// What holds at `time`. `None` if the year is out of range.
    fn at(&self, time: i64) -> Option<Local<'_>> {
        let year = i32::try_from(year_of(time.div_euclid(DAY)) - 1900).ok()?;
        let year = year.wrapping_add(1900);
        let to_dst = self.to_dst.in_year(year) - self.std.offset;
        let to_std = self.to_std.in_year(year) - self.dst.offset;
        let is_dst = if to_dst > to_std {
            // South of the equator.
            time < to_std || time >= to_dst
        } else {
            (to_dst..to_std).contains(&time)
        };
        Some(if is_dst { self.dst.local() } else { self.std.local() })
    }
}

impl YearlyChange {
    /// On the wall clock before the change.
    fn in_year(&self, year: i32) -> i64 {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        // As glibc counts the days until the year: none before 1970, and in an int.
        let start = if year > 1970 { year_start(i64::from(year)) as i32 } else { 0 };
        let day = match self.date {
            Date::YearDay(day) => i64::from(day),
            Date::NoLeapDay(day) => i64::from(day) - 1 + i64::from(is_leap && day >= 60),
            Date::Month { month, week, day } => {
                let before = days_before(if is_leap { 2000 } else { 2001 });
                let month = usize::from(month);
                let first = before.get(month.wrapping_sub(1)).copied().unwrap_or(0);
                let next = before.get(month).copied().unwrap_or(if is_leap { 366 } else { 365 });
                // Zeller's congruence; its weekday is wrong for some years before 1.
                let shifted = (month as i32 + 9) % 12 + 1;
                let year = if month <= 2 { year.wrapping_sub(1) } else { year };
                let (century, year) = (year / 100, year % 100);
                let weekday = (26 * shifted - 2) / 10 + 1 + year + year / 4 + century / 4;
                let weekday = (weekday - 2 * century) % 7;
                let weekday = if weekday < 0 { weekday + 7 } else { weekday };
                let mut date = i32::from(day) - weekday;
                if date < 0 {
                    date += 7;
                }
                for _ in 1..week {
                    if date + 7 >= next - first {
                        break;
                    }
                    date += 7;
                }
                i64::from(first + date)
            }
        };
        (i64::from(start) + day) * DAY + self.seconds
    }
}

/// What is left of a zone in the POSIX way.
struct Scan<'a>(&'a [u8]);

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Skips one of `any`.
    fn skip(&mut self, any: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| any.contains(byte))?;
        self.0 = &self.0[1..];
        Some(byte)
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a [u8] {
        let len = self.0.iter().position(|&byte| !accept(byte)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    /// Fills `rule`, up to the first thing that cannot be read.
    fn rule(&mut self, rule: &mut Rule) -> Option<()> {
        rule.std.name = self.name()?;
        self.peek().filter(|byte| b"+-".contains(byte) || byte.is_ascii_digit())?;
        rule.std.offset = self.offset()?;
        if self.0.is_empty() {
            rule.dst = State { is_dst: true, ..rule.std.clone() };
            return Some(());
        }
        if let Some(name) = self.name() {
            rule.dst.name = name;
            rule.dst.offset = self.offset().unwrap_or(rule.std.offset + 3600);
        }
        // Where the dates are missing, they are those of the United States. glibc would look for
        // them in a file `posixrules` first, which tz databases no longer have.
        self.change(&mut rule.to_dst, Date::Month { month: 3, week: 2, day: 0 })?;
        self.change(&mut rule.to_std, Date::Month { month: 11, week: 1, day: 0 })
    }

    /// Three letters or more, or with digits and signs in angle brackets.
    fn name(&mut self) -> Option<String> {
        let start = self.0;
        let mut name = self.take_while(|byte| byte.is_ascii_alphabetic());
        if name.len() < 3 {
            self.0 = start;
            self.skip(b"<")?;
            name = self.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-".contains(&byte));
            if self.skip(b">").is_none() || name.len() < 3 {
                self.0 = start;
                return None;
            }
        }
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// East of Greenwich, which is written with a minus sign.
    fn offset(&mut self) -> Option<i64> {
        let sign = if self.skip(b"+-") == Some(b'-') { 1 } else { -1 };
        let [hours, minutes, seconds] = self.clock()?;
        let [minutes, seconds] = [minutes, seconds].map(|n| i64::from(n.unwrap_or(0).min(59)));
        Some(sign * (i64::from(hours.unwrap_or(0).min(24)) * 3600 + minutes * 60 + seconds))
    }

    /// Numbers with colons between. `None` if there is none.
    fn clock(&mut self) -> Option<[Option<u16>; 3]> {
        let mut clock = [Some(self.number()?), None, None];
        for part in &mut clock[1..] {
            let start = self.0;
            *part = self.skip(b":").and_then(|_| self.number());
            if part.is_none() {
                self.0 = start;
                break;
            }
        }
        Some(clock)
    }

    /// A number as `scanf` reads it: with blanks and a sign, and of any size.
    fn number(&mut self) -> Option<u16> {
        let start = self.0;
        self.take_while(|byte| byte.is_ascii_whitespace() || byte == 0x0b);
        let negative = self.skip(b"+-") == Some(b'-');
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            self.0 = start;
            return None;
        }
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        Some(match number {
            Some(number) if negative => number.wrapping_neg() as u16,
            Some(number) => number as u16,
            None => u64::MAX as u16,
        })
    }

    /// When the zone changes; `default` if there is nothing left.
    fn change(&mut self, change: &mut YearlyChange, default: Date) -> Option<()> {
        self.skip(b",");
        match self.peek() {
            Some(b'M') => {
                self.skip(b"M");
                let mut parts = [0; 3];
                let count = self.dotted(&mut parts);
                let [month, week, day] = parts;
                change.date = Date::Month { month, week, day };
                let sound = (1..=12).contains(&month) && (1..=5).contains(&week) && day <= 6;
                if count < 3 || !sound {
                    return None;
                }
            }
            Some(first) if first == b'J' || first.is_ascii_digit() => {
                let no_leap_day = self.skip(b"J").is_some();
                change.date = if no_leap_day { Date::NoLeapDay(0) } else { Date::YearDay(0) };
                let digits = self.take_while(|byte| byte.is_ascii_digit());
                let day = std::str::from_utf8(digits).ok()?.parse::<u16>().ok()?;
                if day > 365 || (no_leap_day && day == 0) {
                    return None;
                }
                change.date = if no_leap_day { Date::NoLeapDay(day) } else { Date::YearDay(day) };
            }
            Some(_) => return None,
            None => change.date = default,
        }
        change.seconds = match self.peek() {
            None | Some(b',') => 2 * 3600,
            Some(b'/') => {
                self.skip(b"/");
                self.peek()?;
                let sign = if self.skip(b"-").is_some() { -1 } else { 1 };
                let [hours, minutes, seconds] = self.clock().unwrap_or([Some(2), None, None]);
                let [hours, minutes, seconds] =
                    [hours, minutes, seconds].map(|n| i64::from(n.unwrap_or(0)));
                sign * (hours * 3600 + minutes * 60 + seconds)
            }
            Some(_) => return None,
        };
        Some(())
    }

    /// Numbers with dots between; how many there were.
    fn dotted(&mut self, numbers: &mut [u16; 3]) -> usize {
        for (i, number) in numbers.iter_mut().enumerate() {
            if i > 0 && self.skip(b".").is_none() {
                return i;
            }
            match self.number() {
                Some(parsed) => *number = parsed,
                None => return i,
            }
        }
        numbers.len()
    }
}
