//! What the server knows of the tables of a dump; their locks; and that no other definition came
//! in between.

use std::collections::{HashMap, HashSet};

use pgdmp::rows::CopyStatement;
use pgdmp::toc::Gate;
use pgdmp::{BlockKind, Desc, Toc, TocEntry};

use super::item::{Item, Table, What, quote};
use super::setup::{failed, must, rows};
use crate::fatal::Fatal;
use crate::session::Session;

/// Bytes of one LOCK statement; `pg_dump` has as many.
const BATCH: usize = 100_000;

/// The SQLSTATE of a lock that cannot be had at once.
pub(super) const NOT_AVAILABLE: &[u8; 5] = b"55P03";

/// The OIDs of the tables with data.
pub(super) fn oids(toc: &Toc) -> Vec<u32> {
    let data = toc.entries().filter(|entry| is_table(*entry));
    data.map(|entry| entry.catalog_id().oid.0).collect()
}

fn is_table(entry: TocEntry<'_>) -> bool {
    entry.has_data() && entry.desc() == Desc::TABLE_DATA
}

/// Whether all data of an archive is what a session can read. Rows as INSERT commands are not.
pub(super) fn is_readable(toc: &Toc) -> bool {
    toc.entries().filter(|entry| entry.has_data()).all(|entry| match entry.data_kind() {
        BlockKind::LargeObjects => {
            !toc.header().version.has(Gate::LargeObjectGroups) || group(toc, entry).is_some()
        }
        _ => {
            is_table(entry)
                && entry.copy_stmt().is_some_and(|copy| {
                    CopyStatement::parse(copy).is_ok_and(|copy| copy.columns.is_some())
                })
        }
    })
}

/// What the server knows of a table.
#[derive(Debug, Default)]
struct Known {
    kind: u8,
    is_heap: bool,
    pages: u64,
    bytes: u64,
    condition: Option<Vec<u8>>,
}

/// `{1,2,3}` as a literal.
fn array(oids: &[u32]) -> String {
    let oids: Vec<String> = oids.iter().map(u32::to_string).collect();
    format!("'{{{}}}'::pg_catalog.oid[]", oids.join(","))
}

fn know(session: &mut dyn Session, oids: &[u32]) -> Result<HashMap<u32, Known>, Fatal> {
    let wanted = array(oids);
    let size = "COALESCE(pg_catalog.pg_relation_size(c.oid), 0)";
    let (heap, join) = match session.server_version() {
        ..120_000 => ("true", ""),
        _ => ("a.amname = 'heap'", "LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam"),
    };
    let sql = format!(
        "SELECT c.oid, c.relkind, {heap}, \
         {size} / pg_catalog.current_setting('block_size')::pg_catalog.int8, \
         {size} + COALESCE(pg_catalog.pg_relation_size(NULLIF(c.reltoastrelid, 0)), 0), \
         (SELECT e.extcondition[i] FROM pg_catalog.pg_extension e, \
          pg_catalog.generate_subscripts(e.extconfig, 1) i WHERE e.extconfig[i] = c.oid LIMIT 1) \
         FROM pg_catalog.pg_class c {join} WHERE c.oid = ANY ({wanted}) AND c.relkind <> 'f' \
         UNION ALL SELECT c.oid, c.relkind, false, 0, 0, NULL \
         FROM pg_catalog.pg_class c WHERE c.oid = ANY ({wanted}) AND c.relkind = 'f'"
    );
    let number = |value: &Option<Vec<u8>>| -> u64 {
        let text = value.as_deref().and_then(|text| std::str::from_utf8(text).ok());
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    let mut known = HashMap::new();
    for row in rows(session, sql.as_bytes())? {
        let [oid, kind, heap, pages, bytes, condition] = &row[..] else { continue };
        let oid = u32::try_from(number(oid)).unwrap_or(0);
        let of_table = Known {
            kind: kind.as_deref().and_then(<[u8]>::first).copied().unwrap_or(0),
            is_heap: heap.as_deref() == Some(b"t"),
            pages: number(pages),
            bytes: number(bytes),
            condition: condition.clone().filter(|condition| !condition.is_empty()),
        };
        known.insert(oid, of_table);
    }
    Ok(known)
}

/// How tables are divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Division {
    /// Tables of so many bytes are divided.
    pub(super) from: u64,
    /// Whether any is.
    pub(super) any: bool,
}

/// All data of an archive, in its order.
pub(super) fn items(
    toc: &Toc,
    session: &mut dyn Session,
    division: Division,
) -> Result<Vec<Item>, Fatal> {
    let known = know(session, &oids(toc))?;
    let any = division.any && session.server_version() >= 140_000;
    let mut items = Vec::new();
    for entry in toc.entries().filter(|entry| entry.has_data()) {
        let (id, place) = (entry.dump_id(), entry.index());
        if entry.data_kind() == BlockKind::LargeObjects {
            let what = What::Objects(objects(toc, entry, session)?);
            items.push(Item { id, place, what, bytes: 0 });
            continue;
        }
        let oid = entry.catalog_id().oid.0;
        let known = known.get(&oid).ok_or_else(|| changed(entry))?;
        let columns = CopyStatement::parse(entry.copy_stmt().unwrap_or_default())?.columns;
        let columns: Vec<_> =
            columns.unwrap_or_default().iter().map(|column| quote(column)).collect();
        let mut table = Table {
            name: entry.sql_name(),
            columns: columns.join(&b", "[..]),
            condition: known.condition.clone(),
            is_foreign: known.kind == b'f',
            pages: 0,
            units: 1,
        };
        let can = known.kind == b'r'
            && known.is_heap
            && table.condition.is_none()
            && !table.columns.is_empty();
        if any && can && known.bytes >= division.from {
            table.divide(known.pages, known.bytes);
        }
        items.push(Item { id, place, what: What::Table(table), bytes: known.bytes });
    }
    Ok(items)
}

