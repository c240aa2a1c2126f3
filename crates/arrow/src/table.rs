//! `ArrowTable`: a table's columns as fields of an Arrow schema.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};
use pgdmp::Toc;
use pgdmp::rows::OnInvalid;
use pgdmp::text::Encoding;
use pgdmp::types::{Columns, DataType, Keys};

use crate::error::{Error, Result};
use crate::geometry_metadata;
use crate::kind::{DIGITS_128, Decimal, DecimalText, Kind};
use crate::options::{ArrowOptions, NumericAs, OnUnrepresentable};
use crate::texts::Texts;

/// A table as Arrow: its schema, and how the values of each column become Arrow's.
///
/// The metadata of a field has the type as the archive spells it (`pgdmp.type`) and the domain
/// (`pgdmp.domain`). That of the schema has the table (`pgdmp.table`) and its encoding
/// (`pgdmp.encoding`). [`describe`](Self::describe) adds more.
#[derive(Debug, Clone)]
pub struct ArrowTable {
    pub(crate) options: ArrowOptions,
    pub(crate) texts: Texts,
    pub(crate) columns: Vec<Planned>,
    metadata: HashMap<String, String>,
    pub(crate) schema: SchemaRef,
}

/// What is known of a column.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    /// In the encoding of the archive.
    pub(crate) name: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    shown: String,
    metadata: HashMap<String, String>,
}

impl ArrowTable {
    /// The columns of a table, of an archive with this encoding:
    /// [`Toc::text_encoding`](pgdmp::Toc::text_encoding).
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if options do not fit each other or the table.
    pub fn new(columns: &Columns, encoding: Encoding, options: &ArrowOptions) -> Result<Self> {
        if let NumericAs::Decimal(precision, scale) = options.numeric
            && !(1..=DIGITS_128).contains(&precision)
                | !(0..=precision.cast_signed()).contains(&scale)
        {
            return Err(Error::Usage(format!(
                "a decimal has a precision of 1 to 38 and a scale of 0 to that, not {precision},{scale}"
            )));
        }
        let texts =
            Texts::new(options.encoding.unwrap_or(encoding), options.on_invalid == OnInvalid::Text);
        // A NULL where another value is not possible needs a place.
        let all_nullable = options.nullable
            || options.on_unrepresentable == OnUnrepresentable::Null
            || options.on_invalid != OnInvalid::Error;
        let mut planned: Vec<Planned> = Vec::new();
        for column in &columns.columns {
            let dimensions = match options.array_dimensions.get(&column.name) {
                Some(_) if !matches!(column.data_type, DataType::Array(_)) => {
                    let what = format!("column {} is no array", texts.name(&column.name));
                    return Err(Error::Usage(what));
                }
                dimensions => dimensions.copied().unwrap_or(1),
            };
            let mut metadata = HashMap::new();
            if !column.spelling.is_empty() {
                metadata.insert("pgdmp.type".to_owned(), texts.name(&column.spelling));
            }
            if let Some(domain) = &column.domain {
                let schema = domain.schema.iter().map(|schema| texts.name(schema) + ".");
                let name = schema.chain([texts.name(&domain.name)]).collect();
                metadata.insert("pgdmp.domain".to_owned(), name);
            }
            let kind = Kind::of(&column.data_type, dimensions, options, &texts);
            if let Kind::Geometry(Some(srid)) = &kind {
                metadata.insert("pgdmp.srid".to_owned(), srid.to_string());
            }
            planned.push(Planned {
                shown: texts.name(&column.name),
                name: column.name.clone(),
                kind,
                nullable: all_nullable || !column.not_null,
                metadata,
            });
        }
        // Two names can be one where characters of them are not known.
        for n in 1..planned.len() {
            while planned[..n].iter().any(|other| other.shown == planned[n].shown) {
                planned[n].shown = format!("{} ({})", planned[n].shown, n + 1);
            }
        }
        let schema = columns.table.schema.iter().map(|schema| texts.name(schema) + ".");
        let name = schema.chain([texts.name(&columns.table.name)]).collect();
        let metadata = HashMap::from([
            ("pgdmp.table".to_owned(), name),
            ("pgdmp.encoding".to_owned(), texts.encoding().name().to_owned()),
        ]);
        let mut table = ArrowTable {
            options: options.clone(),
            texts,
            columns: planned,
            metadata,
            schema: Arc::new(Schema::empty()),
        };
        table.make_schema();
        Ok(table)
    }

