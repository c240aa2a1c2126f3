//! The statement that takes the rows of a table.

use crate::error::{Error, Result};
use crate::sql::{self, Token};

/// The COPY statement of a table's data: `COPY schema.table (a, b) FROM stdin;`.
///
/// It is parsed from [`TocEntry::copy_stmt`](crate::TocEntry::copy_stmt), in all forms that
/// `pg_dump` has written since 7.1 (`dumpTableData` in `pg_dump.c`).
///
/// ```
/// use pgdmp::rows::CopyStatement;
///
/// let copy = CopyStatement::parse(b"COPY public.\"Town\" (id, \"the \"\"name\"\"\") FROM stdin;\n")?;
/// assert_eq!(copy.table, b"Town");
/// assert_eq!(copy.columns.unwrap()[1], b"the \"name\"");
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyStatement {
    /// The schema of the table. `None` before PostgreSQL 10.2 and the other releases of February
    /// 2018: the table is then in the schema of the entry.
    pub schema: Option<Vec<u8>>,
    /// The table. With `--load-via-partition-root` it is the root of the partition that the entry
    /// names.
    pub table: Vec<u8>,
    /// The columns of the rows, in order. `None` if the statement has no list (PostgreSQL 7.1 and
    /// 7.2), which means all columns of the table.
    pub columns: Option<Vec<Vec<u8>>>,
    /// Whether rows begin with an OID, which is not in the list of columns (`pg_dump -o`, up to
    /// PostgreSQL 11).
    pub with_oids: bool,
}

/// Columns that rows may have. A table has at most 1,600 (`MaxHeapAttributeNumber`), and a reader takes
/// memory for each.
pub(crate) const MOST_COLUMNS: usize = 16_384;

impl CopyStatement {
    /// Parses a statement.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for statements that `pg_dump` does not
    /// write, for example with `WITH (FORMAT csv)`, or with more than 16,384 columns, of which no server
    /// has more than 1,600.
    pub fn parse(statement: &[u8]) -> Result<Self> {
        let parsed = parse(statement).ok_or_else(|| {
            let shown = String::from_utf8_lossy(statement);
            let shown: String = shown.trim_end().chars().take(200).collect();
            Error::malformed(format!("unsupported COPY statement: {shown}"))
        })?;
        match parsed.columns.as_ref().map_or(0, Vec::len) {
            count if count > MOST_COLUMNS => Err(Error::malformed(format!(
                "a COPY statement of {count} columns, and no table has as many"
            ))),
            _ => Ok(parsed),
        }
    }

    /// The names of all fields of a row, including the OID. `None` if there is no list of columns.
    pub fn field_names(&self) -> Option<Vec<Vec<u8>>> {
        let columns = self.columns.as_ref()?;
        let oid = self.with_oids.then(|| b"oid".to_vec());
        Some(oid.into_iter().chain(columns.iter().cloned()).collect())
    }
}

fn parse(statement: &[u8]) -> Option<CopyStatement> {
    // There are names in it and no strings, so it does not matter how strings are written.
    let all = sql::tokens(statement, true);
    let rest = &mut &all[..];
    take(rest, |token| token.is("COPY"))?;
    let (schema, table) = qualified_name(rest)?;
    let name_end = all[all.len() - rest.len() - 1].end();
    let columns = if take(rest, |token| token.is_mark(b'(')).is_some() {
        Some(names(rest)?)
    } else {
        // An empty list is nothing between two blanks.
        let next = rest.first()?.start;
        (statement.get(name_end..next)? == b"  ").then(Vec::new)
    };
    let with_oids = take(rest, |token| token.is("WITH")).is_some();
    if with_oids {
        take(rest, |token| token.is("OIDS"))?;
    }
    let [from, stdin, end] = rest else { return None };
    let whole = from.is("FROM") && stdin.is("STDIN") && end.is_mark(b';');
    whole.then_some(CopyStatement { schema, table, columns, with_oids })
}

