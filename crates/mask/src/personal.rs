//! Columns that look personal: by their names, and by the values in some rows.

use std::io::BufRead;

use pgdmp::rows::Rows;
use pgdmp::text::Printable;
use pgdmp::types::{DataType, Definitions};
use pgdmp::{Desc, Toc, TocEntry};

use crate::plan::Plan;

/// A column that looks personal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Personal {
    /// Its table, safe to print.
    pub table: String,
    /// Its name, safe to print.
    pub column: String,
    /// Its type as the archive has it, safe to print; empty if it is not known.
    pub data_type: String,
    /// What it looks like: `email`, `phone`, `name`, …
    pub looks_like: &'static str,
    /// Whether its values look so, or its name alone.
    pub by_values: bool,
    /// Whether the rules say something of it.
    pub has_rule: bool,
    /// A mask that fits, as a suggestion.
    pub suggestion: &'static str,
}

/// Looks for columns that look personal.
///
/// ```
/// use pgdmp::{Archive, Desc};
/// use pgdmp_mask::{Plan, PlanOptions, Rules, Search};
///
/// # let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pg18/small-dir");
/// let archive = Archive::open(path)?;
/// let plan = Plan::new(archive.toc(), &Rules::default(), &PlanOptions::new())?;
/// let search = Search::new(archive.toc(), &plan);
/// for entry in archive.entries().filter(|entry| entry.desc() == Desc::TABLE_DATA) {
///     let mut rows = archive.rows(entry.dump_id())?;
///     for column in search.columns(entry, Some(&mut rows))? {
///         println!("{}.{} looks like {}", column.table, column.column, column.looks_like);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Search<'s> {
    definitions: Definitions<'s>,
    plan: &'s Plan,
}

impl<'s> Search<'s> {
    /// Rows of each table that are looked at.
    pub const ROWS: u64 = 200;

    /// For the tables of an archive.
    pub fn new(toc: &'s Toc, plan: &'s Plan) -> Self {
        let own = Definitions::new(toc);
        let definitions = match &plan.types {
            Some(other) => own.with(other),
            None => own,
        };
        Search { definitions, plan }
    }

    /// The columns of a table that look personal: by their names, and by the values of the first
    /// [`ROWS`](Self::ROWS) rows if there are `rows`.
    ///
    /// # Errors
    ///
    /// An entry that has no rows, and rows that cannot be read.
    pub fn columns<R: BufRead>(
        &self,
        entry: TocEntry<'_>,
        rows: Option<&mut Rows<R>>,
    ) -> pgdmp::Result<Vec<Personal>> {
        let mut columns = self.definitions.columns(entry)?;
        let mut seen: Vec<Seen> = Vec::new();
        if let Some(rows) = rows {
            while let Some(row) = rows.next_row()? {
                seen.resize_with(seen.len().max(row.len()), Seen::default);
                for (seen, field) in seen.iter_mut().zip(row.fields()) {
                    if let Some(value) = field.value() {
                        seen.look(&value);
                    }
                }
                if row.number() >= Search::ROWS {
                    break;
                }
            }
            if let Some(names) = rows.columns() {
                columns = self.definitions.columns_named(entry, names)?;
            }
        }
        let encoding = entry.toc().text_encoding();
        let shown = |text: &[u8]| Printable::new(text, encoding).to_string();
        let table = match &columns.table.schema {
            Some(schema) => format!("{}.{}", shown(schema), shown(&columns.table.name)),
            None => shown(&columns.table.name),
        };
        let table_words = words(&columns.table.name);
        let mut found = Vec::new();
        for (n, column) in columns.columns.iter().enumerate() {
            let by_values = seen.get(n).and_then(Seen::verdict);
            let by_name = || by_name(&words(&column.name), &table_words);
            let Some(looks_like) = by_values.or_else(by_name) else { continue };
            found.push(Personal {
                table: table.clone(),
                column: shown(&column.name),
                data_type: shown(&column.spelling),
                looks_like,
                by_values: by_values.is_some(),
                has_rule: self.plan.names(entry.dump_id(), &column.name),
                suggestion: suggestion(looks_like, &column.data_type),
            });
        }
        Ok(found)
    }

    /// Whether an entry has rows to look at.
    pub fn has_rows(entry: TocEntry<'_>) -> bool {
        entry.desc() == Desc::TABLE_DATA && entry.has_data()
    }
}

