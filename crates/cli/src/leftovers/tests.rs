//! What is ours and what only looks like it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::aside::Aside;

const NAME: &str = ".pgdmp-0123456789abcdef";

fn sweep(folder: &Path) {
    remove(&Folder::open(folder).unwrap());
}

fn killed(folder: &Path) -> PathBuf {
    Aside::new(Folder::open(folder).unwrap(), folder).unwrap().kill()
}

/// A folder that looks like one of ours, with this in `lock`.
fn forged(parent: &Path, lock: Option<&str>) -> PathBuf {
    let folder = parent.join(NAME);
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    if let Some(lock) = lock {
        fs::write(folder.join("lock"), lock).unwrap();
    }
    folder
}

#[test]
fn what_was_left_goes_and_what_is_in_use_stays() {
    let folder = tempfile::tempdir().unwrap();
    let running = Aside::new(Folder::open(folder.path()).unwrap(), folder.path()).unwrap();
    let left = killed(folder.path());
    fs::create_dir(left.join("archive")).unwrap();
    fs::write(left.join("archive/1.dat"), "a part").unwrap();
    // Killed before there was anything in it, or in its lock.
    let unmarked = forged(folder.path(), Some(""));
    sweep(folder.path());
    assert!(!left.exists() && !unmarked.exists() && running.path().parent().unwrap().exists());
    let unlocked = forged(folder.path(), None);
    sweep(folder.path());
    assert!(!unlocked.exists());
    running.remove();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The mark goes last: whoever is killed while it removes one leaves it to the next run.
#[test]
fn what_cannot_be_removed_keeps_its_mark() {
    let folder = tempfile::tempdir().unwrap();
    let aside = Aside::new(Folder::open(folder.path()).unwrap(), folder.path()).unwrap();
    let path = folder.path().join(aside.name());
    fs::create_dir_all(path.join("1/2/3/4/5/6")).unwrap();
    aside.remove();
    aside.kill();
    sweep(folder.path());
    assert!(path.join("lock").exists());
    fs::remove_dir_all(path.join("1/2/3")).unwrap();
    sweep(folder.path());
    assert!(!path.exists());
}

#[test]
fn a_name_proves_nothing() {
    let marked = |folder: &Path| marker(&fs::metadata(folder).unwrap());
    type Make = Box<dyn Fn(&Path)>;
    let cases: Vec<(&str, Make)> = vec![
        (
            "a user's own",
            Box::new(move |parent| {
                let folder = parent.join(".pgdmp-mine");
                fs::create_dir(&folder).unwrap();
                fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
                fs::write(folder.join("lock"), "").unwrap();
            }),
        ),
        (
            "no marker",
            Box::new(|parent| {
                forged(parent, Some("mine"));
            }),
        ),
        (
            "nothing in its lock, but something beside it",
            Box::new(|parent| {
                fs::write(forged(parent, Some("")).join("file"), "").unwrap();
            }),
        ),
        (
            "the marker of another folder",
            Box::new(move |parent| {
                forged(parent, Some(&marked(parent)));
            }),
        ),
        (
            "a copy",
            Box::new(|parent| {
                let left = killed(parent);
                let lock = fs::read_to_string(left.join("lock")).unwrap();
                fs::remove_dir_all(left).unwrap();
                forged(parent, Some(&lock));
            }),
        ),
        (
            "open to others",
            Box::new(|parent| {
                fs::set_permissions(killed(parent), Permissions::from_mode(0o755)).unwrap();
            }),
        ),
        (
            "its lock has another name",
            Box::new(|parent| {
                let left = killed(parent);
                fs::hard_link(left.join("lock"), parent.join("other")).unwrap();
            }),
        ),
        (
            "its lock is a link",
            Box::new(move |parent| {
                let left = killed(parent);
                fs::rename(left.join("lock"), parent.join("other")).unwrap();
                symlink("../other", left.join("lock")).unwrap();
            }),
        ),
        (
            "its lock is a pipe",
            Box::new(|parent| {
                let lock = killed(parent).join("lock");
                fs::remove_file(&lock).unwrap();
                mkfifo(&lock);
            }),
        ),
        (
            "a link to one",
            Box::new(|parent| {
                let left = killed(parent);
                fs::rename(&left, parent.join("moved")).unwrap();
                symlink("moved", &left).unwrap();
            }),
        ),
        ("a file", Box::new(|parent| fs::write(parent.join(NAME), "").unwrap())),
    ];
    for (what, make) in cases {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        let before = all(folder.path());
        sweep(folder.path());
        assert_eq!(all(folder.path()), before, "{what}");
    }
}

/// Even what is proved to be ours leads nowhere.
#[test]
fn links_in_it_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let victim = tempfile::tempdir().unwrap();
    fs::write(victim.path().join("file"), "precious").unwrap();
    let left = killed(folder.path());
    symlink(victim.path(), left.join("replaced")).unwrap();
    symlink(victim.path(), left.join("archive")).unwrap();
    fs::create_dir(left.join("folder")).unwrap();
    symlink(victim.path(), left.join("folder/link")).unwrap();
    sweep(folder.path());
    assert_eq!(all(folder.path()), Vec::<PathBuf>::new());
    assert_eq!(all(victim.path()), [victim.path().join("file")]);
}

#[test]
fn another_users_stays() {
    let folder = tempfile::tempdir().unwrap();
    let left = killed(folder.path());
    if std::os::unix::fs::chown(&left, Some(65_534), None).is_err() {
        #[allow(clippy::disallowed_macros)] // Of a test.
        {
            pgdmp_testkit::effort::skipped("only root can give a folder away");
        }
        return;
    }
    sweep(folder.path());
    assert!(left.join("lock").exists());
    // The folder alone is not enough.
    std::os::unix::fs::chown(&left, Some(0), None).unwrap();
    std::os::unix::fs::chown(left.join("lock"), Some(65_534), None).unwrap();
    sweep(folder.path());
    assert!(left.join("lock").exists());
    std::os::unix::fs::chown(left.join("lock"), Some(0), None).unwrap();
    sweep(folder.path());
    assert!(!left.exists());
}

fn mkfifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// All paths below a folder; links are not followed.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            paths.extend(all(&path));
        }
        paths.push(path);
    }
    paths.sort();
    paths
}
