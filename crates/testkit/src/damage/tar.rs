//! What can happen to the members of a tar.

use std::ops::Range;

use fastrand::Rng;

const BLOCK: usize = 512;

/// A header and the data behind it, with what fills the last block.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) at: Range<usize>,
    pub(super) size: usize,
}

impl Member {
    pub(super) fn data(&self) -> Range<usize> {
        self.at.start + BLOCK..self.at.start + BLOCK + self.size
    }
}

/// The members of a tar that is whole.
pub(super) fn members(bytes: &[u8]) -> Vec<Member> {
    let mut members = Vec::new();
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + BLOCK).filter(|header| header[0] != 0) {
        let text = |field: Range<usize>| {
            let field = &header[field];
            let end = field.iter().position(|b| matches!(b, 0 | b' ')).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).into_owned()
        };
        let size = usize::from_str_radix(&text(124..136), 8).unwrap();
        let end = at + BLOCK + size.next_multiple_of(BLOCK);
        members.push(Member { name: text(0..100), at: at..end, size });
        at = end;
    }
    members
}

/// Makes the checksum right again.
fn seal(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Puts other data into a member.
pub(super) fn replace(bytes: &mut Vec<u8>, member: &Member, data: &[u8]) {
    let mut new = bytes[member.at.start..member.at.start + BLOCK].to_vec();
    new[124..136].copy_from_slice(format!("{:011o} ", data.len()).as_bytes());
    seal(&mut new);
    new.extend_from_slice(data);
    new.resize(new.len().next_multiple_of(BLOCK), 0);
    bytes.splice(member.at.clone(), new);
}

pub(super) fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) -> String {
    let all = members(bytes);
    let (one, two) = (rng.usize(..all.len()), rng.usize(..all.len()));
    let (first, second) = (&all[one.min(two)], &all[one.max(two)]);
    let name = &first.name;
    let (header, rest) = (first.at.start..first.at.start + BLOCK, second.at.clone());
    match rng.u8(..9) {
        0 => {
            bytes.drain(first.at.clone());
            format!("{name} is missing")
        }
        1 => {
            let copy = bytes[first.at.clone()].to_vec();
            bytes.splice(rest.end..rest.end, copy);
            format!("{name} comes again behind {}", second.name)
        }
        2 => {
            let (a, b) = (bytes[first.at.clone()].to_vec(), bytes[rest.clone()].to_vec());
            if one != two {
                bytes.splice(rest, a);
                bytes.splice(first.at.clone(), b);
            }
            format!("{name} and {} changed places", second.name)
        }
        3 => {
            let new = rng.choice(&all).unwrap().name.clone();
            let new =
                [&*new, "../outside.dat", "/etc/passwd", "./", "x", ""][rng.usize(..6)].to_owned();
            bytes[header.clone()][..100].fill(0);
            bytes[header.clone()][..new.len()].copy_from_slice(new.as_bytes());
            seal(&mut bytes[header]);
            format!("{name} is called {new}")
        }
        4 => {
            let flag = *rng.choice(b"0127 5xgLKSMV\0").unwrap();
            bytes[header.clone()][156] = flag;
            seal(&mut bytes[header]);
            format!("{name} is a member of kind {:?}", flag as char)
        }
        5 => {
            let size =
                [0, 1, first.size + 1, first.size.saturating_sub(1), first.size + 512, 1 << 32]
                    [rng.usize(..6)];
            let field = format!("{size:011o} ");
            bytes[header.clone()][124..136].copy_from_slice(field.as_bytes());
            seal(&mut bytes[header]);
            format!("{name} claims {size} bytes instead of {}", first.size)
        }
        6 => {
            replace(bytes, first, b"");
            format!("{name} is empty")
        }
        7 => {
            let mut data = bytes[first.data()].to_vec();
            data.extend_from_slice(&bytes[second.data()]);
            replace(bytes, first, &data);
            format!("{name} has the data of {} behind its own", second.name)
        }
        _ => {
            let mut data = bytes[first.data()].to_vec();
            let len = rng.usize(..=data.len());
            data.truncate(len);
            replace(bytes, first, &data);
            format!("{name} is cut to {len} bytes, and says so")
        }
    }
}
