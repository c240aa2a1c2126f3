use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let digit = |byte| (byte as char).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn read(algorithm: Algorithm, framing: Framing, data: &[u8]) -> Result<Vec<u8>, Error> {
    let case = Case::new("", algorithm, framing, |_| Vec::new());
    let result = decode(&case, data);
    // The same in pieces.
    let (out, error) = drain(decoder(&case, BufReader::with_capacity(1, data)), true);
    match &result {
        Ok(whole) => assert_eq!((&out, error.is_none()), (whole, true)),
        Err(whole) => assert_eq!(error.unwrap().to_string(), whole.to_string()),
    }
    result
}

fn message(algorithm: Algorithm, framing: Framing, data: &[u8]) -> String {
    read(algorithm, framing, data).unwrap_err().to_string()
}

#[cfg(feature = "gzip")]
mod gzip {
    use super::*;
    use Algorithm::Gzip;
    use Framing::{File, Stream};

    const ZLIB: &str = "789c33e4cccf4be532e22c29cfe73206b115802c05349a2b468f8b8b0b0017780c88";
    /// `gzip -9 -N`, with a time and a name
    const NAMED: &str = "1f8b0808c6b1026b0203740033e4cccf4be532e22c29cfe73206b11580
        2c05349a2b468f8b8b0b002141c8462b000000";
    /// `gzip -n`
    const PLAIN: &str = "1f8b080000000000000333e4cccf4be532e22c29cfe73206b11580
        2c05349a2b468f8b8b0b002141c8462b000000";

    #[test]
    fn written_by_the_tools() {
        assert_eq!(read(Gzip, Stream, &bytes(ZLIB)).unwrap(), SMALL);
        assert_eq!(read(Gzip, Stream, &bytes("789c030000000001")).unwrap(), b"");
        let both = [bytes(NAMED), bytes(PLAIN)].concat();
        assert_eq!(read(Gzip, File, &both).unwrap(), [SMALL, SMALL].concat());
    }

    #[test]
    fn not_a_gzip_file() {
        for data in [&b"\x1f\x1f\x8b"[..], b"plain", b"p", &noise(100_000)] {
            assert_eq!(read(Gzip, File, data).unwrap(), data);
        }
        assert!(read(Gzip, File, b"\x1f").unwrap_err().is_truncated());
        assert!(read(Gzip, Stream, b"plain").is_err());
    }

    #[test]
    fn says_what_is_wrong() {
        let mut damaged = bytes(ZLIB);
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(message(Gzip, Stream, &damaged), "zlib data: incorrect data check");
        let mut damaged = bytes(PLAIN);
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(message(Gzip, File, &damaged), "gzip data: incorrect length check");
        assert_eq!(message(Gzip, Stream, &bytes(PLAIN)), "zlib data: incorrect header check");
        let dictionary = bytes("78bb00000001 0300 00000001");
        assert_eq!(message(Gzip, Stream, &dictionary), "zlib data: needs a dictionary");
        // A second stream in one is not allowed, and made pg_restore loop.
        let twice = [bytes(ZLIB), bytes(ZLIB)].concat();
        assert_eq!(message(Gzip, Stream, &twice), "bytes follow the end of the compressed data");
    }
}

#[cfg(feature = "lz4")]
mod lz4 {
    use super::*;
    use Algorithm::Lz4;
    use Framing::File;

