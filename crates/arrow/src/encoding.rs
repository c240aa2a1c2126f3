//! How Parquet has the values of a column: by a dictionary, as differences, or as they are.

use parquet::basic::{Encoding, PageType, Type as PhysicalType};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::schema::types::{SchemaDescriptor, TypePtr};

/// How a Parquet file has the values of columns that have too many different ones for a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParquetEncoding {
    /// As they are (`PLAIN`). All readers know this, so it is the default.
    Plain,
    /// Integers, decimals of up to 18 digits, dates and times as differences
    /// (`DELTA_BINARY_PACKED`), texts and bytes apart from their lengths
    /// (`DELTA_LENGTH_BYTE_ARRAY`). Files of ascending numbers, times and long texts are
    /// smaller, and written faster. Some readers do not know it, such as Spark before 3.4: they refuse
    /// the file.
    Delta,
}

/// Which leaves of a column have a dictionary. A column has one leaf, or several if its type is
/// nested.
#[derive(Debug)]
pub(crate) struct Dictionaries(Vec<bool>);

impl Dictionaries {
    /// Nothing is known yet of the values of a column, which is alone in its schema.
    pub(crate) fn new(column: &TypePtr) -> Self {
        Dictionaries(vec![true; SchemaDescriptor::new(TypePtr::clone(column)).num_columns()])
    }

    /// Learns from what was written of a leaf. Says whether that changes anything: a leaf with too
    /// many different values for a dictionary has none from then on.
    pub(crate) fn learn(&mut self, leaf: usize, written: &ColumnChunkMetaData) -> bool {
        let pages = written.page_encoding_stats().into_iter().flatten();
        let mut data = pages.filter(|pages| {
            matches!(pages.page_type, PageType::DATA_PAGE | PageType::DATA_PAGE_V2)
        });
        let given_up = data.any(|pages| pages.encoding != Encoding::RLE_DICTIONARY);
        match self.0.get_mut(leaf) {
            Some(wanted) if *wanted && given_up => {
                *wanted = false;
                true
            }
            _ => false,
        }
    }

    /// The properties of a file with these dictionaries.
    pub(crate) fn properties(
        &self,
        column: &TypePtr,
        encoding: ParquetEncoding,
        file: &WriterPropertiesPtr,
    ) -> WriterProperties {
        let leaves = SchemaDescriptor::new(TypePtr::clone(column));
        let mut properties = WriterProperties::clone(file).into_builder();
        for (leaf, wanted) in leaves.columns().iter().zip(&self.0) {
            let path = leaf.path();
            properties = properties.set_column_dictionary_enabled(path.clone(), *wanted);
            let delta = delta(leaf.physical_type()).filter(|_| encoding == ParquetEncoding::Delta);
            if let Some(delta) = delta {
                properties = properties.set_column_encoding(path.clone(), delta);
            }
        }
        properties.build()
    }
}

/// What there is beside [`Encoding::PLAIN`].
fn delta(of: PhysicalType) -> Option<Encoding> {
    match of {
        PhysicalType::INT32 | PhysicalType::INT64 => Some(Encoding::DELTA_BINARY_PACKED),
        PhysicalType::BYTE_ARRAY => Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use ::parquet::file::metadata::ParquetMetaDataReader;
    use bytes::Bytes;

    use super::*;
    use crate::tests::{archive, read, show, table};
    use crate::{ArrowOptions, ParquetFile, ParquetOptions, Target};

    /// A number that looks like no other, with those at the edges side by side.
    fn number(n: usize) -> i64 {
        match n % 1_000 {
            1 => i64::MAX - n as i64,
            2 => i64::MIN + n as i64,
            _ => (n as i64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()),
        }
    }

    fn value(of: &str, n: usize) -> String {
        let number = number(n);
        match of {
            "bigint" => number.to_string(),
            "bigint[]" => format!("{{{number},NULL,{},{}}}", number / 2, number / 3),
            "numeric(18,2)" => {
                format!("{}.{:02}", number / 1_000, number.unsigned_abs() % 100)
            }
            _ => format!("{number:x} \u{e9}").repeat(1 + n % 4),
        }
    }

    /// Values come back, however they are written; a dictionary that was of no use is not tried in the
    /// next row group.
    #[test]
    fn values_without_a_dictionary() {
        // A type, its rows in a row group, which are enough to give a dictionary up, and what it is
        // written as.
        for (of, rows, delta) in [
            ("bigint", 34_000, Encoding::DELTA_BINARY_PACKED),
            ("bigint[]", 20_000, Encoding::DELTA_BINARY_PACKED),
            ("numeric(18,2)", 34_000, Encoding::DELTA_BINARY_PACKED),
            ("text", 8_000, Encoding::DELTA_LENGTH_BYTE_ARRAY),
        ] {
            let texts: Vec<String> = (0..rows + 2_000).map(|n| value(of, n)).collect();
            let values: Vec<_> = texts.iter().map(|text| Some(text.as_bytes())).collect();
            let archive = archive("UTF8", of, &values);
            let options = ArrowOptions::new().target(Target::Parquet);
            let (direct, ..) = read(&archive, &options).unwrap();
            for (encoding, expected) in
                [(ParquetEncoding::Delta, delta), (ParquetEncoding::Plain, Encoding::PLAIN)]
            {
                let table = table(&archive, &options).unwrap();
                let parquet = ParquetOptions::new().encoding(encoding).row_group_rows(rows);
                let mut file = ParquetFile::new(table, &parquet, Vec::new()).unwrap();
                let data = archive.toc().entries().find(|entry| entry.had_dumper()).unwrap();
                let mut rows = archive.rows(data.dump_id()).unwrap();
                while let Some(row) = rows.next_row().unwrap() {
                    file.write_row(&row, None).unwrap();
                }
                let bytes = Bytes::from(file.finish().unwrap().0);
                let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
                let used: Vec<BTreeSet<i32>> = metadata
                    .row_groups()
                    .iter()
                    .map(|group| group.column(0).encodings().map(|used| used as i32).collect())
                    .collect();
                let [first, second] = &used[..] else { panic!("{of}: {used:?}") };
                let dictionary = Encoding::RLE_DICTIONARY as i32;
                assert!(
                    first.contains(&dictionary) && !second.contains(&dictionary),
                    "{of} {used:?}"
                );
                assert!(second.contains(&(expected as i32)), "{of}: {used:?}");
                let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
                let reader = reader.with_batch_size(values.len()).build().unwrap();
                let mut at = 0;
                for batch in reader {
                    let column = batch.unwrap().column(0).clone();
                    let part = direct.column(0).slice(at, column.len());
                    if *column != *part {
                        let wrong =
                            (0..column.len()).find(|n| show(&column, *n) != show(&part, *n));
                        panic!("{of}, {encoding:?}: {wrong:?}");
                    }
                    at += column.len();
                }
                assert_eq!(at, values.len(), "{of}");
            }
        }
    }
}
