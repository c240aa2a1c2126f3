//! Scripts beside those of the installed pg_restore, and loaded into its server.
//!
//! They start a server, so they run when `PGDMP_LIVE` is set, and say that they are skipped
//! otherwise.

use std::path::PathBuf;
use std::process::Command;

use crate::differential::{Answer, compare};
use crate::support::server::{Server, run};

/// Databases to dump: name, file of `fixtures/src`, encoding.
const DATABASES: &[(&str, &str, &str)] = &[
    ("core", "core.sql", "UTF8"),
    ("mini", "mini.sql", "UTF8"),
    ("latin1", "latin1.sql", "LATIN1"),
    ("sqlascii", "sqlascii.sql", "SQL_ASCII"),
    ("it's \"x\" Up.per\\", "small.sql", "UTF8"),
];

/// How they are dumped: name of the archive, database, options.
const DUMPS: &[(&str, &str, &str)] = &[
    ("core.dump", "core", "-Fc"),
    ("core.dir", "core", "-Fd"),
    ("core.tar", "core", "-Ft"),
    ("core-inserts.dump", "core", "-Fc --inserts"),
    ("core-data.dump", "core", "-Fc -a"),
    ("core-schema.dump", "core", "-Fc -s"),
    ("core-root.dump", "core", "-Fc --load-via-partition-root"),
    ("mini.dump", "mini", "-Fc"),
    ("mini-child.dump", "mini", "-Fc -t mini.child -t mini.kinds"),
    ("latin1.dump", "latin1", "-Fc"),
    ("sqlascii.dump", "sqlascii", "-Fc"),
    ("odd.dump", "it's \"x\" Up.per\\", "-Fc"),
];

/// Options, and since which release there are. What older ones make of them is their matter.
const SINCE: &[(&str, u32)] = &[
    ("--filter", 17),
    ("--transaction-size", 17),
    ("--no-data", 18),
    ("--no-policies", 18),
    ("--no-schema", 18),
    ("--no-statistics", 18),
    ("--statistics", 18),
    ("--statistics-only", 18),
    // It is a beginning of more names now.
    ("--no", 18),
    // 18 looks at more than the first letter.
    ("-Fx", 18),
];

/// What pg_restore 18 does otherwise than an older one: before which release, what, and how our
/// answer becomes theirs. All else must be the same, byte for byte.
type Difference = (u32, &'static str, fn(&[String], &mut Answer));

const DIFFERENCES: &[Difference] = &[
    (18, "what there is no schema in was called data-only", |_, ours| {
        ours.stderr = ours.stderr.replace("implied no-schema restore", "implied data-only restore");
    }),
    (17, "transaction_timeout is set", |_, ours| {
        ours.stdout = ours.stdout.replace("\\nSET transaction_timeout = 0;", "");
    }),
    (16, "owners of views, sequences and materialized views are set by their kind", |_, ours| {
        let lines = ours.stdout.split("\\n").map(|line| {
            ["ALTER VIEW ", "ALTER SEQUENCE ", "ALTER MATERIALIZED VIEW "]
                .iter()
                .find_map(|kind| line.strip_prefix(kind))
                .filter(|rest| rest.contains(" OWNER TO "))
                .map_or_else(|| line.to_owned(), |rest| format!("ALTER TABLE {rest}"))
        });
        ours.stdout = lines.collect::<Vec<_>>().join("\\n");
    }),
    (16, "lists name the compression, not its level", |args, ours| {
        if args.iter().any(|arg| arg == "-l") {
            ours.stdout = ours.stdout.replace(";     Compression: gzip", ";     Compression: -1");
            ours.stdout = ours.stdout.replace(";     Compression: none", ";     Compression: 0");
        }
    }),
];

#[test]
fn the_installed_pg_restore_says_the_same() {
    let Some(server) = Server::start("the_installed_pg_restore_says_the_same") else { return };
    let archives = dumps(&server);
    let release = server.release();
    let theirs = server.program("pg_restore");
    let takes = |args: &[String]| {
        !args.iter().any(|arg| {
            let name = arg.split('=').next().unwrap_or_default();
            SINCE.iter().any(|(option, since)| name == *option && release < *since)
        })
    };
    compare(&theirs.into(), &archives, &takes, &|args, ours, _| {
        for (before, _, adjust) in DIFFERENCES {
            if release < *before {
                adjust(args, ours);
            }
        }
        true
    });
}

/// All dumps, made now.
fn dumps(server: &Server) -> Vec<PathBuf> {
    server.prepare();
    for (name, file, encoding) in DATABASES {
        server.create(name, encoding);
        server.file(name, file);
    }
    let mut archives = Vec::new();
    for (file, database, options) in DUMPS {
        let path = server.path(file);
        let mut args: Vec<&str> = options.split(' ').collect();
        args.extend(["-f", &path, "-d", database]);
        server.client("pg_dump", &args);
        archives.push(PathBuf::from(path));
    }
    // Without offsets.
    let dump =
        format!("{:?} -h {:?} -U postgres -Fc mini", server.program("pg_dump"), server.path(""));
    let path = server.path("mini-pipe.dump");
    run(&mut Command::new("sh"), &["-c", &format!("{dump} | cat > {path:?}")]);
    archives.push(path.into());
    if server.root {
        // Made by another user, for nobody else to read.
        run(&mut Command::new("chmod"), &["-R", "a+rX", &server.path("")]);
    }
    archives
}