    /// pg_dump 17: an empty large object, and data of 5 bytes
    const EMPTY: &str = "04224d184040c0 00000000";
    const STORED: &str = "04224d184040c0 05000080 5c2e0a0a0a 00000000";
    /// `lz4 -B4 -BD --no-frame-crc`
    const SHORT: &str = "04224d18604082 1f000000 d0316f6e650a320974776f0a33";
    const PLAIN: &str = "04224d18604082 1f000000 d031096f6e650a320974776f0a330c005b2074776f20080060
        0a5c2e0a0a0a 00000000";
    /// `lz4 --content-size`
    const SIZED: &str = "04224d186c402b00000000000000b4 1f000000 d031096f6e650a320974776f0a330c005b
        2074776f200800600a5c2e0a0a0a 00000000 ea7b131f";
    /// `lz4 -BX -12`
    const CHECKED: &str = "04224d187440bd 1f000000 d031096f6e650a320974776f0a330c005b2074776f200800
        600a5c2e0a0a0a 92dcbd39 00000000 ea7b131f";
    const SKIPPABLE: &str = "5f2a4d18 03000000 aabbcc";

    #[test]
    fn written_by_the_tools() {
        for hex in [PLAIN, SIZED, CHECKED] {
            assert_eq!(read(Lz4, File, &bytes(hex)).unwrap(), SMALL);
        }
        let all = [SKIPPABLE, STORED, EMPTY, SKIPPABLE, STORED, SKIPPABLE].map(bytes).concat();
        assert_eq!(read(Lz4, File, &all).unwrap(), b"\\.\n\n\n\\.\n\n\n");
    }

    #[test]
    fn says_what_is_wrong() {
        let change = |hex, at: usize, change| {
            let mut data = bytes(hex);
            data[at] ^= change;
            message(Lz4, File, &data)
        };
        let last = bytes(CHECKED).len() - 1;
        assert_eq!(change(CHECKED, last, 1), "lz4 data: incorrect checksum");
        assert_eq!(change(CHECKED, last - 8, 1), "lz4 data: incorrect block checksum");
        assert_eq!(change(PLAIN, 6, 1), "lz4 data: incorrect header checksum");
        assert_eq!(change(PLAIN, 4, 0x80), "lz4 data: a frame of an unknown kind");
        assert_eq!(change(PLAIN, 0, 1), "lz4 data: no frame begins here");
        assert_eq!(change(PLAIN, 9, 1), "lz4 data: a block is larger than its frame allows");
        assert_eq!(change(PLAIN, 26, 1), "lz4 data: a match begins before the data");
        assert_eq!(
            message(Lz4, File, &bytes(SHORT)[..20]),
            "unexpected end of input in compressed data"
        );
        // A match of 128 KiB in a block of at most 64 KiB.
        let mut bomb = bytes("04224d184040c0 07020000 1f61 0100");
        bomb.extend([255; 512]);
        bomb.extend(bytes("00 1062 00000000"));
        assert_eq!(message(Lz4, File, &bomb), "lz4 data: a block is larger than its frame allows");
    }

    #[test]
    fn blocks_refer_to_earlier_ones_only_if_linked() {
        let block = |hex: &str| {
            let data = bytes(hex);
            [&(data.len() as u32).to_le_bytes()[..], &data].concat()
        };
        // "abcde", then 4 from 5 back and "vwxyz"
        let blocks = [block("506162636465"), block("000500 5076777879 7a"), bytes("00000000")];
        let linked = [bytes("04224d184040c0"), blocks.concat()].concat();
        assert_eq!(read(Lz4, File, &linked).unwrap(), b"abcdeabcdvwxyz");
        let independent = [bytes("04224d18604082"), blocks.concat()].concat();
        assert_eq!(message(Lz4, File, &independent), "lz4 data: a match begins before the data");
    }

    #[test]
    fn decodes_what_others_encode() {
        // As lz4_flex decodes it, with blocks of all sizes and matches of all kinds.
        for (size, encode) in [
            (700_000, lz4_as_pg_dump as fn(&[u8]) -> _),
            (5 << 20, lz4_with_checks),
            (9 << 20, lz4_large),
        ] {
            let mut random = Random(7);
            let mut data = noise(3);
            while data.len() < size {
                let literals = random.below_one_of([4, 20, 80, 3000]);
                data.extend((0..literals).map(|_| random.next() as u8));
                let offset = 1 + random.below_one_of([8, 40, 70_000, 1000]) % data.len();
                let start = data.len() - offset;
                let length = random.below_one_of([8, 20, 100, 400_000]);
                (start..start + length).for_each(|at| data.push(data[at]));
            }
            assert!(read_whole(&encode(&data)) == data, "{size}");
        }
    }

