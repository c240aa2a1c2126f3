//! Where SQL of an archive names roles.

use super::Token;

/// What a statement is about, as far as it matters to where roles stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RolesIn {
    Privileges,
    Policy,
    Database,
    DatabaseProperties,
    Schema,
    UserMapping,
}

/// The names of roles, which their places prove to be such. `PUBLIC` is none.
pub(crate) fn roles<'t, 'a>(all: &'t [Token<'a>], within: RolesIn) -> Vec<&'t Token<'a>> {
    let mut found = Vec::new();
    let mut statement: Option<Token<'_>> = None;
    let mut n = 0;
    while let Some(token) = all.get(n) {
        let before = n.checked_sub(1).and_then(|n| all.get(n));
        n += 1;
        if token.is_mark(b';') {
            statement = None;
            continue;
        }
        let first = *statement.get_or_insert(*token);
        let list = match within {
            // In GRANT and REVOKE the words TO and FROM can be nothing else: they are reserved.
            RolesIn::Privileges => {
                token.is("TO")
                    || token.is("FROM")
                    || token.is("ROLE") && before.is_some_and(|token| token.is("FOR"))
                    || token.is("AUTHORIZATION") && first.is("SET")
                    || token.is("BY") && before.is_some_and(|token| token.is("GRANTED"))
            }
            RolesIn::Policy => token.is("TO") && token.depth == 0,
            RolesIn::Database => token.is("OWNER"),
            RolesIn::DatabaseProperties => token.is("ROLE") && first.is("ALTER"),
            RolesIn::Schema => token.is("AUTHORIZATION"),
            RolesIn::UserMapping => token.is("FOR"),
        };
        if !list {
            continue;
        }
        while let Some(role) = all.get(n) {
            n += 1;
            if role.is("GROUP") || role.is_mark(b'=') {
                continue;
            }
            if !role.is("PUBLIC") {
                found.push(role);
            }
            if !all.get(n).is_some_and(|token| token.is_mark(b',')) {
                break;
            }
            n += 1;
        }
    }
    found
}