/// How many values look like what.
#[derive(Debug, Default)]
struct Seen {
    values: usize,
    like: [usize; SHAPES.len()],
}

type IsLike = fn(&str) -> bool;

/// What values are tested for.
const SHAPES: [(&str, IsLike); 6] = [
    ("email", is_email),
    ("iban", is_iban),
    ("card number", is_card),
    ("social security number", is_ssn),
    ("IP address", is_ip),
    ("phone", is_phone),
];

impl Seen {
    fn look(&mut self, value: &[u8]) {
        let Ok(text) = std::str::from_utf8(value) else { return };
        let text = text.trim();
        if text.is_empty() || text.len() > 200 {
            return;
        }
        self.values += 1;
        for (count, (_, is_like)) in self.like.iter_mut().zip(SHAPES) {
            *count += usize::from(is_like(text));
        }
    }

    /// What most values look like.
    fn verdict(&self) -> Option<&'static str> {
        let found = self.like.iter().zip(SHAPES).find(|(count, _)| **count * 2 > self.values);
        found.map(|(_, (name, _))| name)
    }
}

fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    !name.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !text.contains(char::is_whitespace)
        && !domain.contains('@')
}

fn is_iban(text: &str) -> bool {
    let text: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let form = (15..=34).contains(&text.len())
        && text[..2].iter().all(u8::is_ascii_uppercase)
        && text[2..4].iter().all(u8::is_ascii_digit)
        && text.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    // ISO 7064 MOD 97-10, with the first four characters at the end.
    form && text[4..].iter().chain(&text[..4]).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    }) == 1
}

fn is_card(text: &str) -> bool {
    let plain = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
    let digits: Vec<u8> = plain.collect();
    if !(13..=19).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    // Luhn's formula.
    let sum = digits.iter().rev().enumerate().map(|(n, digit)| match n % 2 {
        0 => u32::from(digit - b'0'),
        _ => (u32::from(digit - b'0') * 2).div_euclid(10) + (u32::from(digit - b'0') * 2) % 10,
    });
    digits[0] != b'0' && sum.sum::<u32>().is_multiple_of(10)
}

fn is_ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([3, 2, 4])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_ip(text: &str) -> bool {
    let text = text.strip_suffix("/32").unwrap_or(text);
    text.parse::<std::net::Ipv4Addr>().is_ok()
        || (text.matches(':').count() > 1 && text.parse::<std::net::Ipv6Addr>().is_ok())
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let allowed =
        |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '+' | '/' | '.');
    let marked = text.starts_with('+')
        || text.starts_with("00")
        || text.starts_with('(')
        || text.matches([' ', '-']).count() > 1;
    // Dates and times have the same characters.
    let is_date = pgdmp::value::Timestamp::parse(text.as_bytes()).is_some()
        || pgdmp::value::Date::parse(text.as_bytes()).is_some();
    (7..=15).contains(&digits) && text.chars().all(allowed) && marked && !is_date
}

