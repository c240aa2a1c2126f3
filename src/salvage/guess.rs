//! Which table data belongs to whose entry is lost: the only one that has no data, and whose columns
//! its rows fit.

use std::collections::HashMap;

use crate::rows::CopyStatement;
use crate::sql;
use crate::toc::{Desc, DumpId, Toc, TocEntry};
use crate::types::{Column, DataType, Definitions};
use crate::value::{self, Date, Numeric, Timestamp, TimestampTz};

/// A table without data.
struct Candidate {
    id: DumpId,
    columns: Vec<Column>,
}

/// A table, and the COPY statement of its rows.
pub(super) struct Guess {
    pub(super) table: DumpId,
    pub(super) copy: Vec<u8>,
}

/// Finds the tables of data by its first rows. What fits several tables, or fits one together with
/// other data, stays without.
pub(super) fn tables(toc: &Toc, lost: &[(DumpId, Vec<u8>)]) -> HashMap<DumpId, Guess> {
    let candidates = candidates(toc);
    let mut found: HashMap<DumpId, Vec<DumpId>> = HashMap::new();
    for (id, rows) in lost {
        let mut fitting = candidates.iter().filter(|table| fits(rows, &table.columns));
        if let (Some(table), None) = (fitting.next(), fitting.next()) {
            found.entry(table.id).or_default().push(*id);
        }
    }
    let sole = found.into_iter().filter_map(|(table, data)| match data[..] {
        [id] => Some((id, table)),
        _ => None,
    });
    let guess = |(id, table): (DumpId, DumpId)| {
        let columns = &candidates.iter().find(|candidate| candidate.id == table)?.columns;
        let copy = copy_of(toc.entry(table)?, columns)?;
        Some((id, Guess { table, copy }))
    };
    sole.filter_map(guess).collect()
}

fn candidates(toc: &Toc) -> Vec<Candidate> {
    let definitions = Definitions::new(toc);
    let has_data = |table: &TocEntry<'_>| {
        toc.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA).any(|data| {
            data.dependencies().contains(&table.dump_id())
                || (data.tag() == table.tag() && data.namespace() == table.namespace())
        })
    };
    let tables = toc.entries().filter(|entry| entry.desc() == Desc::TABLE);
    let candidate = |table: TocEntry<'_>| {
        let columns = definitions.columns(table).ok().filter(|of| of.untyped.is_none())?;
        let stored = columns.columns.into_iter().filter(|column| column.generated.is_none());
        Some(Candidate { id: table.dump_id(), columns: stored.collect() })
    };
    tables.filter(|table| !has_data(table)).filter_map(candidate).collect()
}

/// Whether rows may be of these columns: all of them, and not only as any text would be.
fn fits(rows: &[u8], columns: &[Column]) -> bool {
    let ended = rows.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines = rows[..ended].split_inclusive(|byte| *byte == b'\n');
    let rows = lines.map(|line| &line[..line.len() - 1]).take_while(|line| *line != b"\\.");
    let (mut count, mut telling) = (0, 0);
    for row in rows {
        let fields = row.split(|byte| *byte == b'\t');
        if fields.clone().count() != columns.len() {
            return false;
        }
        for (text, column) in fields.zip(columns) {
            let is = match text {
                b"\\N" => Some(!column.not_null).filter(|may_be| !may_be),
                text => is_value(&column.data_type, text),
            };
            match is {
                Some(false) => return false,
                Some(true) => telling += 1,
                None => {}
            }
        }
        count += 1;
    }
    count > 0 && telling > 0
}

/// Whether a text is a value of a type; `None` of types that have nearly any text.
fn is_value(data_type: &DataType, text: &[u8]) -> Option<bool> {
    use DataType as T;
    let within = |low: i64, high: i64| {
        value::integer(text).is_some_and(|value| (low..=high).contains(&value))
    };
    Some(match data_type {
        T::Boolean => value::boolean(text).is_some(),
        T::SmallInt => within(i16::MIN.into(), i16::MAX.into()),
        T::Integer => within(i32::MIN.into(), i32::MAX.into()),
        T::BigInt => value::integer(text).is_some(),
        T::Real => value::real(text).is_some(),
        T::DoublePrecision => value::double_precision(text).is_some(),
        T::Numeric(_) => Numeric::parse(text).is_some(),
        T::Date => Date::parse(text).is_some(),
        T::Timestamp => Timestamp::parse(text).is_some(),
        T::TimestampTz => TimestampTz::parse(text).is_some(),
        T::Uuid => value::uuid(text).is_some(),
        _ => return None,
    })
}

/// The COPY statement that pg_dump writes for a table.
fn copy_of(table: TocEntry<'_>, columns: &[Column]) -> Option<Vec<u8>> {
    let encoding = table.toc().text_encoding();
    let mut copy = b"COPY ".to_vec();
    let namespace = table.namespace().unwrap_or_default();
    if !namespace.is_empty() {
        sql::identifier(namespace, encoding, &mut copy);
        copy.push(b'.');
    }
    sql::identifier(table.tag()?, encoding, &mut copy);
    for (n, column) in columns.iter().enumerate() {
        copy.extend_from_slice(if n == 0 { b" (" } else { b", " });
        sql::identifier(&column.name, encoding, &mut copy);
    }
    copy.extend_from_slice(b") FROM stdin;\n");
    CopyStatement::parse(&copy).ok().map(|_| copy)
}