/// Since 17 an entry has the large objects of one group.
fn group<'a>(toc: &'a Toc, entry: TocEntry<'a>) -> Option<TocEntry<'a>> {
    let mut needed = entry.dependencies().iter().filter_map(|id| toc.entry(*id));
    needed.find(|needed| needed.desc() == Desc::BLOB_METADATA)
}

/// The large objects of an entry, in the order of `pg_dump`: those of its group, or all.
fn objects(toc: &Toc, entry: TocEntry<'_>, session: &mut dyn Session) -> Result<Vec<u32>, Fatal> {
    let bad = || {
        let name = entry.name();
        Fatal::server(format!("the large objects of an entry are of an unknown form: {name}"))
    };
    let parsed = |text: &[u8]| -> Result<u32, Fatal> {
        let text = std::str::from_utf8(text).map_err(|_| bad())?;
        text.trim().parse().map_err(|_| bad())
    };
    match group(toc, entry) {
        Some(group) => {
            let lines = group.defn().unwrap_or_default().split(|byte| *byte == b'\n');
            lines.filter(|line| !line.trim_ascii().is_empty()).map(parsed).collect()
        }
        None => {
            let all = b"SELECT oid FROM pg_catalog.pg_largeobject_metadata ORDER BY 1";
            rows(session, all)?.into_iter().flatten().flatten().map(|oid| parsed(&oid)).collect()
        }
    }
}

fn changed(entry: TocEntry<'_>) -> Fatal {
    Fatal::server(format!("{} was dropped while the dump began", entry.name()))
}

/// The names of the tables that are to be locked, as SQL: those that are no foreign ones.
pub(super) fn to_lock(session: &mut dyn Session, toc: &Toc) -> Result<Vec<Vec<u8>>, Fatal> {
    let wanted = array(&oids(toc));
    let sql =
        format!("SELECT oid FROM pg_catalog.pg_class WHERE oid = ANY ({wanted}) AND relkind = 'f'");
    let foreign: HashSet<Vec<u8>> =
        rows(session, sql.as_bytes())?.into_iter().flatten().flatten().collect();
    let names = toc
        .entries()
        .filter(|entry| is_table(*entry))
        .filter(|entry| !foreign.contains(entry.catalog_id().oid.0.to_string().as_bytes()))
        .map(|entry| entry.sql_name())
        .collect();
    Ok(names)
}

/// Locks tables as `pg_dump` does, so that nobody changes them until the dump has ended. `now`: not
/// if somebody else has to be waited for. Says whether they are locked.
pub(super) fn lock(session: &mut dyn Session, names: &[Vec<u8>], now: bool) -> Result<bool, Fatal> {
    let names: Vec<Vec<u8>> = names.iter().map(|name| [b"ONLY ", &name[..]].concat()).collect();
    let mut rest = &names[..];
    while !rest.is_empty() {
        let mut len = 0;
        let fits = |name: &&Vec<u8>| {
            len += name.len() + 2;
            len <= BATCH
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (batch, more) = rest.split_at(count);
        rest = more;
        let mut sql =
            [b"LOCK TABLE ", &batch.join(&b", "[..])[..], b" IN ACCESS SHARE MODE"].concat();
        if now {
            sql.extend_from_slice(b" NOWAIT");
        }
        if let Err(message) = session.query(&sql) {
            if now && session.last_state().as_ref() == Some(NOT_AVAILABLE) {
                return Ok(false);
            }
            return Err(failed(&message, &sql));
        }
    }
    Ok(true)
}

/// The tables of a dump as a session sees them: what rows of an older snapshot could not be read
/// rightly by, or not at all, if it changed.
pub(super) fn state(session: &mut dyn Session, oids: &[u32]) -> Result<Vec<Vec<u8>>, Fatal> {
    let wanted = array(oids);
    let sql = format!(
        "SELECT pg_catalog.concat_ws(' ', c.oid, c.relfilenode, c.relkind, n.oid, n.nspname, \
         c.relname, (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.atttypid, \
         a.attname), ',' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a \
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid = ANY ({wanted}) ORDER BY c.oid"
    );
    Ok(rows(session, sql.as_bytes())?.into_iter().flatten().flatten().collect())
}

/// Waits for locks no longer than that, and from then on for ever.
pub(super) fn with_wait<T>(
    session: &mut dyn Session,
    wait: Option<&str>,
    act: impl FnOnce(&mut dyn Session) -> Result<T, Fatal>,
) -> Result<T, Fatal> {
    let Some(wait) = wait else { return act(session) };
    let wait = super::item::literal(wait.as_bytes());
    must(session, &[b"SET statement_timeout = ", &wait[..]].concat())?;
    let done = act(session)?;
    must(session, b"SET statement_timeout = 0")?;
    Ok(done)
}
