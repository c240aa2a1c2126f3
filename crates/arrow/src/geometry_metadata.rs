//! What GeoParquet 1.1 wants in a file's metadata, under the key `geo`.

use serde_json::{Map, Value, json};

/// For columns with their names and SRIDs; `None` without any.
pub(crate) fn of<'c>(columns: impl Iterator<Item = (&'c str, i32)>) -> Option<String> {
    let mut all = Map::new();
    let mut first = None;
    for (name, srid) in columns {
        first.get_or_insert(name);
        let mut column = json!({ "encoding": "WKB", "geometry_types": [] });
        // Without `crs` it is longitude and latitude of WGS 84. Others have no definition here.
        if srid != 4326 {
            column["crs"] = Value::Null;
        }
        all.insert(name.to_owned(), column);
    }
    let first = first?;
    Some(json!({ "version": "1.1.0", "primary_column": first, "columns": all }).to_string())
}
