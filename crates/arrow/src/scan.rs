//! `Scan`: what must be known of all values before the first is written.

use pgdmp::rows::{OnInvalid, Row};
use pgdmp::value::Numeric;

use crate::batch::BatchBuilder;
use crate::column::Refused;
use crate::error::Result;
use crate::kind::Kind;
use crate::options::OnUnrepresentable;
use crate::table::ArrowTable;

/// A first pass over the rows of a table, for options that depend on all values:
/// [`OnUnrepresentable::Text`], [`OnInvalid::Text`] and [`NumericAs::Scan`](crate::NumericAs::Scan).
/// [`ArrowTable::needs_scan`] says whether it is needed.
#[derive(Debug)]
pub struct Scan {
    builder: BatchBuilder,
    columns: Vec<Found>,
    scratch: Vec<u8>,
}

/// What was found of a column.
#[derive(Debug, Clone)]
enum Found {
    /// Nothing special.
    Fits,
    /// All texts have so many digits before and behind the point.
    Digits { integer: usize, scale: usize },
    /// It must be text.
    Text,
}

impl Scan {
    /// A scan of a table.
    pub fn new(table: &ArrowTable) -> Self {
        let columns = table.columns.iter().map(|column| match column.kind {
            Kind::NumericText => Found::Digits { integer: 0, scale: 0 },
            Kind::Text | Kind::Raw => Found::Text,
            _ => Found::Fits,
        });
        Scan {
            columns: columns.collect(),
            builder: BatchBuilder::new(table.clone()),
            scratch: Vec::new(),
        }
    }

    /// Looks at a row, as [`BatchBuilder::push`] takes it.
    ///
    /// # Errors
    ///
    /// As [`BatchBuilder::push`], except for values for which a column becomes text.
    pub fn push(&mut self, row: &Row<'_>, places: Option<&[usize]>) -> Result<()> {
        let options = &self.builder.table().options;
        let unrepresentable_text = options.on_unrepresentable == OnUnrepresentable::Text;
        let (is_error, invalid_text) =
            (options.on_invalid == OnInvalid::Error, options.on_invalid == OnInvalid::Text);
        for column in 0..self.columns.len() {
            if let Found::Digits { integer, scale } = &mut self.columns[column] {
                let place = places.map_or(Some(column), |places| places.get(column).copied());
                let field = place.and_then(|place| row.get(place));
                let text = field.and_then(|field| field.value_in(&mut self.scratch));
                match text.map(Numeric::parse) {
                    None => {}
                    Some(Some(number)) if number.is_finite() => {
                        *integer = (*integer).max(number.integer_digits().unwrap_or(0));
                        *scale = (*scale).max(number.needed_scale().unwrap_or(0));
                    }
                    // The policies decide: NULL, or an error when it is met again.
                    Some(Some(_)) if !unrepresentable_text => {}
                    Some(None) if !invalid_text => {}
                    Some(_) => self.columns[column] = Found::Text,
                }
                continue;
            }
            if matches!(self.columns[column], Found::Text) {
                continue;
            }
            let Some(refused) = self.builder.append(row, places, column)? else { continue };
            match refused.refused {
                Refused::Unrepresentable(_) if unrepresentable_text => {
                    self.columns[column] = Found::Text;
                }
                Refused::Invalid(_) if invalid_text => self.columns[column] = Found::Text,
                Refused::Invalid(_) if is_error => {
                    return Err(self.builder.error(row, &refused).into());
                }
                _ => {}
            }
        }
        self.builder.seen(row);
        Ok(())
    }

    /// The table with what was found of its columns.
    pub fn finish(self) -> ArrowTable {
        let mut table = self.builder.table().clone();
        for (column, found) in self.columns.iter().enumerate() {
            match found {
                Found::Fits => {}
                Found::Text if table.columns[column].kind.takes_all() => {}
                Found::Text => table.make_text(column),
                Found::Digits { integer, scale } => table.make_decimal(column, *integer, *scale),
            }
        }
        table
    }
}
