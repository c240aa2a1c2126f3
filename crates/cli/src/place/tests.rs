//! Names that change hands while an output is made.

use std::os::unix::fs::symlink;

use super::*;

/// A folder that others write to, and one that is nobody's business.
struct Scene {
    shared: tempfile::TempDir,
    victim: tempfile::TempDir,
}

const TOC: &[u8] = b"PGDMP and so on";

impl Scene {
    fn new() -> Scene {
        let scene =
            Scene { shared: tempfile::tempdir().unwrap(), victim: tempfile::tempdir().unwrap() };
        fs::write(scene.victim.path().join("file"), "precious").unwrap();
        scene
    }

    fn name(&self) -> PathBuf {
        self.shared.path().join("out")
    }

    fn new_archive(&self, force: bool) -> NewArchive {
        NewArchive::new(&self.name(), Inputs::default(), force, Kind::Archive).unwrap()
    }

    /// Checks what is there in the end, and that the victim has what it had.
    fn check(&self, expected: &[&str]) {
        let names = |folder: &Path| {
            let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(names(self.shared.path()), expected);
        assert_eq!(names(self.victim.path()), ["file"]);
        assert_eq!(fs::read_to_string(self.victim.path().join("file")).unwrap(), "precious");
    }
}

fn write_file(path: &Path) -> Result<(), Failure> {
    fs::write(path, "new").map_err(Failure::Output)
}

fn write_folder(path: &Path) -> Result<(), Failure> {
    fs::create_dir(path).and_then(|()| fs::write(path.join("toc.dat"), TOC)).unwrap();
    Ok(())
}

/// The only one that is in the shared folder.
fn aside(scene: &Scene) -> PathBuf {
    let mut all = fs::read_dir(scene.shared.path()).unwrap().map(|entry| entry.unwrap().path());
    all.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".pgdmp-")).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_link_in_the_place_of_the_folder_leads_nowhere() {
    for write in [write_file, write_folder] {
        for force in [false, true] {
            for early in [false, true] {
                let scene = Scene::new();
                if force {
                    write_file(&scene.name()).unwrap();
                }
                let new = scene.new_archive(force);
                let swap = || {
                    fs::rename(aside(&scene), scene.shared.path().join("moved")).unwrap();
                    symlink(scene.victim.path(), scene.shared.path().join("link")).unwrap();
                    let name = scene.shared.path().join(new.aside.name());
                    fs::rename(scene.shared.path().join("link"), name).unwrap();
                };
                if early {
                    swap();
                }
                new.write(write).unwrap();
                if !early {
                    swap();
                }
                new.publish().unwrap();
                let name = new.aside.name().into_string().unwrap();
                drop(new);
                // What was moved cannot be removed, but is empty.
                scene.check(&[&name, "moved", "out"]);
                assert_eq!(fs::read_dir(scene.shared.path().join("moved")).unwrap().count(), 0);
            }
        }
    }
}

#[test]
fn what_is_not_to_be_replaced_is_swapped_back() {
    type Make = fn(&Scene);
    let others: [(Make, &str); 4] = [
        (
            |scene| {
                fs::create_dir(scene.name()).unwrap();
                fs::write(scene.name().join("file"), "precious").unwrap();
            },
            "out is a directory, and no archive: it has file; --force replaces only files and arch",
        ),
        (
            |scene| symlink("/dev/null", scene.name()).unwrap(),
            "out has become a pipe or a device meanwhile",
        ),
        (
            |scene| symlink("/proc/self/status", scene.name()).unwrap(),
            "out is a link of the system",
        ),
        (
            |scene| {
                drop(std::os::unix::net::UnixListener::bind(scene.name()).unwrap());
            },
            "is a socket",
        ),
    ];
    for write in [write_file, write_folder] {
        for (make, expected) in others {
            for in_steps in [false, true] {
                let scene = Scene::new();
                write_file(&scene.name()).unwrap();
                let new = scene.new_archive(true);
                new.write(write).unwrap();
                fs::remove_file(scene.name()).unwrap();
                make(&scene);
                let before = fs::symlink_metadata(scene.name()).unwrap();
                let failure = match in_steps {
                    true => new.take_name_in_steps(),
                    false => new.publish(),
                };
                let text = failure.unwrap_err().to_string();
                assert!(text.contains(expected), "{text}");
                drop(new);
                scene.check(&["out"]);
                let after = fs::symlink_metadata(scene.name()).unwrap();
                assert_eq!(before.modified().unwrap(), after.modified().unwrap());
                assert_eq!(before.file_type(), after.file_type());
            }
        }
    }
}

