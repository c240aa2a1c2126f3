//! What a long command tells programs while it works: a JSON object on each line of standard error.
//! `event` says what a line is. `docs/json.md` has all of them.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{json, stdio};
use pgdmp::text::Encoding;

/// The beginning of a line.
pub(crate) fn event(name: &str) -> Map<String, Value> {
    let mut map = json::document();
    map.insert("event".into(), name.into());
    map
}

/// Writes a line.
pub(crate) fn tell(map: Map<String, Value>) {
    let mut line = Vec::new();
    if json::write(&Value::Object(map), &mut line).is_ok() {
        line.push(b'\n');
        stdio::say(&String::from_utf8_lossy(&line));
    }
}

/// Writes a message of the server, of pg_dump or of this program as a line.
pub(crate) fn tell_message(level: &str, text: &[u8], encoding: Encoding) {
    let mut map = event("message");
    map.insert("level".into(), level.into());
    json::put_text(&mut map, "text", Some(text.strip_suffix(b"\n").unwrap_or(text)), encoding);
    tell(map);
}

/// A number with three digits behind the point.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A time in seconds.
pub(crate) fn seconds(time: Duration) -> Value {
    rounded(time.as_secs_f64()).into()
}