    fn read_whole(data: &[u8]) -> Vec<u8> {
        let case = Case::new("", Lz4, File, |_| Vec::new());
        decode(&case, data).unwrap()
    }

    #[test]
    fn any_bytes_as_block() {
        let mut random = Random(3);
        for round in 0..20_000 {
            let length = 1 + random.below(300);
            // Few different values make for more valid sequences.
            let mask = [0xff, 0x33, 0x1f, 0xf1][round % 4];
            let block: Vec<u8> = (0..length).map(|_| random.next() as u8 & mask).collect();
            let mut data = bytes("04224d184040c0");
            data.extend((length as u32).to_le_bytes());
            data.extend(&block);
            data.extend([0; 4]);
            let case = Case::new("", Lz4, File, |_| Vec::new());
            let mut expected = vec![0; 64 << 10];
            match lz4_flex::block::decompress_into(&block, &mut expected) {
                Ok(size) => assert!(decode(&case, &data).unwrap() == expected[..size]),
                Err(_) => assert!(decode(&case, &data).is_err()),
            }
        }
    }
}

#[cfg(feature = "zstd")]
mod zstd {
    use super::*;
    use Algorithm::Zstd;
    use Framing::Stream;

    /// pg_dump 17: an empty large object, and data of 5 bytes
    const EMPTY: &str = "28b52ffd2000010000";
    const STORED: &str = "28b52ffd0060290000 5c2e0a0a0a";
    /// `zstd --no-check` of a pipe
    const PLAIN: &str = "28b52ffd0058150100e031096f6e650a320974776f0a33096f6e652074776f200a5c2e
        0a0a0a0100d69526";
    /// `zstd -19`
    const CHECKED: &str = "28b52ffd242b150100e031096f6e650a320974776f0a33096f6e652074776f200a5c2e
        0a0a0a010076b709b96605b4";
    const SKIPPABLE: &str = "502a4d18 03000000 aabbcc";

    #[test]
    fn written_by_the_tools() {
        for hex in [PLAIN, CHECKED] {
            assert_eq!(read(Zstd, Stream, &bytes(hex)).unwrap(), SMALL);
        }
        let all = [SKIPPABLE, STORED, EMPTY, SKIPPABLE, STORED, SKIPPABLE].map(bytes).concat();
        assert_eq!(read(Zstd, Stream, &all).unwrap(), b"\\.\n\n\n\\.\n\n\n");
    }

    #[test]
    fn says_what_is_wrong() {
        let mut damaged = bytes(CHECKED);
        *damaged.last_mut().unwrap() ^= 1;
        let message_of = |data: &[u8]| message(Zstd, Stream, data);
        assert_eq!(message_of(&damaged), "zstd data: Restored data doesn't match checksum");
        assert_eq!(message_of(b"plain text"), "zstd data: Unknown frame descriptor");
    }

    #[test]
    fn window_is_limited() {
        let data = text(100_000);
        let encoded = zstd_with(&data, &[zstd_safe::CParameter::WindowLog(24)]);
        let contexts = Arc::new(Contexts::default());
        for (log, fits) in [(23, false), (24, true), (31, true), (0, false), (99, true)] {
            let limits = Limits::new().zstd_window_log(log);
            let mut out = Vec::new();
            let result = Decoder::new(&encoded[..], Zstd, Stream, &limits, &contexts)
                .unwrap()
                .read_to_end(&mut out);
            match result {
                Ok(_) => assert!(fits && out == data),
                Err(error) => {
                    let error = Error::from(error);
                    assert!(!fits && error.is_limit(), "{error}");
                }
            }
        }
    }
}
