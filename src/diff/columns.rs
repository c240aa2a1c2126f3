//! The columns in which the rows of two tables are compared.

use super::form::{self, Form};
use super::key::Texts;
use crate::encoding::Encoding;
use crate::rows::Row;
use crate::types::Columns;

/// A column of one table, as far as it matters here.
#[derive(Debug, Clone)]
pub(super) struct OwnColumn {
    /// In UTF-8.
    pub(super) name: Vec<u8>,
    pub(super) not_null: bool,
    /// How its values become the same bytes; `None` if nothing is known of its type.
    form: Option<Form>,
}

/// The columns of a table as its own archive has them, in the order of the fields. `by_value`:
/// whether values of their types are compared, not texts.
pub(super) fn own_columns(columns: &Columns, texts: Texts, by_value: bool) -> Vec<OwnColumn> {
    let own = columns.columns.iter().map(|column| OwnColumn {
        name: texts.utf8(&column.name).into_owned(),
        not_null: column.not_null,
        form: (by_value && !column.spelling.is_empty())
            .then(|| Form::of_column(&column.data_type, &column.spelling)),
    });
    own.collect()
}

/// The columns that two tables have in common, sorted by name, and those of one alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Common {
    pub(super) columns: Vec<Compared>,
    /// The names of columns that one table alone has.
    pub(super) alone: [Vec<Vec<u8>>; 2],
}

/// A column that is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    /// In UTF-8.
    pub(super) name: Vec<u8>,
    pub(super) form: Form,
}

impl Common {
    /// Columns that one archive does not know are those of the other one.
    pub(super) fn new(
        a: Option<&[OwnColumn]>,
        b: Option<&[OwnColumn]>,
        ignored: &[Vec<u8>],
    ) -> Common {
        let mut common = Common::default();
        let (Some(first), Some(second)) = (a.or(b), b.or(a)) else { return common };
        let sorted = |columns: &[OwnColumn]| {
            let wanted = columns.iter().filter(|column| !ignored.contains(&column.name));
            let mut all: Vec<OwnColumn> = wanted.cloned().collect();
            all.sort_by(|a, b| a.name.cmp(&b.name));
            all
        };
        let mut left = sorted(second);
        for column in sorted(first) {
            match left.binary_search_by(|other| other.name.cmp(&column.name)) {
                Ok(place) => {
                    let form = common_form(&column.form, &left.remove(place).form);
                    common.columns.push(Compared { name: column.name, form });
                }
                Err(_) => common.alone[0].push(column.name),
            }
        }
        common.alone[1] = left.into_iter().map(|column| column.name).collect();
        common
    }
}

/// Values of two types that are printed differently are compared as text.
fn common_form(a: &Option<Form>, b: &Option<Form>) -> Form {
    match (a, b) {
        (Some(a), Some(b)) if a == b => a.clone(),
        (Some(known), None) | (None, Some(known)) => known.clone(),
        _ => Form::Text,
    }
}

/// Where the compared columns stand in the rows of one archive, and how they are read.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    /// Field and form, in the order of the compared columns.
    fields: Vec<(usize, Form)>,
    /// Whether fields are brought into UTF-8.
    encoding: Option<Encoding>,
}

impl Binding {
    /// `names` are those of the fields of the rows, in UTF-8. `None` if they lack a column.
    pub(super) fn new<'n>(
        common: &Common,
        names: impl Iterator<Item = &'n [u8]>,
        encoding: Option<Encoding>,
    ) -> Option<Self> {
        let names: Vec<&[u8]> = names.collect();
        let place = |column: &Compared| names.iter().position(|name| *name == &column.name[..]);
        let fields =
            common.columns.iter().map(|column| Some((place(column)?, column.form.clone())));
        Some(Binding { fields: fields.collect::<Option<_>>()?, encoding })
    }

    /// All fields of the rows, where nothing says which columns they are.
    pub(super) fn by_place(count: usize, encoding: Option<Encoding>) -> Self {
        Binding { fields: (0..count).map(|place| (place, Form::Text)).collect(), encoding }
    }

    /// How many columns are compared.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Calls `take` with the text of a compared column in UTF-8 (or as it is, if that cannot be,
    /// which the second argument says).
    pub(super) fn text<T>(
        &self,
        row: &Row<'_>,
        column: usize,
        scratch: &mut Vec<u8>,
        take: impl FnOnce(Option<&[u8]>, bool) -> T,
    ) -> T {
        let field = self.fields.get(column).and_then(|(place, _)| row.get(*place));
        let Some(text) = field.as_ref().and_then(|field| field.value_in(scratch)) else {
            return take(None, true);
        };
        match self.encoding.filter(|_| !text.is_ascii()) {
            None => take(Some(text), true),
            Some(encoding) => match encoding.decode(text) {
                Some(decoded) => take(Some(decoded.as_bytes()), true),
                None => take(Some(text), false),
            },
        }
    }

    /// Appends a compared column in its one form.
    pub(super) fn put(
        &self,
        row: &Row<'_>,
        column: usize,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        let Some((_, of)) = self.fields.get(column) else { return };
        self.text(row, column, scratch, |text, is_text| match text {
            None => form::put_null(out),
            Some(text) if is_text => of.put(text, out),
            Some(text) => form::put_raw(text, out),
        });
    }
}
