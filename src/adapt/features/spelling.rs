//! How features show in SQL, and how it reads without them.

use crate::sql::{Edits, Kind as TokenKind, Token};

pub(in crate::adapt) fn follows(window: &[Token<'_>], words: &[&str]) -> bool {
    window.iter().zip(words).all(|(token, word)| {
        *word == "_" || token.is(word) || token.text == word.as_bytes() && !token.is("")
    })
}

/// Where words follow each other.
pub(in crate::adapt) fn at(tokens: &[Token<'_>], words: &[&str]) -> Option<usize> {
    tokens.windows(words.len()).position(|window| follows(window, words))
}

/// The token behind each `GENERATED ALWAYS AS (…)`.
pub(super) fn generated<'t, 'a>(
    tokens: &'t [Token<'a>],
) -> impl Iterator<Item = Option<&'t Token<'a>>> {
    let words = ["GENERATED", "ALWAYS", "AS", "("];
    tokens.windows(words.len()).enumerate().filter(move |(_, w)| follows(w, &words)).map(
        move |(n, window)| {
            let open = window[3].depth;
            let rest = &tokens[n + 4..];
            let close = rest.iter().position(|t| t.is_mark(b')') && t.depth == open)?;
            rest.get(close + 1)
        },
    )
}

pub(super) fn is_generated(tokens: &[Token<'_>]) -> bool {
    generated(tokens).next().is_some()
}

pub(super) fn is_virtual(tokens: &[Token<'_>]) -> bool {
    generated(tokens).any(|next| !next.is_some_and(|token| token.is("STORED")))
}

/// NOT NULL that is no part of a column: in CREATE TABLE, or behind ADD.
pub(super) fn names_not_null(tokens: &[Token<'_>]) -> bool {
    let added = tokens.iter().position(|token| token.is("ADD"));
    elements(tokens).into_iter().any(|element| not_null_column(&tokens[element]).is_some())
        || added.is_some_and(|n| not_null_column(&tokens[n + 1..]).is_some())
}

/// `CREATE SEQUENCE s AS integer`.
pub(super) fn has_type(tokens: &[Token<'_>]) -> bool {
    at(tokens, &["CREATE", "SEQUENCE"]).is_some()
        && at(tokens, &["AS", "_"]).is_some_and(|n| {
            tokens.get(n + 1).is_some_and(|token| token.is("INTEGER") || token.is("SMALLINT"))
        })
}

/// A column list or a condition behind the table.
pub(super) fn publishes_part(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| token.depth == 0 && (token.is_mark(b'(') || token.is("WHERE")))
}

/// `ON DELETE SET NULL (column)`.
pub(super) fn sets_columns(tokens: &[Token<'_>]) -> bool {
    at(tokens, &["SET", "NULL", "("]).is_some() || at(tokens, &["SET", "DEFAULT", "("]).is_some()
}

/// Anything but names behind ON.
pub(super) fn has_expressions(tokens: &[Token<'_>]) -> bool {
    let Some(on) = tokens.iter().position(|token| token.depth == 0 && token.is("ON")) else {
        return false;
    };
    let rest = tokens[on + 1..].iter().take_while(|token| !token.is("FROM"));
    rest.into_iter().any(|token| token.is_mark(b'('))
}

/// `GENERATED ALWAYS AS (expression)`, which pg_dump calls virtual by saying no more.
pub(super) fn store(tokens: &[Token<'_>], edits: &mut Edits) {
    let words = ["GENERATED", "ALWAYS", "AS", "("];
    for (n, _) in tokens.windows(words.len()).enumerate().filter(|(_, w)| follows(w, &words)) {
        let Some(close) = close(tokens, n + words.len() - 1) else { continue };
        match tokens.get(close + 1) {
            Some(next) if next.is("STORED") => {}
            Some(next) if next.is("VIRTUAL") => {
                edits.push((next.start..next.end(), b"STORED".to_vec()));
            }
            _ => edits.push((tokens[close].end()..tokens[close].end(), b" STORED".to_vec())),
        }
    }
}

/// The parenthesis that closes one.
pub(in crate::adapt) fn close(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let depth = tokens.get(open)?.depth;
    let rest = &tokens[open + 1..];
    Some(open + 1 + rest.iter().position(|t| t.is_mark(b')') && t.depth == depth)?)
}

/// The columns and constraints of a table, as ranges of tokens.
pub(in crate::adapt) fn elements(tokens: &[Token<'_>]) -> Vec<std::ops::Range<usize>> {
    let open = tokens.iter().position(|token| token.is_mark(b'('));
    let Some((open, end)) = open.and_then(|open| Some((open, close(tokens, open)?))) else {
        return Vec::new();
    };
    let depth = tokens[open].depth + 1;
    let is_comma = |n: &usize| tokens[*n].is_mark(b',') && tokens[*n].depth == depth;
    let mut elements = Vec::new();
    let mut start = open + 1;
    for end in (start..end).filter(is_comma).chain([end]) {
        if start < end {
            elements.push(start..end);
        }
        start = end + 1;
    }
    elements
}

/// Takes elements away, each with a comma.
pub(super) fn cut_elements(
    tokens: &[Token<'_>],
    edits: &mut Edits,
    mut unwanted: impl FnMut(&[Token<'_>]) -> bool,
) {
    let all = elements(tokens);
    let mut behind_another = false;
    for (n, element) in all.iter().enumerate() {
        if !unwanted(&tokens[element.clone()]) {
            behind_another = true;
            continue;
        }
        let (first, last) = (&tokens[element.start], &tokens[element.end - 1]);
        let range = match all.get(n + 1) {
            _ if behind_another => tokens[element.start - 1].start..last.end(),
            Some(next) => first.start..tokens[next.start].start,
            None => first.start..last.end(),
        };
        edits.push((range, Vec::new()));
    }
}

pub(super) fn cut_not_enforced(tokens: &[Token<'_>], edits: &mut Edits) {
    cut_elements(tokens, edits, |element| at(element, &["NOT", "ENFORCED"]).is_some());
}

/// The column of `[CONSTRAINT name] NOT NULL column`.
pub(in crate::adapt) fn not_null_column<'t, 'a>(element: &'t [Token<'a>]) -> Option<&'t Token<'a>> {
    let rest = match element {
        [first, _, rest @ ..] if first.is("CONSTRAINT") => rest,
        all => all,
    };
    match rest {
        [not, null, column, ..] if not.is("NOT") && null.is("NULL") => Some(column),
        _ => None,
    }
}

/// `ALTER TABLE … SET NOT NULL` instead of a constraint with a name.
pub(super) fn set_not_null(tokens: &[Token<'_>], edits: &mut Edits) {
    let mut columns = Vec::new();
    cut_elements(tokens, edits, |element| {
        let column = not_null_column(element);
        columns.extend(column.map(|column| column.text.to_vec()));
        column.is_some()
    });
    // CREATE [FOREIGN] [UNLOGGED] TABLE name (
    let Some(start) = tokens.iter().position(|token| token.is("TABLE")) else { return };
    let Some(open) = tokens.iter().position(|token| token.is_mark(b'(')) else { return };
    let statement = tokens.iter().position(|token| token.is_mark(b';'));
    let Some(end) = statement.map(|n| tokens[n].end()) else { return };
    let foreign = tokens[..start].iter().any(|token| token.is("FOREIGN"));
    let table = if foreign { "FOREIGN TABLE" } else { "TABLE" };
    let Some(name) = tokens.get(start + 1..open) else { return };
    let name = name.iter().take_while(|token| !token.is("OF")).map(|token| token.text);
    let name = name.collect::<Vec<_>>().concat();
    let mut sql = [b"\n\nALTER ", table.as_bytes(), b" ONLY ", &name].concat();
    // One statement: the name may be as long as the archive.
    for (n, column) in columns.iter().enumerate() {
        sql.extend_from_slice(if n == 0 { b" " } else { b",\n    " });
        sql.extend([b"ALTER COLUMN ", &column[..], b" SET NOT NULL"].concat());
    }
    sql.push(b';');
    edits.push((end..end, sql));
}

/// `PERIOD column`; a column may have that name, too.
pub(super) fn has_period(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|window| {
        window[0].is("PERIOD") && matches!(window[1].kind, TokenKind::Word | TokenKind::Quoted)
    })
}

/// A call of a function that only the grammar knows.
pub(super) fn calls(tokens: &[Token<'_>], function: &str) -> bool {
    tokens.windows(2).enumerate().any(|(n, window)| {
        let dot = n.checked_sub(1).is_some_and(|before| tokens[before].is_mark(b'.'));
        !dot && window[0].is(function) && window[1].is_mark(b'(')
    })
}

/// Where `XMLSERIALIZE(value AS type [NO] INDENT)` closes.
pub(super) fn serialized(tokens: &[Token<'_>]) -> impl Iterator<Item = usize> {
    let calls = tokens.windows(2).enumerate();
    calls
        .filter(|(_, window)| window[0].is("XMLSERIALIZE") && window[1].is_mark(b'('))
        .filter_map(|(n, _)| close(tokens, n + 1))
        .filter(|end| tokens[end - 1].is("INDENT"))
}

pub(super) fn is_not_indented(tokens: &[Token<'_>], end: usize) -> bool {
    end > 1 && tokens[end - 2].is("NO")
}

pub(super) fn cut_no_indent(tokens: &[Token<'_>], edits: &mut Edits) {
    for end in serialized(tokens).filter(|end| is_not_indented(tokens, *end)) {
        take(tokens, end - 2, end, edits);
    }
}

pub(super) fn cut_indent(tokens: &[Token<'_>], edits: &mut Edits) {
    serialized(tokens).for_each(|end| take(tokens, end - 1, end, edits));
}

pub(super) fn other_builtin_locale(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["BUILTIN_LOCALE", "=", "_"]) {
        edits.push((tokens[n + 2].start..tokens[n + 2].end(), b"'C.UTF-8'".to_vec()));
    }
}

/// `RETURN expression` in place of a body.
pub(super) fn returns(tokens: &[Token<'_>]) -> bool {
    tokens.iter().enumerate().any(|(n, token)| {
        let dot = n.checked_sub(1).is_some_and(|before| tokens[before].is_mark(b'.'));
        !dot && token.depth == 0 && token.is("RETURN")
    })
}

pub(super) fn stream(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["STREAMING", "=", "PARALLEL"]) {
        edits.push((tokens[n + 2].start..tokens[n + 2].end(), b"on".to_vec()));
    }
}

pub(super) fn execute_procedure(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["EXECUTE", "FUNCTION"]) {
        edits.push((tokens[n + 1].start..tokens[n + 1].end(), b"PROCEDURE".to_vec()));
    }
}

/// `LOCALE = 'x'` as the two that it stands for.
pub(super) fn split_locale(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["LOCALE", "=", "_"]) {
        let value = tokens[n + 2].text;
        let both = [b"LC_COLLATE = ", value, b" LC_CTYPE = ", value].concat();
        edits.push((tokens[n].start..tokens[n + 2].end(), both));
    }
}

pub(super) fn is_parallel(tokens: &[Token<'_>]) -> bool {
    tokens.windows(2).any(|window| parallel(window))
}

pub(super) fn parallel(window: &[Token<'_>]) -> bool {
    window[0].depth == 0
        && window[0].is("PARALLEL")
        && ["SAFE", "RESTRICTED", "UNSAFE"].iter().any(|word| window[1].is(word))
}

pub(super) fn cut_parallel(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = tokens.windows(2).position(parallel) {
        take(tokens, n, n + 2, edits);
    }
}

pub(super) fn cut_include(tokens: &[Token<'_>], edits: &mut Edits) {
    if let Some(n) = at(tokens, &["INCLUDE", "("])
        && let Some(end) = close(tokens, n + 1)
    {
        take(tokens, n, end + 1, edits);
    }
}

/// Takes away statements that say how a column is compressed.
pub(super) fn cut_compression(tokens: &[Token<'_>], edits: &mut Edits) {
    for statement in tokens.split_inclusive(|token| token.is_mark(b';')) {
        if at(statement, &["SET", "COMPRESSION"]).is_some()
            && let (Some(first), Some(last)) = (statement.first(), statement.last())
        {
            edits.push((first.start..last.end(), Vec::new()));
        }
    }
}

/// The lists of privileges: between GRANT, or REVOKE, and ON, also without one in what is said
/// of privileges that are not there yet.
pub(super) fn privileges<'t, 'a>(statement: &'t [Token<'a>]) -> Option<&'t [Token<'a>]> {
    let start = statement.iter().position(|token| token.is("GRANT") || token.is("REVOKE"))? + 1;
    let start = match statement.get(start..start + 3) {
        Some([grant, option, r#for])
            if option.is("OPTION") && r#for.is("FOR") && grant.is("GRANT") =>
        {
            start + 3
        }
        _ => start,
    };
    let list = &statement[start..];
    let end = list.iter().position(|token| token.is("ON"))?;
    Some(&list[..end])
}

pub(super) fn grants_maintain(tokens: &[Token<'_>]) -> bool {
    tokens
        .split_inclusive(|token| token.is_mark(b';'))
        .filter_map(privileges)
        .any(|list| list.iter().any(|token| token.depth == 0 && token.is("MAINTAIN")))
}

pub(super) fn cut_maintain(tokens: &[Token<'_>], edits: &mut Edits) {
    for statement in tokens.split_inclusive(|token| token.is_mark(b';')) {
        let Some(list) = privileges(statement) else { continue };
        let Some(n) = list.iter().position(|t| t.depth == 0 && t.is("MAINTAIN")) else { continue };
        let range = match (n.checked_sub(1), list.get(n + 1)) {
            (Some(before), _) => list[before].start..list[n].end(),
            (None, Some(comma)) => list[n].start..comma.end(),
            // Nothing is left to be granted.
            (None, None) => match (statement.first(), statement.last()) {
                (Some(first), Some(last)) => first.start..last.end(),
                _ => continue,
            },
        };
        edits.push((range, Vec::new()));
    }
}

/// Takes away tokens and the blanks before them.
pub(in crate::adapt) fn take(tokens: &[Token<'_>], from: usize, to: usize, edits: &mut Edits) {
    let start = match from.checked_sub(1) {
        Some(before) if !tokens[before].is_mark(b'(') => tokens[before].end(),
        _ => tokens[from].start,
    };
    edits.push((start..tokens[to - 1].end(), Vec::new()));
}

/// Takes away words wherever they follow each other.
pub(super) fn cut(tokens: &[Token<'_>], words: &[&str], edits: &mut Edits) {
    for (n, window) in tokens.windows(words.len()).enumerate() {
        if follows(window, words) {
            take(tokens, n, n + words.len(), edits);
        }
    }
}

/// The same, except this many words at both ends.
pub(super) fn cut_behind(tokens: &[Token<'_>], words: &[&str], ends: usize, edits: &mut Edits) {
    for (n, window) in tokens.windows(words.len()).enumerate() {
        if follows(window, words) {
            take(tokens, n + ends, n + words.len() - ends, edits);
        }
    }
}

/// Takes `name = value` out of a list in parentheses.
pub(super) fn cut_option(tokens: &[Token<'_>], name: &str, edits: &mut Edits) {
    let Some(n) = at(tokens, &[name, "="]) else { return };
    let depth = tokens[n].depth;
    let ends =
        |t: &Token<'_>| t.is_mark(b',') && t.depth == depth || t.is_mark(b')') && t.depth < depth;
    let Some(len) = tokens[n..].iter().position(ends) else { return };
    let (end, before) = (n + len, n.checked_sub(1).map(|before| &tokens[before]));
    let range = match before {
        Some(comma) if comma.is_mark(b',') => comma.start..tokens[end - 1].end(),
        _ if tokens[end].is_mark(b',') => {
            tokens[n].start..tokens.get(end + 1).map_or(tokens[end].end(), |next| next.start)
        }
        _ => tokens[n].start..tokens[end - 1].end(),
    };
    edits.push((range, Vec::new()));
}

/// Where `(precision, scale)` of numeric begins and ends, if the scale is below zero or above the
/// precision.
pub(super) fn odd_scales(tokens: &[Token<'_>]) -> impl Iterator<Item = (usize, usize)> {
    let number = |token: &Token<'_>| -> Option<u32> {
        let digits = (token.kind == TokenKind::Number).then_some(token.text)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    tokens.iter().enumerate().filter(|(_, token)| token.is("NUMERIC")).filter_map(move |(n, _)| {
        match tokens.get(n + 1..)? {
            [open, precision, comma, scale, close, ..]
                if open.is_mark(b'(') && comma.is_mark(b',') && close.is_mark(b')') =>
            {
                (number(scale)? > number(precision)?).then_some((n + 1, n + 6))
            }
            [open, _, comma, minus, _, close, ..]
                if open.is_mark(b'(')
                    && comma.is_mark(b',')
                    && minus.is_mark(b'-')
                    && close.is_mark(b')') =>
            {
                Some((n + 1, n + 7))
            }
            _ => None,
        }
    })
}

pub(super) fn cut_odd_scales(tokens: &[Token<'_>], edits: &mut Edits) {
    odd_scales(tokens).for_each(|(start, end)| take(tokens, start, end, edits));
}

/// One of two words in the options of an identity column.
pub(super) fn logged(tokens: &[Token<'_>], words: &[&str]) -> Option<usize> {
    let n = tokens
        .iter()
        .position(|token| token.depth > 0 && words.iter().any(|word| token.is(word)))?;
    let before = n.checked_sub(1).and_then(|before| tokens.get(before))?;
    (!before.is_mark(b'.') && !before.is("NAME")).then_some(n)
}

/// A multirange type of the system, or a stand-in for all of them.
pub(super) fn names_multirange(tokens: &[Token<'_>]) -> bool {
    const TYPES: [&str; 8] = [
        "ANYMULTIRANGE",
        "ANYCOMPATIBLEMULTIRANGE",
        "INT4MULTIRANGE",
        "INT8MULTIRANGE",
        "NUMMULTIRANGE",
        "TSMULTIRANGE",
        "TSTZMULTIRANGE",
        "DATEMULTIRANGE",
    ];
    tokens.iter().any(|token| TYPES.iter().any(|name| token.is(name)))
}

/// An argument with OUT: at the beginning of an argument, which has something behind it.
pub(super) fn gives_out(tokens: &[Token<'_>]) -> bool {
    tokens.windows(3).any(|window| {
        let starts = window[0].is_mark(b'(') && window[0].depth == 0
            || window[0].is_mark(b',') && window[0].depth == 1;
        starts && window[1].is("OUT") && !window[2].is_mark(b',') && !window[2].is_mark(b')')
    })
}

pub(super) fn has_new_brin_class(tokens: &[Token<'_>]) -> bool {
    at(tokens, &["USING", "BRIN"]).is_some()
        && tokens.iter().any(|token| {
            token.depth > 0
                && token.kind == TokenKind::Word
                && (token.text.ends_with(b"_bloom_ops")
                    || token.text.ends_with(b"_minmax_multi_ops"))
        })
}
