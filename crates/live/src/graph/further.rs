//! What reaches rows of tables that it does not name.
//!
//! The archive does not say so: a trigger of a partitioned table waits for that table alone, which
//! has no rows. `pg_restore` mostly begins such an entry last, since it has no size; a pipe would
//! have it begun while rows are still to come. Then a trigger would fire for them, and a constraint
//! that older rows need not meet (`NOT VALID`) would refuse them.

use pgdmp::{Desc, TocEntry};

/// Whether an entry behind the data waits for the rows of all tables. `of_no_rows`: whether it
/// belongs to a table that has no rows of its own in the archive, as partitioned tables.
pub(super) fn reaches_further(entry: &TocEntry<'_>, of_no_rows: bool) -> bool {
    match entry.desc() {
        // Of a domain, or of a table and all that inherit from it.
        Desc::CHECK_CONSTRAINT => true,
        Desc::CONSTRAINT | Desc::FK_CONSTRAINT => {
            !entry.defn().unwrap_or_default().starts_with(b"ALTER TABLE ONLY ")
        }
        Desc::TRIGGER | Desc::RULE | Desc::POLICY | Desc::ROW_SECURITY => of_no_rows,
        _ => false,
    }
}