/// The words of a name: `first_name`, `firstName` and `first name` have the same.
fn words(name: &[u8]) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in String::from_utf8_lossy(name).chars() {
        let is_border = !c.is_alphanumeric() || (c.is_uppercase() && after_lower);
        if is_border {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Words in the names of columns, and what these hold.
const NAMES: [(&str, &[&str]); 13] = [
    ("email", &["email", "mail", "emails", "emailaddress"]),
    (
        "phone",
        &[
            "phone",
            "phones",
            "telephone",
            "tel",
            "mobile",
            "fax",
            "msisdn",
            "cellphone",
            "phonenumber",
        ],
    ),
    ("iban", &["iban", "bic", "bban"]),
    ("card number", &["pan", "cardnumber", "creditcard", "cvv", "cvc"]),
    (
        "social security number",
        &[
            "ssn", "bsn", "nin", "nino", "sin", "passport", "taxid", "tin", "vat", "licence",
            "license",
        ],
    ),
    ("date of birth", &["birth", "birthday", "birthdate", "dob", "born"]),
    (
        "name",
        &[
            "firstname",
            "lastname",
            "surname",
            "fullname",
            "forename",
            "nickname",
            "username",
            "login",
            "maidenname",
        ],
    ),
    ("address", &["street", "address", "zip", "zipcode", "postcode", "postal", "housenumber"]),
    ("IP address", &["ip", "ipaddress", "ipv4", "ipv6"]),
    ("secret", &["password", "passwd", "pwd", "secret", "token", "apikey", "salt"]),
    ("place", &["latitude", "longitude", "lat", "lon", "lng", "geolocation"]),
    ("money", &["salary", "income", "wage"]),
    ("personal detail", &["gender", "sex", "religion", "nationality", "ethnicity", "diagnosis"]),
];

/// Pairs of words that say a name, and tables in which `name` is a person's.
const NAME_BEFORE: [&str; 9] =
    ["first", "last", "full", "family", "given", "middle", "user", "contact", "customer"];
const PEOPLE: [&str; 20] = [
    "user",
    "users",
    "customer",
    "customers",
    "client",
    "clients",
    "person",
    "persons",
    "people",
    "contact",
    "contacts",
    "employee",
    "employees",
    "patient",
    "patients",
    "member",
    "members",
    "account",
    "accounts",
    "staff",
];

fn by_name(column: &[String], table: &[String]) -> Option<&'static str> {
    let has = |word: &str| column.iter().any(|own| own == word);
    let joined = column.concat();
    for (what, words) in NAMES {
        if words.iter().any(|word| has(word) || joined == *word) {
            return Some(what);
        }
    }
    let is_name = has("name") || has("names");
    let of_person = NAME_BEFORE.iter().any(|word| has(word))
        || (column.len() == 1 && table.iter().any(|word| PEOPLE.contains(&&word[..])));
    (is_name && of_person).then_some("name")
}

fn suggestion(looks_like: &str, data_type: &DataType) -> &'static str {
    match (data_type, looks_like) {
        (DataType::Text, "email") => "email",
        (DataType::Text, "name") => "name",
        (DataType::Text, "address" | "personal detail") => "words",
        (DataType::Text, "secret") => "hash",
        (DataType::Text | DataType::Numeric(_), _) => "digits",
        (DataType::SmallInt | DataType::Integer | DataType::BigInt, "card number" | "phone") => {
            "digits"
        }
        (DataType::SmallInt | DataType::Integer | DataType::BigInt, _) => "int",
        (DataType::Date | DataType::Timestamp | DataType::TimestampTz, _) => "date:30",
        (DataType::Uuid, _) => "uuid",
        (DataType::Bytea, _) => "bytes",
        _ => "null",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let of = |column: &str, table: &str| {
            by_name(&words(column.as_bytes()), &words(table.as_bytes()))
        };
        for (column, table, what) in [
            ("email", "t", Some("email")),
            ("billing_email", "t", Some("email")),
            ("emailAddress", "t", Some("email")),
            ("phoneNumber", "t", Some("phone")),
            ("First Name", "t", Some("name")),
            ("lastname", "t", Some("name")),
            ("name", "customers", Some("name")),
            ("name", "products", None),
            ("product_name", "customers", None),
            ("date_of_birth", "t", Some("date of birth")),
            ("ip_address", "t", Some("address")),
            ("client_ip", "t", Some("IP address")),
            ("shipping", "t", None),
            ("total", "orders", None),
        ] {
            assert_eq!(of(column, table), what, "{column}");
        }
    }

    #[test]
    fn shapes() {
        let of = |values: &[&str]| {
            let mut seen = Seen::default();
            values.iter().for_each(|value| seen.look(value.as_bytes()));
            seen.verdict()
        };
        assert_eq!(of(&["ann@home.org", "bob@work.example"]), Some("email"));
        assert_eq!(of(&["GB82 WEST 1234 5698 7654 32"]), Some("iban"));
        assert_eq!(of(&["GB82 WEST 1234 5698 7654 33"]), None);
        assert_eq!(of(&["4111 1111 1111 1111"]), Some("card number"));
        assert_eq!(of(&["078-05-1120"]), Some("social security number"));
        assert_eq!(of(&["192.168.0.1", "::1"]), Some("IP address"));
        assert_eq!(of(&["+31 20 1234567", "(020) 123-4567"]), Some("phone"));
        for plain in [&["2024-01-01"][..], &["2024-01-01 10:00:00"], &["1234567"], &["a b c"], &[]]
        {
            assert_eq!(of(plain), None, "{plain:?}");
        }
    }
}
