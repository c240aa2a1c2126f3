//! Where PostgreSQL's conversions (15 to 18) differ from the tables of `encoding_rs`.
//!
//! The lists were made from a server's answers to every code and every character; the live test
//! `encodings` compares them again.

use std::collections::HashMap;
use std::sync::OnceLock;

use encoding_rs as rs;

/// The first and the last of successive codes, and the character of the first; the others have the
/// successive characters. With [`NONE`] they are no characters.
type Run = (u32, u32, u32);
const NONE: u32 = 0;

/// An encoding's table, and what is otherwise.
#[derive(Clone, Copy)]
pub(super) struct Tables {
    table: &'static rs::Encoding,
    /// By code.
    runs: &'static [Run],
    /// Whether it has gaps where browsers have control characters.
    windows: bool,
    /// Codes of characters that other codes are, too, or that are not read back as themselves.
    from: &'static [(u32, u32)],
}

impl Tables {
    pub(super) fn find(name: &str) -> Option<Tables> {
        let (table, runs, from): (_, &[Run], &[(u32, u32)]) = match name {
            "LATIN2" => (rs::ISO_8859_2, &[], &[]),
            "LATIN3" => (rs::ISO_8859_3, &[], &[]),
            "LATIN4" => (rs::ISO_8859_4, &[], &[]),
            "LATIN6" => (rs::ISO_8859_10, &[], &[]),
            "LATIN7" => (rs::ISO_8859_13, &[], &[]),
            "LATIN8" => (rs::ISO_8859_14, &[], &[]),
            "LATIN9" => (rs::ISO_8859_15, &[], &[]),
            "LATIN10" => (rs::ISO_8859_16, &[], &[]),
            "ISO_8859_5" => (rs::ISO_8859_5, &[], &[]),
            "ISO_8859_6" => (rs::ISO_8859_6, &[], &[]),
            "ISO_8859_7" => (rs::ISO_8859_7, &[], &[]),
            "ISO_8859_8" => (rs::ISO_8859_8, &[], &[]),
            "WIN1250" => (rs::WINDOWS_1250, &[], &[]),
            "WIN1251" => (rs::WINDOWS_1251, &[], &[]),
            "WIN1252" => (rs::WINDOWS_1252, &[], &[]),
            "WIN1253" => (rs::WINDOWS_1253, &[], &[]),
            "WIN1254" => (rs::WINDOWS_1254, &[], &[]),
            "WIN1255" => (rs::WINDOWS_1255, WIN1255, &[]),
            "WIN1256" => (rs::WINDOWS_1256, &[], &[]),
            "WIN1257" => (rs::WINDOWS_1257, &[], &[]),
            "WIN1258" => (rs::WINDOWS_1258, &[], &[]),
            "WIN866" => (rs::IBM866, &[], &[]),
            "WIN874" => (rs::WINDOWS_874, &[], &[]),
            "KOI8R" => (rs::KOI8_R, &[], &[]),
            "KOI8U" => (rs::KOI8_U, KOI8U, &[]),
            "SJIS" => (rs::SHIFT_JIS, SJIS, SJIS_FROM),
            "GBK" => (rs::GBK, GBK, &[]),
            "EUC_JP" => (rs::EUC_JP, EUC_JP, EUC_JP_FROM),
            "EUC_CN" => (rs::GBK, EUC_CN, &[]),
            "EUC_KR" => (rs::EUC_KR, EUC_KR, &[]),
            "UHC" => (rs::EUC_KR, UHC, &[]),
            "GB18030" => (rs::GB18030, GB18030, GB18030_FROM),
            "BIG5" => (rs::BIG5, BIG5, BIG5_FROM),
            _ => return None,
        };
        let windows = name.starts_with("WIN") && name != "WIN866";
        Some(Tables { table, runs, windows, from })
    }

