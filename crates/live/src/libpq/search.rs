//! Where libpq is found.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the library is called.
const NAME: &str = if cfg!(windows) {
    "libpq.dll"
} else if cfg!(target_os = "macos") {
    "libpq.5.dylib"
} else {
    "libpq.so.5"
};

/// Folders where packages put it and the loader does not look: of RPMs and Debian packages of
/// PostgreSQL's own repositories, Homebrew, MacPorts, Postgres.app and EDB's installers.
const FOLDERS: &[&str] = &[
    "/usr/pgsql-18/lib",
    "/usr/pgsql-17/lib",
    "/usr/pgsql-16/lib",
    "/usr/pgsql-15/lib",
    "/usr/local/pgsql/lib",
    "/usr/local/lib",
    "/opt/homebrew/opt/libpq/lib",
    "/usr/local/opt/libpq/lib",
    "/opt/local/lib/postgresql18",
    "/opt/local/lib/postgresql17",
    "/Applications/Postgres.app/Contents/Versions/latest/lib",
    "/opt/edb/as18/lib",
    "/opt/edb/as17/lib",
];

/// Tries the places one after the other. A library that is named by hand is the only one then.
pub(crate) fn find<T>(open: impl Fn(&Path) -> Option<T>) -> Option<T> {
    if let Some(named) = env::var_os("PGDMP_LIBPQ").filter(|named| !named.is_empty()) {
        return open(Path::new(&named));
    }
    // On Windows a bare name would also be looked for in the current folder.
    if !cfg!(windows)
        && let Some(library) = open(Path::new(NAME))
    {
        return Some(library);
    }
    if let Some(library) = pg_config().and_then(|folder| open(&folder.join(NAME))) {
        return Some(library);
    }
    folders().into_iter().map(|folder| folder.join(NAME)).find_map(|path| {
        // A loader that is given a relative path would look for it there.
        if path.is_absolute() { open(&path) } else { None }
    })
}

fn pg_config() -> Option<PathBuf> {
    let what = if cfg!(windows) { "--bindir" } else { "--libdir" };
    let output = Command::new("pg_config").arg(what).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let folder = PathBuf::from(text.trim_end());
    folder.is_absolute().then_some(folder)
}

fn folders() -> Vec<PathBuf> {
    if cfg!(windows) {
        let programs = env::var_os("ProgramFiles").map(PathBuf::from);
        let versions = (10..=19).rev().map(|major| format!("PostgreSQL/{major}/bin"));
        return programs
            .into_iter()
            .flat_map(|programs| versions.clone().map(move |version| programs.join(version)))
            .collect();
    }
    FOLDERS.iter().map(PathBuf::from).collect()
}

/// What to do when there is none.
pub(crate) fn not_found() -> String {
    if let Some(named) = env::var_os("PGDMP_LIBPQ").filter(|named| !named.is_empty()) {
        return format!("could not load libpq from PGDMP_LIBPQ, \"{}\"", named.display());
    }
    let install = if cfg!(target_os = "macos") {
        "brew install libpq"
    } else if cfg!(windows) {
        "PostgreSQL's installer has it (\"Command Line Tools\")"
    } else {
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        package(&release)
    };
    format!(
        "could not find PostgreSQL's client library, {NAME}, which restoring into a database \
         needs: {install}; or set PGDMP_LIBPQ to its path"
    )
}

/// How it is installed on a Linux or BSD, by its `/etc/os-release`.
fn package(release: &str) -> &'static str {
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    let kinds = format!("{} {}", value("ID="), value("ID_LIKE="));
    let is = |names: &[&str]| kinds.split_whitespace().any(|kind| names.contains(&kind));
    if is(&["debian", "ubuntu"]) {
        "apt install libpq5"
    } else if is(&["fedora", "rhel", "centos"]) {
        "dnf install libpq (or postgresql-libs)"
    } else if is(&["suse", "opensuse"]) {
        "zypper install libpq5"
    } else if is(&["alpine"]) {
        "apk add libpq"
    } else if is(&["arch"]) {
        "pacman -S postgresql-libs"
    } else if is(&["freebsd"]) {
        "pkg install postgresql17-client"
    } else {
        "install the package libpq5, libpq or postgresql-libs"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_by_system() {
        for (release, expected) in [
            ("NAME=\"Debian\"\nID=debian\n", "apt install libpq5"),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "apt install libpq5"),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"",
                "dnf install libpq (or postgresql-libs)",
            ),
            ("ID=alpine", "apk add libpq"),
            ("", "install the package libpq5, libpq or postgresql-libs"),
        ] {
            assert_eq!(package(release), expected);
        }
    }
}
