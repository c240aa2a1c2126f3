//! `ArrowOptions`: what values become, and what becomes of those that Arrow does not have.

use std::collections::HashMap;

use pgdmp::rows::OnInvalid;
use pgdmp::text::Encoding;

/// What becomes of a value that its column's Arrow type cannot hold exactly, such as the timestamp
/// `infinity`, or an array with two dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnUnrepresentable {
    /// It is an error.
    #[default]
    Error,
    /// It is NULL, and counted: [`BatchBuilder::nulled`](crate::BatchBuilder::nulled).
    Null,
    /// The whole column is text. Which columns have such a value must be known beforehand: see
    /// [`Scan`](crate::Scan).
    Text,
}

/// What the values are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Target {
    /// Arrow in memory, and Arrow IPC.
    #[default]
    Arrow,
    /// Parquet, which has fewer types: intervals are a group of three numbers, and decimals of more
    /// than 38 digits are text, since common readers make floating-point numbers of them.
    Parquet,
}

/// What a `numeric` without precision becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NumericAs {
    /// Text, which holds all values.
    #[default]
    Text,
    /// A decimal with this precision (1 to 38) and scale (0 to the precision). Values that need more
    /// digits are unrepresentable; none is rounded.
    Decimal(u8, i8),
    /// The smallest decimal of at most 38 digits that holds all values, which a [`Scan`](crate::Scan)
    /// finds. Text, if there is none.
    Scan,
    /// A floating-point number. Values that it does not hold exactly to their last digit are
    /// unrepresentable.
    Double,
}

/// Options for rows as Arrow.
///
/// ```
/// use pgdmp_arrow::{ArrowOptions, OnUnrepresentable};
///
/// let options = ArrowOptions::new().on_unrepresentable(OnUnrepresentable::Null);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ArrowOptions {
    pub(crate) target: Target,
    pub(crate) on_unrepresentable: OnUnrepresentable,
    pub(crate) on_invalid: OnInvalid,
    pub(crate) encoding: Option<Encoding>,
    pub(crate) raw: bool,
    pub(crate) numeric: NumericAs,
    pub(crate) decimal256: bool,
    pub(crate) money: Option<(u8, u8)>,
    pub(crate) interval_text: bool,
    pub(crate) range_struct: bool,
    pub(crate) nullable: bool,
    pub(crate) array_dimensions: HashMap<Vec<u8>, usize>,
    pub(crate) batch_rows: usize,
    pub(crate) batch_bytes: usize,
}

impl Default for ArrowOptions {
    fn default() -> Self {
        ArrowOptions::new()
    }
}

impl ArrowOptions {
    /// The defaults: for Arrow, exact, and an error for each value that is not.
    pub fn new() -> Self {
        ArrowOptions {
            target: Target::Arrow,
            on_unrepresentable: OnUnrepresentable::Error,
            on_invalid: OnInvalid::Error,
            encoding: None,
            raw: false,
            numeric: NumericAs::Text,
            decimal256: false,
            money: None,
            interval_text: false,
            range_struct: false,
            nullable: false,
            array_dimensions: HashMap::new(),
            batch_rows: 64 << 10,
            batch_bytes: 16 << 20,
        }
    }

    /// Sets what the values are for.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// Sets what becomes of a value that its Arrow type cannot hold exactly.
    #[must_use]
    pub fn on_unrepresentable(mut self, policy: OnUnrepresentable) -> Self {
        self.on_unrepresentable = policy;
        self
    }

    /// Sets what becomes of a value that is not one of its column's type, or not text in its
    /// encoding. With [`OnInvalid::Text`] text has U+FFFD for bytes that are no characters, and a
    /// column of another type is text, if a [`Scan`](crate::Scan) finds such a value in it.
    #[must_use]
    pub fn on_invalid(mut self, policy: OnInvalid) -> Self {
        self.on_invalid = policy;
        self
    }

    /// Sets the encoding that the values are in, if it is not the archive's.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Whether texts are left in the encoding of the archive, as columns of bytes.
    #[must_use]
    pub fn raw(mut self, raw: bool) -> Self {
        self.raw = raw;
        self
    }

    /// Sets what a `numeric` without precision becomes.
    #[must_use]
    pub fn numeric(mut self, numeric: NumericAs) -> Self {
        self.numeric = numeric;
        self
    }

    /// Whether decimals of 39 to 76 digits are decimals in Parquet, too, and not text.
    #[must_use]
    pub fn decimal256(mut self, decimal256: bool) -> Self {
        self.decimal256 = decimal256;
        self
    }

    /// Reads `money` as a decimal: its text has this decimal sign, and so many digits behind it.
    /// Without, it is text, since the archive does not say what the server's `lc_monetary` was.
    #[must_use]
    pub fn money(mut self, decimal_sign: u8, digits: u8) -> Self {
        self.money = Some((decimal_sign, digits.min(18)));
        self
    }

    /// Whether intervals are text.
    #[must_use]
    pub fn interval_text(mut self, text: bool) -> Self {
        self.interval_text = text;
        self
    }

    /// Whether a range is a struct of `lower`, `upper`, `lower_inc`, `upper_inc` and `empty`, and a
    /// multirange a list of those. Without, they are text.
    #[must_use]
    pub fn range_struct(mut self, structs: bool) -> Self {
        self.range_struct = structs;
        self
    }

    /// Whether all columns may be NULL, those that are NOT NULL too.
    #[must_use]
    pub fn nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }

    /// Sets how many dimensions the arrays of a column have, 1 to 6: it becomes a list of lists.
    /// Default 1.
    #[must_use]
    pub fn array_dimensions(mut self, column: &[u8], dimensions: usize) -> Self {
        self.array_dimensions.insert(column.to_vec(), dimensions.clamp(1, 6));
        self
    }

    /// Sets after how many rows a batch is full. Default 65,536.
    #[must_use]
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows.max(1);
        self
    }

    /// Sets after how many bytes of rows, as they are in the archive, a batch is full. Default
    /// 16 MiB. At most 512 MiB.
    #[must_use]
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes.min(512 << 20);
        self
    }
}