    /// The character that these bytes are, if they are one.
    pub(super) fn character(self, bytes: &[u8]) -> Option<char> {
        let code = bytes.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
        let next = self.runs.partition_point(|(first, ..)| *first <= code);
        if let Some(&(first, last, c)) = next.checked_sub(1).and_then(|n| self.runs.get(n))
            && code <= last
        {
            return if c == NONE { None } else { char::from_u32(c + (code - first)) };
        }
        let mut out = [0; 16];
        let mut decoder = self.table.new_decoder_without_bom_handling();
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(bytes, &mut out, true);
        if result != rs::DecoderResult::InputEmpty || read != bytes.len() {
            return None;
        }
        let mut chars = std::str::from_utf8(out.get(..written)?).ok()?.chars();
        let c = chars.next()?;
        let is_gap = self.windows && c.is_control();
        (chars.next().is_none() && !is_gap).then_some(c)
    }

    /// The bytes of a character, which the server, too, would write.
    pub(super) fn bytes(self, c: char) -> Option<Vec<u8>> {
        let number = u32::from(c);
        if let Some((_, code)) = self.from.iter().find(|(from, _)| *from == number) {
            return Some(bytes_of(*code));
        }
        let in_run = |&&(first, last, from): &&Run| {
            from != NONE && (from..=from + (last - first)).contains(&number)
        };
        if let Some((first, _, from)) = self.runs.iter().find(in_run) {
            return Some(bytes_of(first + (number - from)));
        }
        let mut text = [0; 4];
        let (bytes, _, lost) = self.table.encode(c.encode_utf8(&mut text));
        // What is written must be read as the same character.
        if !lost && self.character(&bytes) == Some(c) {
            return Some(bytes.into_owned());
        }
        // Browsers read the second set of EUC_JP, and do not write it.
        if self.table != rs::EUC_JP {
            return None;
        }
        let all = || 0xA1..=0xFE_u8;
        let second = SECOND.get_or_init(|| {
            let bytes = all().flat_map(|row| all().map(move |cell| [0x8F, row, cell]));
            bytes.filter_map(|bytes| Some((self.character(&bytes)?, bytes))).collect()
        });
        second.get(&c).map(|bytes| bytes.to_vec())
    }
}

/// JIS X 0212, in EUC_JP.
static SECOND: OnceLock<HashMap<char, [u8; 3]>> = OnceLock::new();

fn bytes_of(code: u32) -> Vec<u8> {
    let bytes = code.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}

#[rustfmt::skip]
const BIG5: &[Run] = &[
    (0x8740, 0xA0FE, NONE), (0xA145, 0xA145, 0x2022), (0xA14E, 0xA14E, 0xFF64),
    (0xA15A, 0xA15A, NONE), (0xA1C2, 0xA1C2, 0x203E), (0xA1C3, 0xA1C3, NONE),
    (0xA1C5, 0xA1C5, NONE), (0xA1E3, 0xA1E3, 0x223C), (0xA1F2, 0xA1F2, 0x2641),
    (0xA1F3, 0xA1F3, 0x2609), (0xA1FE, 0xA240, NONE), (0xA241, 0xA241, 0xFF0F),
    (0xA242, 0xA242, 0xFF3C), (0xA244, 0xA244, 0x00A5), (0xA246, 0xA247, 0x00A2),
    (0xA2CC, 0xA2CC, NONE), (0xA2CE, 0xA2CE, NONE), (0xA3C0, 0xA3E1, NONE),
    (0xC6A1, 0xC6A1, 0x30FE), (0xC6A2, 0xC6A3, 0x309D), (0xC6A4, 0xC6A4, 0x3005),
    (0xC6A5, 0xC6F7, 0x3041), (0xC6F8, 0xC6FE, 0x30A1), (0xC740, 0xC77E, 0x30A8),
    (0xC7A1, 0xC7B0, 0x30E7), (0xC7B1, 0xC7B2, 0x0414), (0xC7B3, 0xC7B3, 0x0401),
    (0xC7B4, 0xC7BA, 0x0416), (0xC7BB, 0xC7CD, 0x0423), (0xC7CE, 0xC7CE, 0x0451),
    (0xC7CF, 0xC7E8, 0x0436), (0xC7E9, 0xC7F2, 0x2460), (0xC7F3, 0xC7FC, 0x2474),
    (0xC7FD, 0xC8FE, NONE), (0xF9DD, 0xFEFE, NONE),
];