#[test]
fn what_comes_into_being_meanwhile_stays() {
    for write in [write_file, write_folder] {
        let scene = Scene::new();
        let new = scene.new_archive(false);
        new.write(write).unwrap();
        fs::write(scene.name(), "of somebody else").unwrap();
        let text = new.publish().unwrap_err().to_string();
        assert!(text.ends_with("out exists; --force replaces it"), "{text}");
        drop(new);
        scene.check(&["out"]);
        assert_eq!(fs::read_to_string(scene.name()).unwrap(), "of somebody else");
    }
}

#[test]
fn an_input_that_takes_the_name_meanwhile_stays() {
    let scene = Scene::new();
    let input = scene.shared.path().join("input");
    fs::write(&input, "input").unwrap();
    write_file(&scene.name()).unwrap();
    let inputs = Inputs::archives([&*input]);
    let new = NewArchive::new(&scene.name(), inputs, true, Kind::Archive).unwrap();
    new.write(write_file).unwrap();
    fs::rename(&input, scene.name()).unwrap();
    let text = new.publish().unwrap_err().to_string();
    assert!(text.ends_with("out is the archive that is read"), "{text}");
    drop(new);
    scene.check(&["out"]);
    assert_eq!(fs::read_to_string(scene.name()).unwrap(), "input");
}

/// Where names cannot be swapped there are two steps; killed between them, there is but the old
/// one, aside.
#[test]
fn what_was_to_be_replaced_comes_back() {
    for done in [false, true] {
        let scene = Scene::new();
        write_folder(&scene.name()).unwrap();
        fs::write(scene.name().join("1.dat"), "old").unwrap();
        let new = scene.new_archive(true);
        new.write(write_folder).unwrap();
        if done {
            new.take_name_in_steps().unwrap();
        } else {
            let replaced = new.aside.folder.make_folder(OsStr::new(REPLACED)).unwrap();
            let name = OsStr::new("out");
            new.aside.parent.rename(name, &replaced, name).unwrap();
        }
        assert_eq!(scene.name().exists(), done);
        let aside = Arc::clone(&new.aside);
        std::mem::forget(new);
        aside.kill();
        let another = scene.shared.path().join("another");
        drop(NewArchive::new(&another, Inputs::default(), false, Kind::Archive).unwrap());
        assert_eq!(scene.name().join("1.dat").exists(), !done);
        scene.check(&["out"]);
    }
}

/// Where names cannot be swapped, a file is replaced in one step.
#[test]
fn a_file_takes_the_place_of_a_file() {
    let scene = Scene::new();
    fs::write(scene.name(), "old").unwrap();
    let new = scene.new_archive(true);
    new.write(write_file).unwrap();
    new.take_name_in_steps().unwrap();
    assert!(new.aside.folder.folder(OsStr::new(REPLACED)).is_err());
    assert_eq!(fs::read_to_string(scene.name()).unwrap(), "new");
    drop(new);
    scene.check(&["out"]);
}

#[test]
fn errors_name_the_output() {
    let scene = Scene::new();
    let new = scene.new_archive(false);
    let full = || io::Error::from(io::ErrorKind::StorageFull);
    for (inside, shown) in [("", "out: "), ("3.dat", "out/3.dat: ")] {
        let failed = new.write(|path| {
            let path = if inside.is_empty() { path.to_owned() } else { path.join(inside) };
            Err(Error::from(full()).in_path(&path).into())
        });
        let expected = format!("{}/{shown}{}", scene.shared.path().display(), full());
        assert_eq!(failed.unwrap_err().to_string(), expected);
    }
}
