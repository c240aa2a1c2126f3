//! What an archive holds, as checksums in a file beside it.
//!
//! Data that `pg_dump` stores without compression, or with lz4 or zstd, has no checksum, and neither
//! has the table of contents. A [`Manifest`] has the SHA-256 of everything: of the file, and of the
//! definition and the decompressed data of each entry. The latter stay the same when the archive is
//! converted to another format or compression, so a manifest also proves such a copy.
//! [`Verification`](crate::verify::Verification) makes a manifest, and compares an archive with one.
//!
//! A program that writes an archive can make its manifest on the way: [`Manifest::describe`] takes
//! the definitions, a [`DataHash`] the data of each entry as it is written, and
//! [`Manifest::measure`] the finished files.
//!
//! Nothing in a manifest is signed. Who can write both files can forge both. Sign the manifest with
//! a tool made for that, or keep its [`digest`](Manifest::digest) in another place.
//!
//! The file has one JSON object on each line: the archive, its entries, the large objects together,
//! the files of a directory archive, and at the end the number of entries and the SHA-256 of all
//! bytes before that line. `Manifest::read` and `Manifest::write` need the feature `manifest`.
//!
//! ```
//! use pgdmp::Input;
//! use pgdmp::verify::Verification;
//!
//! let mut input = Input::open("fixtures/pg17/small-custom.dump")?;
//! let (summary, manifest) = Verification::new().record(&mut input, "small.dump", |_| {})?;
//! let Some(manifest) = manifest else { panic!("{} errors", summary.errors) };
//! # #[cfg(feature = "manifest")] {
//! let mut text = Vec::new();
//! manifest.write(&mut text)?;
//! # }
//!
//! // Some other day:
//! let again = Verification::new().manifest(manifest).run(&mut input, |_| {})?;
//! assert!(again.is_good());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```text
//! digest.rs     SHA-256 of bytes, of data, of large objects
//! measure.rs    the checksums of an archive
//! pairing.rs    which record is which entry's
//! text.rs       the file: written and read
//! ```

mod digest;
mod measure;
mod pairing;
#[cfg(feature = "manifest")]
mod text;

pub use digest::{DataHash, Digest, ObjectsHash};
pub(crate) use measure::{definition, file, is_of_archive, member, stored, version};
pub(crate) use pairing::Pairing;

/// The name of the manifest in a directory archive. It is no file of the archive, and `pg_restore`
/// does not look at it.
pub const MEMBER: &str = "manifest.pgdmp";

/// What follows the name of an archive in a file in that of its manifest.
pub const SUFFIX: &str = ".pgdmp-manifest";

/// The checksums of an archive. See the [module](crate::manifest).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Manifest {
    /// The name of the archive's file or directory, without the folder it is in.
    pub archive: String,
    /// The format: `custom`, `directory` or `tar`.
    pub format: String,
    /// The archive version, such as `1.16`.
    pub version: String,
    /// The compression in the header: `none`, `gzip`, `lz4` or `zstd`.
    pub compression: String,
    /// Bytes of the file; `None` for a directory and a pipe.
    pub size: Option<u64>,
    /// SHA-256 of the file, as `sha256sum` prints it; `None` for a directory and a pipe.
    pub sha256: Option<Digest>,
    /// The name of the [`Level`](crate::verify::Level) up to which the archive was found good.
    pub level: String,
    /// When the manifest was made, in UTC: `2026-11-28T06:41:02Z`.
    pub written: String,
    /// The program that made it.
    pub by: String,
    /// The entries, in the order of the table of contents.
    pub entries: Vec<EntryRecord>,
    /// All large objects; `None` if none were read.
    pub large_objects: Option<ObjectsRecord>,
    /// The files of a directory archive, by name.
    pub members: Vec<MemberRecord>,
    /// SHA-256 of the manifest's own bytes before its last line, once it was read or written.
    pub digest: Option<Digest>,
}

/// The checksums of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryRecord {
    /// The dump id.
    pub id: i32,
    /// The kind.
    pub desc: Vec<u8>,
    /// The schema.
    pub schema: Option<Vec<u8>>,
    /// The name.
    pub tag: Option<Vec<u8>>,
    /// SHA-256 over the kind, schema, name, owner, definition, drop statement and COPY statement:
    /// each as its length in 4 bytes, the lowest first (`0xFFFFFFFF` for NULL), and its bytes.
    pub def: Digest,
    /// Bytes of its stored data, and their SHA-256: the content of its chunks, or of its file.
    pub stored: Option<(u64, Digest)>,
    /// Bytes of its decompressed data, and their SHA-256.
    pub raw: Option<(u64, Digest)>,
    /// Its rows.
    pub rows: Option<u64>,
}

/// The checksum of all large objects together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectsRecord {
    /// How many there are.
    pub count: u64,
    /// Bytes of them all.
    pub raw: u64,
    /// See [`ObjectsHash`].
    pub sha256: Digest,
}

/// The checksum of a file of a directory archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemberRecord {
    /// The name of the file.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: Digest,
}