/// Takes the next token, if it is such a one.
fn take<'t>(rest: &mut &[Token<'t>], is: impl Fn(&Token<'t>) -> bool) -> Option<Token<'t>> {
    let (first, more) = rest.split_first()?;
    if !is(first) {
        return None;
    }
    *rest = more;
    Some(*first)
}

/// `table` or `schema.table`.
fn qualified_name(rest: &mut &[Token<'_>]) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
    let first = name(rest)?;
    match take(rest, |token| token.is_mark(b'.')) {
        Some(_) => Some((Some(first), name(rest)?)),
        None => Some((None, first)),
    }
}

/// Names with commas between them, and the parenthesis behind them.
fn names(rest: &mut &[Token<'_>]) -> Option<Vec<Vec<u8>>> {
    let mut names = vec![name(rest)?];
    while take(rest, |token| token.is_mark(b',')).is_some() {
        names.push(name(rest)?);
    }
    take(rest, |token| token.is_mark(b')'))?;
    Some(names)
}

fn name(rest: &mut &[Token<'_>]) -> Option<Vec<u8>> {
    take(rest, |_| true)?.name()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        type Form =
            (&'static str, Option<&'static str>, &'static str, Option<Vec<&'static str>>, bool);
        let forms: [Form; 9] = [
            ("COPY s.t (a, b) FROM stdin;\n", Some("s"), "t", Some(vec!["a", "b"]), false),
            ("COPY t (a) FROM stdin;\n", None, "t", Some(vec!["a"]), false),
            ("COPY s.zero  FROM stdin;\n", Some("s"), "zero", Some(vec![]), false),
            ("COPY \"t\" FROM stdin;\n", None, "t", None, false),
            ("COPY t (a) WITH OIDS FROM stdin;\n", None, "t", Some(vec!["a"]), true),
            ("COPY t  WITH OIDS FROM stdin;\n", None, "t", Some(vec![]), true),
            (
                "COPY \"S.x\".\"(\" (\"a,b\", \"c\"\"\", \"new\nline\") FROM stdin;",
                Some("S.x"),
                "(",
                Some(vec!["a,b", "c\"", "new\nline"]),
                false,
            ),
            (
                "COPY s.t (\"FROM\", größe) FROM stdin;\n",
                Some("s"),
                "t",
                Some(vec!["FROM", "größe"]),
                false,
            ),
            ("copy  s . t(a ,b)from STDIN ;", Some("s"), "t", Some(vec!["a", "b"]), false),
        ];
        for (text, schema, table, columns, with_oids) in forms {
            let found = CopyStatement::parse(text.as_bytes()).unwrap();
            let columns =
                columns.map(|columns| columns.iter().map(|c| c.as_bytes().to_vec()).collect());
            let schema = schema.map(|schema| schema.as_bytes().to_vec());
            let table = table.as_bytes().to_vec();
            assert_eq!(found, CopyStatement { schema, table, columns, with_oids }, "{text}");
        }
    }

    #[test]
    fn tables_are_only_so_wide() {
        let statement = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| format!("c{n}")).collect();
            CopyStatement::parse(
                format!("COPY s.t ({}) FROM stdin;\n", names.join(", ")).as_bytes(),
            )
        };
        assert_eq!(statement(1_600).unwrap().columns.unwrap().len(), 1_600);
        assert!(statement(MOST_COLUMNS).is_ok());
        let error = statement(MOST_COLUMNS + 1).unwrap_err().to_string();
        assert!(error.contains("16385 columns"), "{error}");
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "",
            "COPY",
            "COPY t",
            "COPY t (a FROM stdin;",
            "COPY t () FROM stdin;",
            "COPY t (a) FROM stdin",
            "COPY t (a) FROM '/etc/passwd';",
            "COPY t (a) FROM STDIN WITH (FORMAT csv);",
            "COPY (SELECT 1) TO stdout;",
            "COPY a.b.c (a) FROM stdin;",
            "COPY t (a) FROM stdin; DROP TABLE t;",
        ] {
            assert!(CopyStatement::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
