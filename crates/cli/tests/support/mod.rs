//! The program, as another user.

pub(crate) mod schema;

use std::process::Command;

pub(crate) fn pgdmp() -> Command {
    Command::new(env!("CARGO_BIN_EXE_pgdmp"))
}

/// The program, which signals end as they do by default, even if the tests run behind the back of a
/// shell, which lets some be ignored.
#[cfg(unix)]
pub(crate) fn pgdmp_with_signals() -> Command {
    const DEFAULT: &str = "--default-signal=HUP,INT,QUIT,TERM";
    let known = Command::new("env").args([DEFAULT, "true"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        return pgdmp();
    }
    let mut command = Command::new("env");
    command.arg(DEFAULT).arg(env!("CARGO_BIN_EXE_pgdmp"));
    command
}

/// The program as somebody whom permissions concern.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Nobody {
    /// Should root run the tests: the program, which may lie where nobody else can come.
    copy: Option<tempfile::TempDir>,
}

#[cfg(unix)]
impl Nobody {
    /// `None`, with a line that says so, where that cannot be.
    pub(crate) fn new() -> Option<Nobody> {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::{MetadataExt, PermissionsExt};

        let folder = tempfile::tempdir().unwrap();
        if fs::metadata(folder.path()).unwrap().uid() != 0 {
            return Some(Nobody { copy: None });
        }
        let program = folder.path().join("pgdmp");
        fs::copy(env!("CARGO_BIN_EXE_pgdmp"), &program).unwrap();
        for path in [folder.path(), &program] {
            fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        }
        let nobody = Nobody { copy: Some(folder) };
        let output = nobody.pgdmp().arg("--version").output();
        if !output.is_ok_and(|output| output.status.success()) {
            pgdmp_testkit::effort::skipped("root cannot run the program as somebody else here");
            return None;
        }
        Some(nobody)
    }

    pub(crate) fn pgdmp(&self) -> Command {
        use std::os::unix::process::CommandExt;
        const NOBODY: u32 = 65_534;
        let Some(copy) = &self.copy else { return pgdmp() };
        let mut command = Command::new(copy.path().join("pgdmp"));
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    }
}
