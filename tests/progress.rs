//! What is read is told where it is read: of all formats, pipes and threads.

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pgdmp::source::{FileSource, Members, Source};
use pgdmp::{Algorithm, Archive, Conversion, Format, Input, OpenOptions, Target};
use pgdmp_testkit::contents::{drain, read_all};
use pgdmp_testkit::fixtures::{self, Fixture};

#[derive(Debug, Clone, Default)]
struct Count(Arc<AtomicU64>);

impl Count {
    fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Options that tell it.
    fn options(&self) -> OpenOptions {
        let count = self.clone();
        OpenOptions::new().on_read(move |bytes| count.add(bytes))
    }
}

/// Counts what it gives.
#[derive(Debug)]
struct Giving<T>(T, Count);

impl<S: Source> Source for Giving<S> {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let n = self.0.read_at(buf, offset)?;
        self.1.add(n as u64);
        Ok(n)
    }
}

impl Read for Giving<&[u8]> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buf)?;
        self.1.add(n as u64);
        Ok(n)
    }
}

/// The files of a folder, counted.
impl Members for Giving<PathBuf> {
    fn get(&self, name: &str) -> pgdmp::Result<Option<Arc<dyn Source>>> {
        let path = self.0.join(name);
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(Arc::new(Giving(FileSource::open(path)?, self.1.clone()))))
    }
}

fn all() -> impl Iterator<Item = Fixture> {
    fixtures::real().into_iter().chain(fixtures::synthetic())
}

#[test]
fn all_that_is_read_is_told() {
    for fixture in all() {
        let (name, told, given) = (&fixture.name, Count::default(), Count::default());
        let archive = if fixture.is_directory() {
            told.options().members(Giving(fixture.path.clone(), given.clone())).unwrap()
        } else {
            let source = FileSource::open(&fixture.path).unwrap();
            told.options().read(Giving(source, given.clone())).unwrap()
        };
        assert!(told.get() > 0, "{name}: nothing is told of the table of contents");
        let expected = read_all(&archive).unwrap();
        assert_eq!(told.get(), given.get(), "{name}");

        let by_path = Count::default();
        assert_eq!(read_all(&by_path.options().open(&fixture.path).unwrap()).unwrap(), expected);
        assert_eq!(by_path.get(), told.get(), "{name}");
        if fixture.is_directory() {
            continue;
        }
        let bytes = fixture.bytes();
        let (told, given) = (Count::default(), Count::default());
        let stream = told.options().stream(Giving(&bytes[..], given.clone())).unwrap();
        assert_eq!(drain(stream).unwrap(), expected, "{name}");
        assert_eq!(told.get(), given.get(), "{name}");

        // What is borrowed from memory is not read, but used.
        let told = Count::default();
        let archive = told.options().read(bytes).unwrap();
        let sizes = archive.stored_sizes().unwrap();
        let before = told.get();
        assert_eq!(read_all(&archive).unwrap(), expected, "{name}");
        let stored: u64 = sizes.iter().flatten().sum();
        assert!(told.get() - before + 64 * expected.len() as u64 >= stored / 2, "{name}");
    }
}

/// Copies that the system makes, and threads that read ahead.
#[test]
fn conversions_tell() {
    let folder = tempfile::tempdir().unwrap();
    for (n, fixture) in fixtures::real().iter().enumerate() {
        let files: u64 = match fixture.is_directory() {
            true => fixture.members().iter().map(|(_, bytes)| bytes.len() as u64).sum(),
            false => std::fs::metadata(&fixture.path).unwrap().len(),
        };
        let recompressed =
            Target::new().format(Format::Custom).threads(2).compression(Algorithm::Gzip, Some(1));
        for (target, least) in [(Target::new(), files), (recompressed, files / 2)] {
            let told = Count::default();
            let archive = told.options().open(&fixture.path).unwrap();
            let new = folder.path().join(format!("{n} {least}"));
            Conversion::new(&archive, &target, None).unwrap().create(new).unwrap();
            assert!(told.get() >= least, "{}: {} of {least}", fixture.name, told.get());
        }
    }
}

/// A source with reads of its own size, which are written down.
#[derive(Debug)]
struct Sized(Vec<u8>, Range<usize>, Arc<Mutex<Vec<usize>>>);

impl Source for Sized {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.2.lock().unwrap().push(buf.len());
        (&self.0[offset as usize..]).read(buf)
    }

    fn read_size(&self) -> Range<usize> {
        self.1.clone()
    }
}

#[test]
fn sources_choose_the_size_of_reads() {
    let fixture = fixtures::real().into_iter().find(|f| f.format == "custom").unwrap();
    let expected = read_all(&Archive::open(&fixture.path).unwrap()).unwrap();
    let reads = |size: Range<usize>| {
        let sizes = Arc::default();
        let archive = Archive::read(Sized(fixture.bytes(), size, Arc::clone(&sizes))).unwrap();
        sizes.lock().unwrap().clear();
        assert_eq!(read_all(&archive).unwrap(), expected);
        let sizes = sizes.lock().unwrap();
        sizes.clone()
    };
    let (small, usual, large) =
        (reads(512..512), reads(8 << 10..128 << 10), reads(1 << 20..1 << 20));
    assert!(small.iter().all(|size| *size <= 512), "{small:?}");
    assert!(small.len() > usual.len() && usual.len() >= large.len());
    // Neither sense nor none stops it.
    reads(0..0);
    reads(Range { start: 100, end: 10 });
}

#[test]
fn an_input_is_a_file_a_directory_or_a_pipe() {
    let read = |path: &Path| match Input::open(path).unwrap() {
        Input::Archive(archive) => ("archive", read_all(&archive).unwrap()),
        Input::Stream(stream) => ("stream", drain(*stream).unwrap()),
    };
    for fixture in fixtures::real() {
        let expected = read_all(&Archive::open(&fixture.path).unwrap()).unwrap();
        assert_eq!(read(&fixture.path), ("archive", expected.clone()), "{}", fixture.name);
        if cfg!(unix) && !fixture.is_directory() {
            let folder = tempfile::tempdir().unwrap();
            let fifo = folder.path().join("fifo");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            let (to, bytes) = (fifo.clone(), fixture.bytes());
            let writer = std::thread::spawn(move || std::fs::write(to, bytes));
            assert_eq!(read(&fifo), ("stream", expected), "{}", fixture.name);
            writer.join().unwrap().unwrap();
        }
    }
    let error = Input::open(fixtures::root().join("no such file")).unwrap_err();
    assert!(error.is_io() && error.path().is_some(), "{error}");
}

/// The entries of a new archive, where their data begins.
#[test]
fn entries_are_told_when_their_data_begins() {
    let archive = Archive::open(fixtures::root().join("pg18/mini-custom.dump")).unwrap();
    let expected: Vec<String> =
        archive.entries().filter(|e| e.has_data()).map(|e| e.name().to_string()).collect();
    for (target, threads) in [(Format::Custom, 1), (Format::Directory, 1), (Format::Custom, 3)] {
        let told = Arc::new(Mutex::new(Vec::new()));
        let target =
            Target::new().format(target).threads(threads).compression(Algorithm::None, None);
        let mut conversion = Conversion::new(&archive, &target, None).unwrap();
        let hear = Arc::clone(&told);
        conversion.on_entry(move |entry| hear.lock().unwrap().push(entry.name().to_string()));
        let folder = tempfile::tempdir().unwrap();
        conversion.create(folder.path().join("new")).unwrap();
        assert_eq!(*told.lock().unwrap(), expected);
    }
}
