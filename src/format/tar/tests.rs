use super::members::{Kind, TarMember, Walk};
use super::*;
use crate::source::Pipe;

/// The header of a member of this type.
fn header(name: &[u8], flag: u8, size: usize, link: &[u8]) -> [u8; BLOCK] {
    let mut block = TarHeader::file(name, size as u64).encode(0).unwrap();
    block[156] = flag;
    block[157..157 + link.len()].copy_from_slice(link);
    sum(&mut block);
    block
}

fn sum(block: &mut [u8; BLOCK]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:07o} ").as_bytes());
}

/// A header with data.
fn member(name: &[u8], flag: u8, data: &[u8]) -> Vec<u8> {
    let mut out = header(name, flag, data.len(), b"").to_vec();
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut len = rest.len() + 1;
    while len.to_string().len() + rest.len() != len {
        len += 1;
    }
    format!("{len}{rest}").into_bytes()
}

fn walk(bytes: &[u8]) -> Result<Vec<TarMember>, crate::Error> {
    use crate::source::Positioned;
    let mut pipe = Pipe::new(bytes);
    let mut walk = Walk::default();
    let mut members = Vec::new();
    while let Some(member) = walk.next(&mut pipe)? {
        pipe.skip(member.size.next_multiple_of(BLOCK as u64)).unwrap();
        members.push(member);
    }
    Ok(members)
}

/// Names and kinds.
fn seen(bytes: &[u8]) -> Vec<(String, Kind)> {
    let members = walk(bytes).unwrap().into_iter();
    members.map(|member| (String::from_utf8(member.name).unwrap(), member.kind)).collect()
}

#[test]
fn long_names_of_every_dialect() {
    let long = format!("{}/toc.dat", "x".repeat(150));
    let gnu = [
        member(b"././@LongLink", b'L', format!("{long}\0").as_bytes()),
        member(&long.as_bytes()[..99], b'0', b"data"),
    ];
    let pax =
        [member(b"PaxHeaders/1", b'x', &record("path", &long)), member(b"toc.dat", b'0', b"data")];
    let mut prefixed = header(b"toc.dat", b'0', 0, b"");
    prefixed[345..345 + 150].fill(b'x');
    sum(&mut prefixed);
    for (dialect, bytes) in
        [("gnu", gnu.concat()), ("pax", pax.concat()), ("ustar", prefixed.to_vec())]
    {
        assert_eq!(seen(&bytes), [(long.clone(), Kind::File)], "{dialect}");
        assert_eq!(walk(&bytes).unwrap()[0].at, 0, "{dialect}");
    }
    // One of each: a long name is that of the next member alone.
    let all = [gnu.concat(), member(b"./a", b'0', b""), pax.concat(), member(b"b", b'0', b"x")];
    let names: Vec<String> = seen(&all.concat()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [&long, "a", &long, "b"]);
    // Without a magic, as before 1988.
    let mut old = header(b"1.dat", 0, 0, b"");
    old[257..].fill(0);
    sum(&mut old);
    assert!(is_old_tar(&old) && !is_tar(&old));
    assert_eq!(seen(&old), [("1.dat".to_owned(), Kind::File)]);
}

#[test]
fn sizes_and_names_of_extended_headers() {
    let global = member(b"pax_global_header", b'g', &record("comment", "x"));
    let sized = [record("mtime", "1.5"), record("size", "4")].concat();
    let bytes = [
        global,
        member(b"PaxHeaders/1", b'x', &sized),
        header(b"1.dat", b'0', 0, b"").to_vec(),
        b"data".to_vec(),
        vec![0; BLOCK - 4],
        member(b"2.dat", b'0', b""),
    ];
    let members = walk(&bytes.concat()).unwrap();
    let sizes: Vec<(&[u8], u64)> = members.iter().map(|m| (&*m.name, m.size)).collect();
    assert_eq!(sizes, [(&b"1.dat"[..], 4), (b"2.dat", 0)]);
    // What stands before it belongs to it.
    assert_eq!(members[0].at, 0);

    for bad in
        [&b"9999 path=x\n"[..], b"x path=x\n", b"7 path=\xff", b"0 ", b"18446744073709551615 a"]
    {
        let error = walk(&member(b"x", b'x', bad)).unwrap_err();
        assert!(error.to_string().contains("extended header"), "{bad:?}: {error}");
    }
    let error = walk(&header(b"x", b'x', 2 << 20, b"")).unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    // What they stand for is cut off.
    let error = walk(&member(b"x", b'x', &record("path", "a"))).unwrap_err();
    assert!(error.is_truncated());
}

#[test]
fn links_and_holes() {
    let sparse = [record("GNU.sparse.major", "1"), record("GNU.sparse.name", "toc.dat")].concat();
    // The map of the old form goes on in blocks of its own.
    let mut old_sparse = header(b"3.dat", b'S', 4, b"");
    old_sparse[482] = 1;
    sum(&mut old_sparse);
    let [mut map, mut last] = [[0; BLOCK]; 2];
    (map[504], last[0]) = (1, b'1');
    let bytes = [
        member(b"a/", b'5', b""),
        header(b"1.dat", b'1', 0, b"./a/2.dat").to_vec(),
        header(b"toc.dat", b'2', 0, b"../toc.dat").to_vec(),
        member(b"PaxHeaders/1", b'x', &sparse),
        member(b"GNUSparseFile.0/toc.dat", b'0', b"1\n0\n4\n"),
        [&old_sparse[..], &map, &last, b"data", &[0; BLOCK - 4]].concat(),
        member(b"4.dat", b'7', b""),
    ];
    let link = |name: &str| name.as_bytes().to_vec();
    assert_eq!(
        seen(&bytes.concat()),
        [
            ("a/".to_owned(), Kind::Other),
            ("1.dat".to_owned(), Kind::HardLink(link("./a/2.dat"))),
            ("toc.dat".to_owned(), Kind::SymbolicLink(link("../toc.dat"))),
            ("toc.dat".to_owned(), Kind::Sparse),
            ("3.dat".to_owned(), Kind::Sparse),
            ("4.dat".to_owned(), Kind::File),
        ]
    );
}
