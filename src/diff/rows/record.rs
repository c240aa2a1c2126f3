//! A row on its way to be compared: as bytes, in memory or in a file.

use crate::diff::columns::Binding;
use crate::diff::form::{Form, order, put_len, put_null, put_raw, take_len};
use crate::rows::Row;

/// A row of one of the two archives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'r> {
    /// Which archive it is from.
    pub(super) side: usize,
    /// The hash by which records are divided.
    pub(super) hash: u64,
    /// What tells it apart: the values of its key in their one form, or those of all columns.
    pub(super) key: &'r [u8],
    /// The texts of all compared columns.
    pub(super) texts: &'r [u8],
}

const NULL: u8 = 0;
const TEXT: u8 = 1;
/// Bytes that cannot be brought into UTF-8.
const RAW: u8 = 2;

/// A text, and whether it is text.
type Text<'r> = Option<(&'r [u8], bool)>;

impl<'r> Record<'r> {
    /// Appends a record of these parts.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(self.side as u8);
        out.extend_from_slice(&self.hash.to_le_bytes());
        put_len(self.key.len(), out);
        out.extend_from_slice(self.key);
        out.extend_from_slice(self.texts);
    }

    /// Takes a record apart.
    pub(super) fn parse(bytes: &'r [u8]) -> Option<Self> {
        let (side, mut rest) = bytes.split_first()?;
        let (hash, after) = rest.split_first_chunk()?;
        rest = after;
        let len = take_len(&mut rest)?;
        let (key, texts) = rest.split_at_checked(len)?;
        Some(Record { side: usize::from(*side & 1), hash: u64::from_le_bytes(*hash), key, texts })
    }

    /// The texts of its columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = Text<'r>> + use<'r> {
        let mut rest = self.texts;
        std::iter::from_fn(move || {
            let (kind, after) = rest.split_first()?;
            rest = after;
            if *kind == NULL {
                return Some(None);
            }
            let len = take_len(&mut rest)?;
            let (text, after) = rest.split_at_checked(len)?;
            rest = after;
            Some(Some((text, *kind == TEXT)))
        })
    }

    /// Appends all columns in their one form.
    pub(super) fn put_whole<'f>(&self, forms: impl Iterator<Item = &'f Form>, out: &mut Vec<u8>) {
        self.columns().zip(forms).for_each(|(text, form)| put_form(text, form, out));
    }

    /// The order in which records are shown: by key.
    pub(super) fn order(&self, other: &Record<'_>) -> std::cmp::Ordering {
        order(self.key, other.key)
    }
}

/// Appends a column in its one form.
pub(super) fn put_form(text: Text<'_>, form: &Form, out: &mut Vec<u8>) {
    match text {
        None => put_null(out),
        Some((text, true)) => form.put(text, out),
        Some((text, false)) => put_raw(text, out),
    }
}

/// Appends the texts of a row's compared columns.
pub(super) fn put_texts(
    row: &Row<'_>,
    binding: &Binding,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    for column in 0..binding.len() {
        binding.text(row, column, scratch, |text, is_text| match text {
            None => out.push(NULL),
            Some(text) => {
                out.push(if is_text { TEXT } else { RAW });
                put_len(text.len(), out);
                out.extend_from_slice(text);
            }
        });
    }
}
