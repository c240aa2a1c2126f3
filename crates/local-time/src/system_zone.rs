//! The time zone where the system has no zone files, such as Windows.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{DAY, Local};

/// A time zone. Its name is not known: `pg_restore` prints none there.
#[derive(Debug)]
pub(super) struct Zone(TimeZone);

impl Zone {
    /// The zone of this process.
    pub(super) fn local() -> Zone {
        Zone(TimeZone::system())
    }

    /// What holds at `time`.
    pub(super) fn at(&self, time: i64) -> Option<Local<'_>> {
        // The calendar repeats after 400 years, and so do the rules of the zones. The years that
        // are used are 1570 to 2369.
        const CYCLE: i64 = 146_097 * DAY;
        let near = if (-CYCLE..CYCLE).contains(&time) { time } else { time.rem_euclid(CYCLE) };
        let info = self.0.to_offset_info(Timestamp::from_second(near).ok()?);
        let offset = i64::from(info.offset().seconds());
        Some(Local { offset, is_dst: info.dst().is_dst(), name: "", leap_seconds: 0 })
    }
}
