//! Names of types looked up, and what they stand for kept.

use std::collections::HashMap;
use std::sync::Arc;

use super::create_type::{TypeText, create_type};
use super::data_type::{Attribute, CompositeType, DataType, EnumType, QualifiedName};
use super::definitions::Definitions;
use super::named::Named;
use super::spelling::{Base, BuiltIn, Spelling, delimiter_of_catalog, of_catalog};

/// What a type is.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) data_type: DataType,
    pub(super) max_length: Option<u32>,
    /// The domain, if it is one.
    pub(super) domain: Option<QualifiedName>,
    /// What separates the elements of an array of it.
    delimiter: u8,
    /// How many attributes it has, with those of the composites in it.
    attributes: usize,
    /// How deep it nests.
    height: usize,
}

impl Resolved {
    fn new(data_type: DataType) -> Self {
        BuiltIn { data_type, max_length: None }.into()
    }
}

impl From<BuiltIn> for Resolved {
    fn from(found: BuiltIn) -> Self {
        Resolved {
            data_type: found.data_type,
            max_length: found.max_length,
            domain: None,
            delimiter: b',',
            attributes: 0,
            height: 0,
        }
    }
}

/// A type is defined by itself, or nests too deep, or one in it does.
struct TooDeep;

/// The types that were looked up so far.
#[derive(Debug, Default)]
pub(super) struct Types {
    known: HashMap<Named, Known>,
    /// Attributes of row types so far. They are not bounded by the length of the archive, since
    /// tables inherit.
    inherited: usize,
}

#[derive(Debug, Clone)]
enum Known {
    /// It is being looked up.
    Begun,
    Done(Resolved),
    TooDeep,
}

/// See [`Types::inherited`].
const MAX_INHERITED: usize = 1 << 20;

/// Looks up the types of one table or type.
pub(super) struct Resolver<'d, 't> {
    pub(super) definitions: &'d Definitions<'t>,
    pub(super) types: &'d mut Types,
}

impl<'t> Resolver<'_, 't> {
    /// The type that a text in an entry of this schema means.
    pub(super) fn resolve(&mut self, spelling: &Spelling<'_>, own: &[u8]) -> Resolved {
        self.spelled(spelling, own, DataType::MAX_DEPTH)
            .unwrap_or_else(|TooDeep| Resolved::new(DataType::Other))
    }

    /// The type that an entry defines.
    pub(super) fn defined(&mut self, named: Named) -> Resolved {
        self.of_entry(named, DataType::MAX_DEPTH - 1)
            .unwrap_or_else(|TooDeep| Resolved::new(DataType::Other))
    }

    fn spelled(
        &mut self,
        spelling: &Spelling<'_>,
        own: &[u8],
        depth: usize,
    ) -> Result<Resolved, TooDeep> {
        let depth = depth.checked_sub(1).ok_or(TooDeep)?;
        let mut found = match &spelling.base {
            Base::BuiltIn(found) => found.clone().into(),
            Base::Named { name, arguments } => self.named(name, *arguments, own, depth)?,
        };
        if spelling.array {
            found.data_type = DataType::array_of(found.data_type, found.delimiter);
            found.max_length = None;
            found.domain = None;
            found.height += 1;
        }
        if found.height < DataType::MAX_DEPTH { Ok(found) } else { Err(TooDeep) }
    }

    fn named(
        &mut self,
        name: &QualifiedName,
        arguments: Option<&[u8]>,
        own: &[u8],
        depth: usize,
    ) -> Result<Resolved, TooDeep> {
        let names = self.definitions.names();
        let in_own = self.definitions.qualifies_by_entry();
        let (schema, found) = match name.schema.as_deref() {
            Some(schema) => (Some(schema), names.get(schema, &name.name)),
            None if in_own => {
                let found = names.get(own, &name.name);
                (found.map(|_| own), found)
            }
            None => (None, None),
        };
        if let Some(found) = found {
            return self.of_entry(found, depth);
        }
        if schema.is_none_or(|schema| schema == b"pg_catalog") {
            let delimiter = delimiter_of_catalog(&name.name);
            if let Some(found) = of_catalog(&name.name, arguments) {
                return Ok(found.into());
            }
            // An array is also the type of the name with `_` before it.
            if let Some(element) = name.name.strip_prefix(b"_")
                && let Some(found) = of_catalog(element, None)
            {
                let delimiter = delimiter_of_catalog(element);
                return Ok(Resolved::new(DataType::array_of(found.data_type, delimiter)));
            }
            if schema.is_some() || !in_own && !is_extension(&name.name) {
                return Ok(Resolved { delimiter, ..Resolved::new(DataType::Other) });
            }
        }
        if schema == Some(b"information_schema")
            && let Some(found) = of_information_schema(name)
        {
            return Ok(found);
        }
        let other = || self.definitions.type_of_other(schema.unwrap_or(own), &name.name);
        Ok(other().unwrap_or_else(|| of_extension(&name.name, arguments)))
    }

    fn of_entry(&mut self, named: Named, depth: usize) -> Result<Resolved, TooDeep> {
        match self.types.known.get(&named) {
            Some(Known::Done(known)) => return Ok(known.clone()),
            Some(Known::Begun | Known::TooDeep) => return Err(TooDeep),
            None => {}
        }
        self.types.known.insert(named, Known::Begun);
        let found = match named {
            Named::Type(place) => self.of_type(place as usize, depth),
            Named::Multirange(place) => {
                self.of_entry(Named::Type(place), depth).map(|range| match range.data_type {
                    DataType::Range(of) => {
                        Resolved { height: range.height, ..Resolved::new(DataType::Multirange(of)) }
                    }
                    _ => Resolved::new(DataType::Other),
                })
            }
            Named::Table(place) => self.of_row(place as usize, depth),
            Named::Unknown => Ok(Resolved::new(DataType::Other)),
        };
        match found {
            Ok(found) => {
                self.types.known.insert(named, Known::Done(found.clone()));
                Ok(found)
            }
            Err(TooDeep) => {
                if depth + 1 == DataType::MAX_DEPTH {
                    self.types.known.insert(named, Known::TooDeep);
                } else {
                    // By itself it is less deep.
                    self.types.known.remove(&named);
                }
                Err(TooDeep)
            }
        }
    }

    fn of_type(&mut self, place: usize, depth: usize) -> Result<Resolved, TooDeep> {
        let entry = self.definitions.toc().at(place);
        let own = entry.namespace().unwrap_or_default();
        let name = QualifiedName::new(entry.namespace(), entry.tag().unwrap_or_default());
        let text = create_type(entry.defn().unwrap_or_default(), self.definitions.dialect());
        Ok(match text {
            Some(TypeText::Enum(labels)) => {
                Resolved::new(DataType::Enum(Arc::new(EnumType { name, labels })))
            }
            Some(TypeText::Composite(attributes)) => {
                let mut fields = Fields::default();
                for attribute in attributes {
                    let found = self.spelled(&attribute.spelling, own, depth)?;
                    fields.push(attribute.name, found, attribute.spelling.text.to_vec());
                }
                fields.composite(name)
            }
            Some(TypeText::Range(range)) => {
                let subtype = self.spelled(&range.subtype, own, depth)?;
                Resolved {
                    height: subtype.height + 1,
                    attributes: subtype.attributes,
                    ..Resolved::new(DataType::Range(subtype.data_type.into()))
                }
            }
            Some(TypeText::Domain(base)) => {
                let base = self.spelled(&base, own, depth)?;
                Resolved { domain: Some(name), height: base.height + 1, ..base }
            }
            Some(TypeText::Base { delimiter }) => {
                Resolved { delimiter, ..Resolved::new(DataType::Other) }
            }
            None => Resolved::new(DataType::Other),
        })
    }

    /// The type of the rows of a table.
    fn of_row(&mut self, place: usize, depth: usize) -> Result<Resolved, TooDeep> {
        let entry = self.definitions.toc().at(place);
        let Ok(columns) = self.definitions.texts_of(entry) else {
            return Ok(Resolved::new(DataType::Other));
        };
        self.types.inherited += columns.len();
        if self.types.inherited > MAX_INHERITED {
            return Ok(Resolved::new(DataType::Other));
        }
        let mut fields = Fields::default();
        for column in columns {
            let Some(spelling) = &column.spelling else {
                return Ok(Resolved::new(DataType::Other));
            };
            let found = self.spelled(spelling, column.schema, depth)?;
            fields.push(column.name, found, spelling.text.to_vec());
        }
        let name = QualifiedName::new(entry.namespace(), entry.tag().unwrap_or_default());
        Ok(fields.composite(name))
    }
}

