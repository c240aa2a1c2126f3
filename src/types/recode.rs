//! What another archive says, in the encoding of this one.

use std::sync::Arc;

use super::column::{Column, Columns};
use super::data_type::{ArrayType, Attribute, CompositeType, DataType, EnumType, QualifiedName};
use crate::encoding::Encoding;

/// From one encoding into another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recode {
    pub(super) from: Encoding,
    pub(super) to: Encoding,
}

impl Recode {
    /// A text in the other encoding; `None` if it cannot be told there.
    pub(super) fn text(self, text: &[u8]) -> Option<Vec<u8>> {
        if self.from == self.to || text.is_ascii() {
            return Some(text.to_vec());
        }
        Some(self.to.encode(&self.from.decode(text)?)?.into_owned())
    }

    fn name(self, name: &QualifiedName) -> Option<QualifiedName> {
        let schema = match &name.schema {
            Some(schema) => Some(self.text(schema)?),
            None => None,
        };
        Some(QualifiedName { schema, name: self.text(&name.name)? })
    }

    /// `None` if a name or label cannot be told.
    pub(super) fn columns(self, columns: Columns) -> Option<Columns> {
        if self.from == self.to {
            return Some(columns);
        }
        let all = columns.columns.iter().map(|column| self.column(column));
        let (table, all) = (self.name(&columns.table)?, all.collect::<Option<Vec<_>>>()?);
        Some(Columns { table, columns: all, ..columns })
    }

    fn column(self, column: &Column) -> Option<Column> {
        Some(Column {
            name: self.text(&column.name)?,
            data_type: self.data_type(&column.data_type)?,
            spelling: self.text(&column.spelling)?,
            domain: match &column.domain {
                Some(domain) => Some(self.name(domain)?),
                None => None,
            },
            default: column.default.as_ref().and_then(|default| self.text(default)),
            ..*column
        })
    }

    /// Types nest no deeper than [`DataType::MAX_DEPTH`].
    fn data_type(self, of: &DataType) -> Option<DataType> {
        Some(match of {
            DataType::Enum(found) => {
                let labels = found.labels.iter().map(|label| self.text(label));
                let (name, labels) = (self.name(&found.name)?, labels.collect::<Option<_>>()?);
                DataType::Enum(Arc::new(EnumType { name, labels }))
            }
            DataType::Array(array) => {
                let element = self.data_type(&array.element)?;
                DataType::Array(Arc::new(ArrayType { element, delimiter: array.delimiter }))
            }
            DataType::Composite(found) => {
                let fields = found.fields.iter().map(|field| {
                    Some(Attribute {
                        name: self.text(&field.name)?,
                        data_type: self.data_type(&field.data_type)?,
                        spelling: self.text(&field.spelling)?,
                    })
                });
                let (name, fields) = (self.name(&found.name)?, fields.collect::<Option<_>>()?);
                DataType::Composite(Arc::new(CompositeType { name, fields }))
            }
            DataType::Range(of) => DataType::Range(self.data_type(of)?.into()),
            DataType::Multirange(of) => DataType::Multirange(self.data_type(of)?.into()),
            other => other.clone(),
        })
    }
}