#[rustfmt::skip]
const BIG5_FROM: &[(u32, u32)] = &[
    (0x2550, 0xA2A4), (0x255E, 0xA2A5), (0x2561, 0xA2A7), (0x256A, 0xA2A6), (0x4EDD, 0xC969),
];

#[rustfmt::skip]
const EUC_CN: &[Run] = &[
    (0xA1A4, 0xA1A4, 0x30FB), (0xA1AA, 0xA1AA, 0x2015), (0xA2A1, 0xA2B0, NONE),
    (0xA2E3, 0xA2E4, NONE), (0xA2EF, 0xA2F0, NONE), (0xA2FD, 0xA2FE, NONE), (0xA4F4, 0xA4FE, NONE),
    (0xA5F7, 0xA5FE, NONE), (0xA6B9, 0xA6C0, NONE), (0xA6D9, 0xA6FE, NONE), (0xA7C2, 0xA7D0, NONE),
    (0xA7F2, 0xA7FE, NONE), (0xA8BB, 0xA8C4, NONE), (0xA8EA, 0xA9A3, NONE), (0xA9F0, 0xAFFE, NONE),
    (0xD7FA, 0xD7FE, NONE), (0xF8A1, 0xFEFE, NONE),
];

#[rustfmt::skip]
const EUC_JP: &[Run] = &[
    (0xF9A1, 0xFCFE, NONE), (0x8FA2B7, 0x8FA2B7, NONE), (0x8FA2C3, 0x8FA2C3, 0xFFE4),
    (0x8FF3F3, 0x8FF3FC, 0x2170), (0x8FF3FD, 0x8FF3FE, 0x2160), (0x8FF4A1, 0x8FF4A8, 0x2162),
    (0x8FF4A9, 0x8FF4A9, 0xFF07), (0x8FF4AA, 0x8FF4AA, 0xFF02), (0x8FF4AB, 0x8FF4AB, 0x3231),
    (0x8FF4AC, 0x8FF4AC, 0x2116), (0x8FF4AD, 0x8FF4AD, 0x2121), (0x8FF4AE, 0x8FF4AE, 0x70BB),
    (0x8FF4AF, 0x8FF4AF, 0x4EFC), (0x8FF4B0, 0x8FF4B0, 0x50F4), (0x8FF4B1, 0x8FF4B1, 0x51EC),
    (0x8FF4B2, 0x8FF4B2, 0x5307), (0x8FF4B3, 0x8FF4B3, 0x5324), (0x8FF4B4, 0x8FF4B4, 0xFA0E),
    (0x8FF4B5, 0x8FF4B5, 0x548A), (0x8FF4B6, 0x8FF4B6, 0x5759), (0x8FF4B7, 0x8FF4B8, 0xFA0F),
    (0x8FF4B9, 0x8FF4B9, 0x589E), (0x8FF4BA, 0x8FF4BA, 0x5BEC), (0x8FF4BB, 0x8FF4BB, 0x5CF5),
    (0x8FF4BC, 0x8FF4BC, 0x5D53), (0x8FF4BD, 0x8FF4BD, 0xFA11), (0x8FF4BE, 0x8FF4BE, 0x5FB7),
    (0x8FF4BF, 0x8FF4BF, 0x6085), (0x8FF4C0, 0x8FF4C0, 0x6120), (0x8FF4C1, 0x8FF4C1, 0x654E),
    (0x8FF4C2, 0x8FF4C2, 0x663B), (0x8FF4C3, 0x8FF4C3, 0x6665), (0x8FF4C4, 0x8FF4C4, 0xFA12),
    (0x8FF4C5, 0x8FF4C5, 0xF929), (0x8FF4C6, 0x8FF4C6, 0x6801), (0x8FF4C7, 0x8FF4C8, 0xFA13),
    (0x8FF4C9, 0x8FF4C9, 0x6A6B), (0x8FF4CA, 0x8FF4CA, 0x6AE2), (0x8FF4CB, 0x8FF4CB, 0x6DF8),
    (0x8FF4CC, 0x8FF4CC, 0x6DF2), (0x8FF4CD, 0x8FF4CD, 0x7028), (0x8FF4CE, 0x8FF4CF, 0xFA15),
    (0x8FF4D0, 0x8FF4D0, 0x7501), (0x8FF4D1, 0x8FF4D1, 0x7682), (0x8FF4D2, 0x8FF4D2, 0x769E),
    (0x8FF4D3, 0x8FF4D3, 0xFA17), (0x8FF4D4, 0x8FF4D4, 0x7930), (0x8FF4D5, 0x8FF4D8, 0xFA18),
    (0x8FF4D9, 0x8FF4D9, 0x7AE7), (0x8FF4DA, 0x8FF4DB, 0xFA1C), (0x8FF4DC, 0x8FF4DC, 0x7DA0),
    (0x8FF4DD, 0x8FF4DD, 0x7DD6), (0x8FF4DE, 0x8FF4DE, 0xFA1E), (0x8FF4DF, 0x8FF4DF, 0x8362),
    (0x8FF4E0, 0x8FF4E0, 0xFA1F), (0x8FF4E1, 0x8FF4E1, 0x85B0), (0x8FF4E2, 0x8FF4E3, 0xFA20),
    (0x8FF4E4, 0x8FF4E4, 0x8807), (0x8FF4E5, 0x8FF4E5, 0xFA22), (0x8FF4E6, 0x8FF4E6, 0x8B7F),
    (0x8FF4E7, 0x8FF4E7, 0x8CF4), (0x8FF4E8, 0x8FF4E8, 0x8D76), (0x8FF4E9, 0x8FF4EB, 0xFA23),
    (0x8FF4EC, 0x8FF4EC, 0x90DE), (0x8FF4ED, 0x8FF4ED, 0xFA26), (0x8FF4EE, 0x8FF4EE, 0x9115),
    (0x8FF4EF, 0x8FF4F0, 0xFA27), (0x8FF4F1, 0x8FF4F1, 0x9592), (0x8FF4F2, 0x8FF4F2, 0xF9DC),
    (0x8FF4F3, 0x8FF4F3, 0xFA29), (0x8FF4F4, 0x8FF4F4, 0x973B), (0x8FF4F5, 0x8FF4F5, 0x974D),
    (0x8FF4F6, 0x8FF4F6, 0x9751), (0x8FF4F7, 0x8FF4F9, 0xFA2A), (0x8FF4FA, 0x8FF4FA, 0x999E),
    (0x8FF4FB, 0x8FF4FB, 0x9AD9), (0x8FF4FC, 0x8FF4FC, 0x9B72), (0x8FF4FD, 0x8FF4FD, 0xFA2D),
    (0x8FF4FE, 0x8FF4FE, 0x9ED1),
];

