//! Both kinds of folders do the same.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;

macro_rules! moves {
    ($name:ident, $Folder:ty) => {
        #[test]
        fn $name() {
            let place = tempfile::tempdir().unwrap();
            let [a, b, new] = ["a", "b", "new"].map(OsStr::new);
            let path = |name: &str| place.path().join(name);
            let folder = <$Folder>::open(place.path()).unwrap();
            assert!(<$Folder>::open(&path("none")).is_err());
            let inner = folder.make_folder(a).unwrap();
            assert_eq!(folder.make_folder(a).unwrap_err().kind(), ErrorKind::AlreadyExists);
            drop(inner.make_file(b).unwrap());
            assert_eq!(inner.make_file(b).unwrap_err().kind(), ErrorKind::AlreadyExists);
            assert!(inner.folder(b).is_err());
            assert_eq!(inner.names().unwrap().count(), 1);
            assert!(inner.metadata().unwrap().is_dir());
            folder.sync_all(a).unwrap();
            inner.sync_all(b).unwrap();
            folder.sync().unwrap();

            inner.rename_new(b, &folder, new).unwrap();
            assert!(path("new").exists() && !path("a/b").exists());
            fs::write(path("a/b"), "of somebody else").unwrap();
            let error = inner.rename_new(b, &folder, new).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            inner.rename(b, &folder, new).unwrap();
            assert_eq!(fs::read_to_string(path("new")).unwrap(), "of somebody else");
            match folder.exchange(new, &folder, a) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
                Ok(()) => {
                    assert!(path("a").is_file() && path("new").is_dir());
                    folder.exchange(new, &folder, a).unwrap();
                }
            }
            assert!(folder.remove_folder(new).is_err());
            folder.remove_file(new).unwrap();
            folder.remove_folder(a).unwrap();

            // As deep as archives are, and no deeper.
            fs::create_dir_all(path("1/2/3/4")).unwrap();
            fs::write(path("1/2/3/4/file"), "").unwrap();
            fs::write(path("keep"), "").unwrap();
            folder.clear_but(OsStr::new("keep")).unwrap();
            assert!(path("keep").exists());
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
            folder.clear().unwrap();
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
            fs::create_dir_all(path("1/2/3/4/5")).unwrap();
            assert!(folder.clear().is_err());
            assert!(path("1/2/3/4/5").exists());
        }
    };
}

#[cfg(unix)]
moves!(by_handle, super::by_handle::Folder);
moves!(by_path, super::by_path::Folder);

/// What has the path by then is not what is held.
#[cfg(unix)]
#[test]
fn a_handle_stays_where_it_is() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    fs::create_dir(path("victim")).unwrap();
    fs::write(path("victim/file"), "precious").unwrap();
    fs::create_dir(path("ours")).unwrap();
    let ours = super::Folder::open(&path("ours")).unwrap();
    fs::rename(path("ours"), path("moved")).unwrap();
    std::os::unix::fs::symlink("victim", path("ours")).unwrap();
    drop(ours.make_file(OsStr::new("file")).unwrap());
    assert!(path("moved/file").exists());
    std::os::unix::fs::symlink("../victim", path("moved/link")).unwrap();
    assert!(ours.folder(OsStr::new("link")).is_err());
    assert!(ours.file(OsStr::new("link")).is_err());
    ours.clear().unwrap();
    assert_eq!(fs::read_dir(path("moved")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(path("victim/file")).unwrap(), "precious");
}
