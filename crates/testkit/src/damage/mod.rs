//! Damaged archives, each made from its number: the same today and tomorrow.
//!
//! | module | what happens |
//! |---|---|
//! | `bytes` | to any file: cut, bits flipped, runs zeroed, missing, there twice, swapped; spliced with another archive; surrounded by something; numbers forged |
//! | `blocks` | to a custom archive: blocks, chunks and entries missing, there twice, swapped, joined |
//! | `tar` | to a tar: members missing, there twice, swapped, renamed, of other kinds and sizes |
//! | `folder` | to a directory archive: files missing, extra, linked, renamed, emptied, swapped, no files |
//! | `layout` | where numbers and blocks stand |

mod blocks;
mod bytes;
mod folder;
mod layout;
mod tar;

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use crate::fixtures;
use layout::Layout;

/// Where links of a directory archive lead outside.
pub const OUTSIDE: &str = "../outside.dat";

/// What has a name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File(Vec<u8>),
    Link(String),
    /// The same file as another one.
    HardLink(String),
    Fifo,
    Folder,
}

pub type Folder = Vec<(String, Node)>;

/// An archive as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    File(Vec<u8>),
    /// One of the names may be [`OUTSIDE`].
    Folder(Folder),
}

/// An archive that is to be damaged.
#[derive(Debug, Clone)]
pub struct Base {
    pub name: &'static str,
    pub path: PathBuf,
    pub tree: Tree,
}

/// What `damaged` takes in turn: each format, compression and way of writing, and archives of old.
const BASES: [&str; 26] = [
    "pg18/small-custom.dump",
    "pg18/small-dir",
    "pg18/small-tar.tar",
    "pg18/small-none.dump",
    "pg18/small-dir-none",
    "pg18/small-zstd.dump",
    "pg18/small-dir-zstd",
    "pg18/small-lz4.dump",
    "pg18/small-dir-lz4",
    "pg17/small-redirected.dump",
    "pg17/small-lz4-pipe.dump",
    "pg15/small-custom.dump",
    "pg15/small-dir",
    "pg15/small-tar-pipe.tar",
    "pg15/latin1-custom.dump",
    "pg18/sqlascii-tar.tar",
    "pg18/small-partition-root.dump",
    "pg18/small-statistics.dump",
    "pg10/mini-child.dump",
    "pg18/empty-custom.dump",
    "synthetic/lo1.10-gzip-set.dump",
    "synthetic/lo1.10.tar",
    "synthetic/lo1.14-none-set.dump",
    "synthetic/lo1.15-lz4-unset.dump",
    "synthetic/v1.03-none-set.dump",
    "synthetic/lo1.16-zstd-unset.dump",
];

pub fn bases() -> Vec<Base> {
    let base = |name: &'static str| {
        let path = fixtures::root().join(name);
        let tree = match path.is_dir() {
            true => {
                let files = fixtures::members(&path).into_iter();
                Tree::Folder(files.map(|(name, bytes)| (name, Node::File(bytes))).collect())
            }
            false => Tree::File(fixtures::bytes(&path)),
        };
        Base { name, path, tree }
    };
    BASES.into_iter().map(base).collect()
}

/// A damaged archive.
#[derive(Debug, Clone)]
pub struct Damaged {
    pub number: u64,
    pub base: Base,
    /// What happened to it.
    pub what: String,
    /// Whether the end of a file is missing, and nothing else is wrong.
    pub is_cut: bool,
    pub tree: Tree,
}

/// The kinds of damage, which are taken in turn: those that need more luck to hit come more often.
const KINDS: [Kind; 20] = [
    Kind::Cut,
    Kind::Forge,
    Kind::Structure,
    Kind::Flip,
    Kind::Forge,
    Kind::Structure,
    Kind::Zero,
    Kind::Structure,
    Kind::Forge,
    Kind::Duplicate,
    Kind::Structure,
    Kind::Remove,
    Kind::Surround,
    Kind::Forge,
    Kind::Structure,
    Kind::Swap,
    Kind::Splice,
    Kind::Cut,
    Kind::Flip,
    Kind::Forge,
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Cut,
    Flip,
    Zero,
    Duplicate,
    Remove,
    Swap,
    Splice,
    Surround,
    /// Numbers of the table of contents, offsets, lengths of chunks, sizes in a tar.
    Forge,
    /// What the format is made of: blocks, members, files.
    Structure,
}