#[rustfmt::skip]
const EUC_JP_FROM: &[(u32, u32)] = &[
    (0x00A6, 0x8FA2C3), (0x2116, 0xADE2), (0x2121, 0xADE4), (0x2160, 0xADB5), (0x2161, 0xADB6),
    (0x2162, 0xADB7), (0x2163, 0xADB8), (0x2164, 0xADB9), (0x2165, 0xADBA), (0x2166, 0xADBB),
    (0x2167, 0xADBC), (0x2168, 0xADBD), (0x2169, 0xADBE), (0x3231, 0xADEA),
];

#[rustfmt::skip]
const EUC_KR: &[Run] = &[
    (0xA2E8, 0xA2E8, 0x327E),
];

#[rustfmt::skip]
const GB18030: &[Run] = &[
    (0xA3A0, 0xA3A0, 0xE5E5), (0xA6D9, 0xA6DF, 0xE78D), (0xA6EC, 0xA6ED, 0xE794),
    (0xA6F3, 0xA6F3, 0xE796), (0xA8BC, 0xA8BC, 0xE7C7), (0xFE59, 0xFE59, 0xE81E),
    (0xFE61, 0xFE61, 0xE826), (0xFE66, 0xFE67, 0xE82B), (0xFE6D, 0xFE6D, 0xE832),
    (0xFE7E, 0xFE7E, 0xE843), (0xFE90, 0xFE90, 0xE854), (0xFEA0, 0xFEA0, 0xE864),
    (0x8135F437, 0x8135F437, 0x1E3F),
];

