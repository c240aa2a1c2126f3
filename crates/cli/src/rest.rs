//! What a choice by name leaves out although it belongs to it, or is needed by it.

use pgdmp::select::{Rule, Selected};
use pgdmp::{Desc, Selection, Toc};

use crate::Failure;

/// What there is to say of a choice: a line for each option that takes more. Nothing, if nothing was
/// chosen by name, or these options were given.
pub(crate) fn notes(
    selection: &Selection,
    selected: &Selected<'_>,
    toc: &Toc,
) -> Result<Vec<String>, Failure> {
    let by_name = |rule| matches!(rule, Rule::NotChosen | Rule::Schema);
    let follows = |rule| matches!(rule, Rule::NeededBy(_) | Rule::DependsOn(_));
    if !selected.all().any(|(_, decision)| by_name(decision.rule))
        || selected.all().any(|(_, decision)| follows(decision.rule))
    {
        return Ok(Vec::new());
    }
    let mut notes = Vec::new();
    for (more, what, option) in [
        (selection.clone().with_dependents(true), "belong to the choice", "--with-dependents"),
        (selection.clone().with_dependencies(true), "are needed by it", "--with-dependencies"),
    ] {
        let more = more.apply(toc)?;
        let mut kinds: Vec<(Desc<'_>, usize)> = Vec::new();
        for (entry, decision) in more.all() {
            let is_new = decision.wanted.is_listed()
                && !selected.decision(&entry).wanted.is_listed()
                && !goes_with_others(entry.desc());
            match kinds.iter_mut().find(|(desc, _)| *desc == entry.desc()) {
                Some((_, count)) if is_new => *count += 1,
                None if is_new => kinds.push((entry.desc(), 1)),
                _ => {}
            }
        }
        if kinds.is_empty() {
            continue;
        }
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let list: Vec<String> = kinds.iter().map(|(desc, count)| counted(*desc, *count)).collect();
        let list = match list.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        };
        notes.push(format!("left out, though they {what}: {list}; {option} takes them"));
    }
    Ok(notes)
}

/// Whether people would not count it beside what it goes with.
fn goes_with_others(desc: Desc<'_>) -> bool {
    desc.is_acl()
        || matches!(
            desc,
            Desc::COMMENT
                | Desc::SECURITY_LABEL
                | Desc::SEQUENCE_SET
                | Desc::SEQUENCE_OWNED_BY
                | Desc::STATISTICS_DATA
        )
}

/// A number of objects of a kind, in the words of the documentation.
fn counted(desc: Desc<'_>, count: usize) -> String {
    let name = match desc {
        Desc::FK_CONSTRAINT => "foreign key".to_owned(),
        Desc::TABLE_DATA if count == 1 => return "the data of 1 table".to_owned(),
        Desc::TABLE_DATA => return format!("the data of {count} tables"),
        desc => desc.to_string().to_lowercase(),
    };
    let end = match (count, &*name) {
        (1, _) => "",
        (_, name) if name.ends_with('x') => "es",
        (_, name) if name.ends_with('y') && !name.ends_with("ey") => {
            return format!("{count} {}ies", name.trim_end_matches('y'));
        }
        _ => "s",
    };
    format!("{count} {name}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_objects() {
        for (desc, count, text) in [
            (Desc::INDEX, 1, "1 index"),
            (Desc::INDEX, 2, "2 indexes"),
            (Desc::POLICY, 3, "3 policies"),
            (Desc::FK_CONSTRAINT, 2, "2 foreign keys"),
            (Desc::TABLE_DATA, 2, "the data of 2 tables"),
        ] {
            assert_eq!(counted(desc, count), text);
        }
    }
}
