//! Decompresses all tables on several threads, and counts their rows.
//!
//! ```sh
//! cargo run --example tables_on_threads -- fixtures/pg17/small-custom.dump 4
//! ```

use std::env;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use pgdmp::{Archive, Desc, DumpId};

fn main() -> pgdmp::Result<()> {
    let mut args = env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "fixtures/pg17/small-custom.dump".into());
    let threads = args.next().and_then(|n| n.parse().ok()).unwrap_or(2_usize);

    let archive = Archive::open(path)?;
    let entries = archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA);
    let tables: Vec<DumpId> = entries.map(|entry| entry.dump_id()).collect();
    let (next, rows) = (AtomicUsize::new(0), AtomicU64::new(0));
    // Readers share the archive and no position. Each thread takes the next table.
    let work = || -> pgdmp::Result<()> {
        while let Some(table) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut reader = archive.rows(*table)?;
            while reader.next_row()?.is_some() {
                rows.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    println!("{} rows in {} tables", rows.into_inner(), tables.len());
    Ok(())
}