#[rustfmt::skip]
const GB18030_FROM: &[(u32, u32)] = &[
    (0x9FB4, 0x82359037), (0x9FB5, 0x82359038), (0x9FB6, 0x82359039), (0x9FB7, 0x82359130),
    (0x9FB8, 0x82359131), (0x9FB9, 0x82359132), (0x9FBA, 0x82359133), (0x9FBB, 0x82359134),
    (0xFE10, 0x84318236), (0xFE11, 0x84318237), (0xFE12, 0x84318238), (0xFE13, 0x84318239),
    (0xFE14, 0x84318330), (0xFE15, 0x84318331), (0xFE16, 0x84318332), (0xFE17, 0x84318333),
    (0xFE18, 0x84318334), (0xFE19, 0x84318335), (0xFFFF, 0x8431A439),
];

#[rustfmt::skip]
const GBK: &[Run] = &[
    (0xA140, 0xA1A0, NONE), (0xA240, 0xA2A0, NONE), (0xA2AB, 0xA2B0, NONE), (0xA2E3, 0xA2E4, NONE),
    (0xA2EF, 0xA2F0, NONE), (0xA2FD, 0xA3A0, NONE), (0xA440, 0xA4A0, NONE), (0xA4F4, 0xA5A0, NONE),
    (0xA5F7, 0xA6A0, NONE), (0xA6B9, 0xA6C0, NONE), (0xA6D9, 0xA6DF, NONE), (0xA6EC, 0xA6ED, NONE),
    (0xA6F3, 0xA6F3, NONE), (0xA6F6, 0xA7A0, NONE), (0xA7C2, 0xA7D0, NONE), (0xA7F2, 0xA7FE, NONE),
    (0xA896, 0xA8A0, NONE), (0xA8BC, 0xA8BC, NONE), (0xA8BF, 0xA8BF, NONE), (0xA8C1, 0xA8C4, NONE),
    (0xA8EA, 0xA8FE, NONE), (0xA958, 0xA958, NONE), (0xA95B, 0xA95B, NONE), (0xA95D, 0xA95F, NONE),
    (0xA989, 0xA995, NONE), (0xA997, 0xA9A3, NONE), (0xA9F0, 0xA9FE, NONE), (0xAAA1, 0xAAFE, NONE),
    (0xABA1, 0xABFE, NONE), (0xACA1, 0xACFE, NONE), (0xADA1, 0xADFE, NONE), (0xAEA1, 0xAEFE, NONE),
    (0xAFA1, 0xAFFE, NONE), (0xD7FA, 0xD7FE, NONE), (0xF8A1, 0xF8FE, NONE), (0xF9A1, 0xF9FE, NONE),
    (0xFAA1, 0xFAFE, NONE), (0xFBA1, 0xFBFE, NONE), (0xFCA1, 0xFCFE, NONE), (0xFDA1, 0xFDFE, NONE),
    (0xFE50, 0xFEFE, NONE),
];

#[rustfmt::skip]
const KOI8U: &[Run] = &[
    (0x00AE, 0x00AE, 0x255D), (0x00BE, 0x00BE, 0x256C),
];

#[rustfmt::skip]
const SJIS: &[Run] = &[
    (0xF040, 0xF9FC, NONE),
];

#[rustfmt::skip]
const SJIS_FROM: &[(u32, u32)] = &[
    (0x00A2, 0x8191), (0x00A3, 0x8192), (0x00AC, 0x81CA), (0x2016, 0x8161), (0x2116, 0xFA59),
    (0x2121, 0xFA5A), (0x2160, 0xFA4A), (0x2161, 0xFA4B), (0x2162, 0xFA4C), (0x2163, 0xFA4D),
    (0x2164, 0xFA4E), (0x2165, 0xFA4F), (0x2166, 0xFA50), (0x2167, 0xFA51), (0x2168, 0xFA52),
    (0x2169, 0xFA53), (0x2212, 0x817C), (0x301C, 0x8160), (0x3231, 0xFA58),
];

#[rustfmt::skip]
const UHC: &[Run] = &[
    (0xA2E8, 0xA2E8, 0x327E), (0xC9A1, 0xC9FE, 0xE000), (0xFEA1, 0xFEFE, 0xE05E),
];

#[rustfmt::skip]
const WIN1255: &[Run] = &[
    (0x00CA, 0x00CA, NONE),
];