    /// Adds what the archive says of the table to the metadata: its comment (`comment`), the columns
    /// of its primary key (`pgdmp.primary_key`, a JSON array), the version of the server
    /// (`pgdmp.server_version`), and to fields the comments on their columns (`comment`).
    #[must_use]
    pub fn describe(mut self, toc: &Toc, keys: &Keys) -> Self {
        let mut metadata = Vec::new();
        if let Some(version) = &toc.header().server_version {
            metadata.push(("pgdmp.server_version", self.texts.name(version)));
        }
        if let Some(key) = &keys.primary_key {
            let names: Vec<String> = key.columns.iter().map(|name| self.texts.name(name)).collect();
            metadata.push(("pgdmp.primary_key", serde_json::json!(names).to_string()));
        }
        if let Some(comment) = &keys.comment {
            metadata.push(("comment", self.texts.name(comment)));
        }
        self.metadata.extend(metadata.into_iter().map(|(key, value)| (key.to_owned(), value)));
        for (name, comment) in &keys.column_comments {
            let comment = self.texts.name(comment);
            for column in self.columns.iter_mut().filter(|column| column.name == *name) {
                column.metadata.insert("comment".to_owned(), comment.clone());
            }
        }
        self.make_schema();
        self
    }

    /// The schema.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Whether a [`Scan`](crate::Scan) over all rows must come first: columns may have to be text,
    /// or decimals.
    pub fn needs_scan(&self) -> bool {
        let for_text = self.options.on_unrepresentable == OnUnrepresentable::Text
            || self.options.on_invalid == OnInvalid::Text;
        self.columns.iter().any(|column| match column.kind {
            Kind::NumericText => true,
            _ => for_text && !column.kind.takes_all(),
        })
    }

    /// What GeoParquet says of the table, if it has a geometry.
    pub(crate) fn geo(&self) -> Option<String> {
        let columns = self.columns.iter().filter_map(|column| match column.kind {
            Kind::Geometry(Some(srid)) => Some((&*column.shown, srid)),
            _ => None,
        });
        geometry_metadata::of(columns)
    }

    pub(crate) fn shown(&self, column: usize) -> &str {
        self.columns.get(column).map_or("", |column| &column.shown)
    }

    /// The values of a column are text after all.
    pub(crate) fn make_text(&mut self, column: usize) {
        if let Some(column) = self.columns.get_mut(column) {
            column.kind = match self.options.raw {
                true => Kind::Raw,
                false => Kind::Text,
            };
            column.nullable = true;
            column.metadata.remove("pgdmp.srid");
        }
        self.make_schema();
    }

    /// The values of a column have so many digits before and behind the point.
    pub(crate) fn make_decimal(&mut self, column: usize, integer: usize, scale: usize) {
        let precision = (integer + scale).max(1);
        let sizes = (u8::try_from(precision), i8::try_from(scale));
        let Some(column) = self.columns.get_mut(column) else { return };
        column.kind = match sizes {
            (Ok(precision), Ok(scale)) if precision <= DIGITS_128 => {
                Kind::Decimal(Decimal { precision, scale, text: DecimalText::Untyped })
            }
            _ => Kind::Text,
        };
        self.make_schema();
    }

    fn make_schema(&mut self) {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|column| {
                let field = column.kind.field(&column.shown, column.nullable);
                let mut metadata = field.metadata().clone();
                metadata.extend(column.metadata.clone());
                field.with_metadata(metadata)
            })
            .collect();
        self.schema = Arc::new(Schema::new_with_metadata(fields, self.metadata.clone()));
    }
}
