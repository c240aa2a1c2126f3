//! What a restore makes, by the names under which a server would have it.

use crate::sql::{Token, tokens};
use crate::toc::{Desc, DumpId, TocEntry};

/// Something that a restore makes and a server may have already.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its schema, if it is in one.
    pub schema: Option<Vec<u8>>,
    /// Its name; of functions with the types of their arguments, as in a tag: `f(integer, text)`. Of a
    /// large object its OID.
    pub name: Vec<u8>,
    /// The entry that makes it.
    pub entry: DumpId,
    /// Whether it takes the place of one that is there (`CREATE OR REPLACE`).
    pub replaces: bool,
}

/// Kinds of objects among which no two in one place have one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ObjectKind {
    /// A schema.
    Schema,
    /// A table, view, sequence or index: `pg_class`.
    Relation,
    /// A type or domain: `pg_type`.
    Type,
    /// A function, procedure or aggregate: `pg_proc`.
    Function,
    /// A large object.
    LargeObject,
    /// `pg_collation`
    Collation,
    /// `pg_conversion`
    Conversion,
    /// Extended statistics: `pg_statistic_ext`.
    Statistics,
    /// `pg_ts_config`
    TextSearchConfiguration,
    /// `pg_ts_dict`
    TextSearchDictionary,
    /// `pg_ts_parser`
    TextSearchParser,
    /// `pg_ts_template`
    TextSearchTemplate,
    /// `pg_language`
    Language,
    /// `pg_am`
    AccessMethod,
    /// `pg_event_trigger`
    EventTrigger,
    /// `pg_foreign_data_wrapper`
    ForeignDataWrapper,
    /// `pg_foreign_server`
    ForeignServer,
    /// `pg_publication`
    Publication,
    /// A foreign key or check of a table, named as in a tag: `table name`.
    Constraint,
    /// A trigger, named as in a tag: `table name`.
    Trigger,
    /// A rule, named as in a tag: `table name`.
    Rule,
    /// A row security policy, named as in a tag: `table name`.
    Policy,
    /// That a table, which has the name, is a partition of another one.
    Partition,
}

impl Object {
    /// What a definition makes; `None` if that is a part of something else, or nothing that could be
    /// found by its name.
    pub(super) fn made_by(entry: &TocEntry<'_>, sql: &[u8], std_strings: bool) -> Option<Object> {
        use ObjectKind::{Function, LargeObject, Relation, Schema, Type};
        let kind = match entry.desc() {
            Desc::TABLE
            | Desc::FOREIGN_TABLE
            | Desc::VIEW
            | Desc::MATERIALIZED_VIEW
            | Desc::SEQUENCE
            | Desc::INDEX
            | Desc::CONSTRAINT => Relation,
            Desc::DOMAIN => Type,
            Desc::FUNCTION | Desc::PROCEDURE | Desc::AGGREGATE => Function,
            Desc::SCHEMA => Schema,
            Desc::BLOB | Desc::BLOB_METADATA => LargeObject,
            Desc::EVENT_TRIGGER => ObjectKind::EventTrigger,
            Desc::PUBLICATION => ObjectKind::Publication,
            Desc::SERVER => ObjectKind::ForeignServer,
            Desc::FK_CONSTRAINT | Desc::CHECK_CONSTRAINT => ObjectKind::Constraint,
            Desc::TRIGGER => ObjectKind::Trigger,
            Desc::RULE => ObjectKind::Rule,
            Desc::POLICY => ObjectKind::Policy,
            Desc::TABLE_ATTACH => ObjectKind::Partition,
            other => match other.as_bytes() {
                b"TYPE" | b"SHELL TYPE" => Type,
                b"COLLATION" => ObjectKind::Collation,
                b"CONVERSION" => ObjectKind::Conversion,
                b"STATISTICS" => ObjectKind::Statistics,
                b"TEXT SEARCH CONFIGURATION" => ObjectKind::TextSearchConfiguration,
                b"TEXT SEARCH DICTIONARY" => ObjectKind::TextSearchDictionary,
                b"TEXT SEARCH PARSER" => ObjectKind::TextSearchParser,
                b"TEXT SEARCH TEMPLATE" => ObjectKind::TextSearchTemplate,
                b"ACCESS METHOD" => ObjectKind::AccessMethod,
                b"PROCEDURAL LANGUAGE" => ObjectKind::Language,
                b"FOREIGN DATA WRAPPER" => ObjectKind::ForeignDataWrapper,
                _ => return None,
            },
        };
        let name = match (entry.desc(), kind) {
            // Its tag has the table in front.
            (Desc::CONSTRAINT, _) => {
                let all = tokens(sql, std_strings);
                let at = all.iter().position(|token| token.is("CONSTRAINT"))?;
                all.get(at + 1).and_then(Token::name)?
            }
            (_, LargeObject) => {
                let digits = sql.split(|byte| !byte.is_ascii_digit()).find(|run| !run.is_empty());
                digits?.to_vec()
            }
            _ => entry.tag()?.to_vec(),
        };
        let schema = entry.namespace().filter(|_| !matches!(kind, Schema | LargeObject));
        let schema = schema.filter(|schema| !schema.is_empty()).map(<[u8]>::to_vec);
        let replaces = sql.starts_with(b"CREATE OR REPLACE ");
        Some(Object { kind, schema, name, entry: entry.dump_id(), replaces })
    }

    /// The table that the rows of an entry belong to.
    pub(super) fn table_of_rows(entry: &TocEntry<'_>) -> Object {
        Object {
            kind: ObjectKind::Relation,
            schema: entry.namespace().map(<[u8]>::to_vec),
            name: entry.tag().unwrap_or_default().to_vec(),
            entry: entry.dump_id(),
            replaces: false,
        }
    }
}