/// The damaged archive of a number.
pub fn damaged(number: u64, bases: &[Base]) -> Damaged {
    let turn = number as usize;
    let base = &bases[turn % bases.len()];
    let kind = KINDS[(turn / bases.len() + turn) % KINDS.len()];
    let mut rng = Rng::with_seed(number);
    let mut tree = base.tree.clone();
    let mut what = once(&mut rng, &mut tree, kind, bases);
    let mut is_cut = matches!((kind, &tree), (Kind::Cut, Tree::File(_)));
    // Misfortunes seldom come singly. What has no known layout any more is damaged blindly.
    if rng.u8(..5) == 0 {
        let kind = [Kind::Cut, Kind::Flip, Kind::Zero, Kind::Duplicate, Kind::Splice];
        let kind = *rng.choice(&kind).unwrap();
        is_cut = false;
        what = format!("{what}; {}", once(&mut rng, &mut tree, kind, bases));
    }
    Damaged { number, base: base.clone(), what, is_cut, tree }
}

fn once(rng: &mut Rng, tree: &mut Tree, kind: Kind, bases: &[Base]) -> String {
    match tree {
        Tree::File(bytes) => file(rng, bytes, kind, bases),
        Tree::Folder(folder) => match kind {
            Kind::Structure => folder::damage(rng, folder),
            _ => {
                let files: Vec<_> = (0..folder.len())
                    .filter(|n| matches!(&folder[*n].1, Node::File(bytes) if !bytes.is_empty()))
                    .collect();
                let tocs = files.iter().copied().find(|n| folder[*n].0 == "toc.dat");
                let (name, other) = match (tocs, kind) {
                    (Some(toc), Kind::Forge) => (toc, toc),
                    _ => (*rng.choice(&files).unwrap(), *rng.choice(&files).unwrap()),
                };
                let other = folder[other].clone();
                let (name, Node::File(bytes)) = &mut folder[name] else { return String::new() };
                let Node::File(other_bytes) = &other.1 else { return String::new() };
                let edges = [0, bytes.len()];
                let what = match kind {
                    Kind::Forge if name == "toc.dat" => forge_toc(rng, bytes),
                    _ => blind(rng, bytes, &edges, kind, (&other.0, other_bytes)),
                };
                format!("{name}: {what}")
            }
        },
    }
}

fn file(rng: &mut Rng, bytes: &mut Vec<u8>, kind: Kind, bases: &[Base]) -> String {
    // The tail of another archive of the kind, so that something fits.
    let others: Vec<_> = bases
        .iter()
        .filter_map(|base| match &base.tree {
            Tree::File(other) => Some((base.name, &other[..])),
            Tree::Folder(_) => None,
        })
        .filter(|(_, other)| other.starts_with(b"PGDMP") == bytes.starts_with(b"PGDMP"))
        .collect();
    let other = others[rng.usize(..others.len())];
    let whole = bases.iter().any(|base| matches!(&base.tree, Tree::File(file) if file == bytes));
    if !whole {
        return blind(rng, bytes, &[0, bytes.len()], kind, other);
    }
    let custom = bytes.starts_with(b"PGDMP");
    match (kind, custom) {
        (Kind::Structure, true) => blocks::damage(rng, bytes),
        (Kind::Structure, false) => tar::damage(rng, bytes),
        (Kind::Forge, true) => bytes::forge(rng, bytes),
        (Kind::Forge, false) => {
            let members = tar::members(bytes);
            let toc = members.iter().find(|member| member.name == "toc.dat").unwrap();
            let mut content = bytes[toc.data()].to_vec();
            let what = forge_toc(rng, &mut content);
            tar::replace(bytes, toc, &content);
            format!("toc.dat: {what}")
        }
        (_, true) => {
            let layout = Layout::of(bytes);
            let mut edges: Vec<_> = layout.blocks.iter().map(|block| block.at.end).collect();
            edges.extend(layout.blocks.iter().flat_map(|b| b.chunks.iter().map(|c| c.end)));
            edges.extend(layout.entries.last().map(|entry| entry.end));
            edges.extend([0, bytes.len()]);
            blind(rng, bytes, &edges, kind, other)
        }
        (_, false) => {
            let members = tar::members(bytes);
            let edges: Vec<_> =
                members.iter().flat_map(|m| [m.at.start, m.data().start, m.data().end]).collect();
            blind(rng, bytes, &edges, kind, other)
        }
    }
}

