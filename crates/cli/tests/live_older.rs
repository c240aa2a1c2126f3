//! An archive of PostgreSQL 18 for an older server: the installed one takes all of the script.
//!
//! It starts a server, so it runs when `PGDMP_LIVE` is set, and says that it is skipped otherwise.

use crate::support::pgdmp;
use pgdmp_testkit::fixtures;
use pgdmp_testkit::server::{Server, run};

#[test]
fn live_older_servers_take_all_of_the_script() {
    let Some(server) = Server::start("live_older_servers_take_all_of_the_script") else { return };
    let release = server.release();
    if release >= 18 {
        eprintln!("skipped: the server has all that the archive has");
        return;
    }
    let archive = fixtures::root().join("cases/older-servers.dump");
    let script = server.path("older.sql");
    let release = release.to_string();
    let args = ["restore", "--target-version", &release, "-f", &script, archive.to_str().unwrap()];
    run(&mut pgdmp(), &args);
    if server.root {
        run(&mut std::process::Command::new("chmod"), &["a+r", &script]);
    }
    server.create("older", "UTF8");
    let args = ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", &script, "-d", "older"];
    let output = server.output("psql", &args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("ERROR"), "{said}");
    let sql = "SELECT count(*) FROM child; SELECT count(*) FROM divided_2; SELECT n FROM rounded";
    let output = server.output("psql", &["-X", "-q", "-At", "-c", sql, "-d", "older"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1\n1\n1200\n");
}
