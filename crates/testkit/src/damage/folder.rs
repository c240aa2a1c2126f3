//! What can happen to the files of a directory archive.

use fastrand::Rng;

use super::{Folder, Node, OUTSIDE};

/// The files' names, data before the lists, so that some are as likely as all others.
fn pick(rng: &mut Rng, folder: &Folder) -> usize {
    rng.usize(..folder.len())
}

pub(super) fn damage(rng: &mut Rng, folder: &mut Folder) -> String {
    let (one, two) = (pick(rng, folder), pick(rng, folder));
    let (name, other) = (folder[one].0.clone(), folder[two].0.clone());
    match rng.u8(..16) {
        0 => {
            folder.remove(one);
            format!("{name} is missing")
        }
        1 => {
            let new = *rng
                .choice(&["9999.dat", "blob_1.dat", "blobs.toc", "toc.dat.gz", "x", ".hidden"])
                .unwrap();
            let node = folder[one].1.clone();
            add(folder, new, node);
            format!("{name} is there as {new}, too")
        }
        // What lies there uncompressed is read instead of what is compressed.
        2 => {
            let base = name.trim_end_matches(".gz").trim_end_matches(".lz4");
            let base = base.trim_end_matches(".zst").to_owned();
            let suffix = *rng.choice(&["", ".gz", ".lz4", ".zst"]).unwrap();
            let new = format!("{base}{suffix}");
            let node = folder[two].1.clone();
            add(folder, &new, node);
            format!("{other} is there as {new}, too")
        }
        3 => {
            folder[one].1 = Node::Link(other.clone());
            format!("{name} is a link to {other}")
        }
        4 | 5 => {
            let content = match std::mem::replace(&mut folder[one].1, Node::Link(OUTSIDE.into())) {
                Node::File(content) => content,
                _ => Vec::new(),
            };
            folder.push((OUTSIDE.to_owned(), Node::File(content)));
            format!("{name} is a link to a file outside")
        }
        6 => {
            folder[one].1 = Node::Link("../nowhere".to_owned());
            format!("{name} is a link to nothing")
        }
        7 => {
            folder[one].0 = format!("{name}.old");
            format!("{name} is called {name}.old")
        }
        8 => {
            if one != two {
                folder[one].0 = other.clone();
                folder[two].0 = name.clone();
            }
            format!("{name} and {other} changed names")
        }
        9 => {
            folder[one].1 = Node::File(Vec::new());
            format!("{name} is empty")
        }
        10 => {
            folder[one].1 = Node::HardLink(other.clone());
            format!("{name} is the same file as {other}")
        }
        11 => {
            folder[one].1 = Node::Fifo;
            format!("{name} is a named pipe")
        }
        12 => {
            folder[one].1 = Node::Folder;
            format!("{name} is a folder")
        }
        13 => {
            let more = match (rng.u8(..3), &folder[two].1) {
                (0, Node::File(content)) => content.clone(),
                (1, _) => b"\x50\x2a\x4d\x18\x04\0\0\0skip".to_vec(),
                _ => vec![0; 1 + rng.usize(..600)],
            };
            let before = rng.bool();
            if let Node::File(content) = &mut folder[one].1 {
                let at = if before { 0 } else { content.len() };
                content.splice(at..at, more);
            }
            format!("{name} has more, from {other} perhaps, {before}")
        }
        _ => lists(rng, folder),
    }
}

fn add(folder: &mut Folder, name: &str, node: Node) {
    folder.retain(|(old, _)| old != name);
    folder.push((name.to_owned(), node));
}

/// A list of large objects has another line.
fn lists(rng: &mut Rng, folder: &mut Folder) -> String {
    let lists: Vec<_> = (0..folder.len()).filter(|n| folder[*n].0.starts_with("blobs")).collect();
    let Some(list) = rng.choice(&lists) else { return "nothing".to_owned() };
    let (name, Node::File(content)) = &mut folder[*list] else { return "nothing".to_owned() };
    let mut lines: Vec<_> = String::from_utf8_lossy(content).lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    let at = rng.usize(..lines.len());
    let what = match rng.u8(..8) {
        0 => {
            lines.remove(at);
            "is missing"
        }
        1 => {
            let line = lines[at].clone();
            lines.push(line);
            "comes again"
        }
        2 => {
            lines[at] = format!("{} ../outside.dat", at + 1);
            "leads outside"
        }
        3 => {
            lines[at] = "4294967296 blob_1.dat".to_owned();
            "has an OID that is none"
        }
        4 => {
            lines[at] = format!("0 {}", lines[at].split(' ').next_back().unwrap_or_default());
            "has the OID 0"
        }
        5 => {
            lines[at] = lines[at].split(' ').next().unwrap_or_default().to_owned();
            "has no name"
        }
        6 => {
            lines[at] = "x".repeat(3000);
            "is long"
        }
        _ => {
            let name = lines[lines.len() - 1].split(' ').next_back().unwrap_or_default();
            lines[at] = format!("77 {name}");
            "has another OID"
        }
    };
    *content = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
    format!("line {at} of {name} {what}")
}