/// The fields of a composite type.
#[derive(Default)]
struct Fields {
    fields: Vec<Attribute>,
    attributes: usize,
    height: usize,
}

impl Fields {
    fn push(&mut self, name: Vec<u8>, found: Resolved, spelling: Vec<u8>) {
        self.attributes += 1 + found.attributes;
        self.height = self.height.max(found.height);
        self.fields.push(Attribute { name, data_type: found.data_type, spelling });
    }

    fn composite(self, name: QualifiedName) -> Resolved {
        if self.attributes > DataType::MAX_ATTRIBUTES {
            return Resolved::new(DataType::Other);
        }
        let composite = CompositeType { name, fields: self.fields };
        Resolved {
            attributes: self.attributes,
            height: self.height + 1,
            ..Resolved::new(DataType::Composite(Arc::new(composite)))
        }
    }
}

/// The domains of every database (`information_schema.sql`).
fn of_information_schema(name: &QualifiedName) -> Option<Resolved> {
    let (data_type, max_length) = match &name.name[..] {
        b"cardinal_number" => (DataType::Integer, None),
        b"character_data" | b"sql_identifier" => (DataType::Text, None),
        b"time_stamp" => (DataType::TimestampTz, None),
        b"yes_or_no" => (DataType::Text, Some(3)),
        _ => return None,
    };
    let base: Resolved = BuiltIn { data_type, max_length }.into();
    Some(Resolved { domain: Some(name.clone()), height: 1, ..base })
}

fn is_extension(name: &[u8]) -> bool {
    !matches!(of_extension(name, None).data_type, DataType::Other)
}

/// A type that the archive does not define, by its name alone: extensions define theirs themselves.
fn of_extension(name: &[u8], arguments: Option<&[u8]>) -> Resolved {
    let text = std::str::from_utf8(arguments.unwrap_or_default()).unwrap_or_default();
    let size = || text.trim().parse().ok();
    // `(Point,4326)`. 0 stands for none.
    let srid = || text.rsplit_once(',')?.1.trim().parse().ok().filter(|srid| *srid > 0);
    let (data_type, delimiter) = match name {
        b"citext" => (DataType::Text, b','),
        b"hstore" => (DataType::Hstore, b','),
        b"vector" => (DataType::Vector(size()), b','),
        b"halfvec" => (DataType::HalfVec(size()), b','),
        b"geometry" => (DataType::Geometry(srid()), b':'),
        b"geography" => (DataType::Geography(srid()), b':'),
        _ => (DataType::Other, b','),
    };
    Resolved { delimiter, ..Resolved::new(data_type) }
}
