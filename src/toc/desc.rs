//! What kind of object an entry is.

use std::fmt;

use crate::encoding::Encoding;
use crate::text::Printable;

/// The kind of an entry, for example `TABLE DATA`: PostgreSQL's own words, as stored.
///
/// Any bytes are a kind; newer releases of PostgreSQL add some. The known ones are constants.
///
/// ```
/// use pgdmp::Desc;
///
/// assert_eq!(Desc::TABLE_DATA.as_bytes(), b"TABLE DATA");
/// assert_eq!(Desc(b"INDEX").to_string(), "INDEX");
/// assert!(Desc::ENCODING.is_special());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Desc<'a>(pub &'a [u8]);

macro_rules! descs {
    ($($name:ident = $text:literal,)*) => {
        /// The kinds that mean something to a reader of archives.
        #[allow(missing_docs)]
        impl Desc<'static> {
            $(pub const $name: Self = Desc($text.as_bytes());)*
        }
    };
}

descs! {
    ACL = "ACL",
    ACL_LANGUAGE = "ACL LANGUAGE",
    AGGREGATE = "AGGREGATE",
    BLOB = "BLOB",
    BLOBS = "BLOBS",
    BLOB_COMMENTS = "BLOB COMMENTS",
    BLOB_METADATA = "BLOB METADATA",
    CAST = "CAST",
    CHECK_CONSTRAINT = "CHECK CONSTRAINT",
    COMMENT = "COMMENT",
    CONSTRAINT = "CONSTRAINT",
    DATABASE = "DATABASE",
    DATABASE_PROPERTIES = "DATABASE PROPERTIES",
    DEFAULT = "DEFAULT",
    DEFAULT_ACL = "DEFAULT ACL",
    DOMAIN = "DOMAIN",
    ENCODING = "ENCODING",
    EVENT_TRIGGER = "EVENT TRIGGER",
    EXTENDED_STATISTICS_DATA = "EXTENDED STATISTICS DATA",
    FK_CONSTRAINT = "FK CONSTRAINT",
    FOREIGN_TABLE = "FOREIGN TABLE",
    FUNCTION = "FUNCTION",
    INDEX = "INDEX",
    INIT = "<Init>",
    MATERIALIZED_VIEW = "MATERIALIZED VIEW",
    MATERIALIZED_VIEW_DATA = "MATERIALIZED VIEW DATA",
    POLICY = "POLICY",
    PROCEDURE = "PROCEDURE",
    PUBLICATION = "PUBLICATION",
    PUBLICATION_TABLE = "PUBLICATION TABLE",
    PUBLICATION_TABLES_IN_SCHEMA = "PUBLICATION TABLES IN SCHEMA",
    ROW_SECURITY = "ROW SECURITY",
    RULE = "RULE",
    SCHEMA = "SCHEMA",
    SEARCHPATH = "SEARCHPATH",
    SECURITY_LABEL = "SECURITY LABEL",
    SEQUENCE = "SEQUENCE",
    SEQUENCE_OWNED_BY = "SEQUENCE OWNED BY",
    SEQUENCE_SET = "SEQUENCE SET",
    SERVER = "SERVER",
    STATISTICS_DATA = "STATISTICS DATA",
    STDSTRINGS = "STDSTRINGS",
    SUBSCRIPTION = "SUBSCRIPTION",
    SUBSCRIPTION_TABLE = "SUBSCRIPTION TABLE",
    TABLE = "TABLE",
    TABLE_ATTACH = "TABLE ATTACH",
    TABLE_DATA = "TABLE DATA",
    TRIGGER = "TRIGGER",
    TYPE = "TYPE",
    USER_MAPPING = "USER MAPPING",
    VIEW = "VIEW",
    WARNING = "WARNING",
}

impl<'a> Desc<'a> {
    /// The bytes, as stored.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether it is one of `ENCODING`, `STDSTRINGS` and `SEARCHPATH`, which set up the session
    /// that restores the archive.
    pub fn is_special(self) -> bool {
        matches!(self, Desc::ENCODING | Desc::STDSTRINGS | Desc::SEARCHPATH)
    }

    /// Whether it is one of `ACL`, `ACL LANGUAGE` and `DEFAULT ACL`.
    pub fn is_acl(self) -> bool {
        matches!(self, Desc::ACL | Desc::ACL_LANGUAGE | Desc::DEFAULT_ACL)
    }
}

impl fmt::Display for Desc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable::new(self.0, Encoding::UTF8).fmt(f)
    }
}

impl fmt::Debug for Desc<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desc({self})")
    }
}

impl PartialEq<str> for Desc<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}