fn forge_toc(rng: &mut Rng, bytes: &mut Vec<u8>) -> String {
    match rng.u8(..4) {
        0 => {
            let layout = Layout::of(bytes);
            blocks::entries(rng, bytes, &layout)
        }
        _ => bytes::forge(rng, bytes),
    }
}

fn blind(
    rng: &mut Rng,
    bytes: &mut Vec<u8>,
    edges: &[usize],
    kind: Kind,
    other: (&str, &[u8]),
) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    match kind {
        Kind::Cut => bytes::cut(rng, bytes, edges),
        Kind::Flip => bytes::flip(rng, bytes, edges),
        Kind::Zero => bytes::zero(rng, bytes, edges),
        Kind::Duplicate => bytes::duplicate(rng, bytes, edges),
        Kind::Remove => bytes::remove(rng, bytes, edges),
        Kind::Swap => bytes::swap(rng, bytes, edges),
        Kind::Surround => bytes::surround(rng, bytes, edges, other),
        Kind::Splice | Kind::Forge | Kind::Structure => bytes::splice(rng, bytes, edges, other),
    }
}

impl Damaged {
    /// Whether it comes through a pipe as well.
    pub fn is_file(&self) -> bool {
        matches!(self.tree, Tree::File(_))
    }

    /// What is needed to make it again.
    pub fn title(&self) -> String {
        format!("damage {} of {}: {}", self.number, self.base.name, self.what)
    }

    /// Puts it into an empty folder, as `archive`.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join("archive");
        match &self.tree {
            Tree::File(bytes) => fs::write(&path, bytes).unwrap(),
            Tree::Folder(files) => {
                fs::create_dir(&path).unwrap();
                let is_hard = |node: &Node| matches!(node, Node::HardLink(_));
                // What they are linked to must be there first.
                for (name, node) in files.iter().filter(|(_, node)| !is_hard(node)) {
                    write_node(&path, name, node);
                }
                for (name, node) in files.iter().filter(|(_, node)| is_hard(node)) {
                    write_node(&path, name, node);
                }
            }
        }
        path
    }
}

fn write_node(folder: &Path, name: &str, node: &Node) {
    let path = folder.join(name);
    match node {
        Node::File(bytes) => fs::write(path, bytes).unwrap(),
        Node::Folder => fs::create_dir(path).unwrap(),
        // Of itself, or of what is no file: it is then missing.
        Node::HardLink(other) => drop(fs::hard_link(folder.join(other), path)),
        #[cfg(unix)]
        Node::Link(other) => std::os::unix::fs::symlink(other, path).unwrap(),
        #[cfg(unix)]
        Node::Fifo => {
            let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        }
        // There are none elsewhere: it is missing.
        #[cfg(not(unix))]
        Node::Link(_) | Node::Fifo => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_made_again_from_its_number() {
        let bases = bases();
        let mut seen = BTreeSet::new();
        let mut changed = 0;
        for number in 0..3000 {
            let one = damaged(number, &bases);
            assert_eq!(one.tree, damaged(number, &bases).tree, "{}", one.title());
            changed += usize::from(one.tree != one.base.tree);
            seen.insert(one.what);
        }
        assert!(changed > 2800 && seen.len() > 2500, "{changed} {}", seen.len());
    }
}
