//! Roles that every server has, and older servers do not.

use super::draft::Draft;
use super::finding;
use super::release::TargetVersion;
use crate::finding::Finding;
use crate::sql::{Edits, RolesIn, Token, replaced, roles, tokens};
use crate::toc::{Desc, Section};

/// Since when servers have which role, from the release notes of PostgreSQL.
const ROLES: &[((u16, u16), &str)] = &[
    ((18, 0), "pg_signal_autovacuum_worker"),
    ((17, 0), "pg_maintain"),
    ((16, 0), "pg_create_subscription"),
    ((16, 0), "pg_use_reserved_connections"),
    ((15, 0), "pg_checkpoint"),
    ((14, 0), "pg_database_owner"),
    ((14, 0), "pg_read_all_data"),
    ((14, 0), "pg_write_all_data"),
    ((11, 0), "pg_execute_server_program"),
    ((11, 0), "pg_read_server_files"),
    ((11, 0), "pg_write_server_files"),
    ((10, 0), "pg_monitor"),
    ((10, 0), "pg_read_all_settings"),
    ((10, 0), "pg_read_all_stats"),
    ((10, 0), "pg_stat_scan_tables"),
    ((9, 6), "pg_signal_backend"),
];

fn is_missing(target: TargetVersion, role: &[u8]) -> bool {
    let found = ROLES.iter().find(|(_, name)| name.as_bytes() == role);
    found.is_some_and(|((major, minor), _)| !target.has(*major, *minor))
}

/// Takes away that such a role owns something or has privileges.
pub(super) fn change(
    target: TargetVersion,
    draft: &mut Draft<'_>,
    std_strings: bool,
    findings: &mut Vec<Finding>,
) {
    let entry = draft.entry;
    if let Some(owner) = draft.owner.as_deref().filter(|owner| is_missing(target, owner)) {
        if entry.section() == Section::PreData {
            let role = String::from_utf8_lossy(owner);
            let what = format!("PostgreSQL {target} has no role {role}: its owner is not set");
            findings.push(finding(entry, what));
        }
        draft.owner = Some(Vec::new().into());
    }
    let within = match entry.desc() {
        desc if desc.is_acl() => RolesIn::Privileges,
        Desc::POLICY => RolesIn::Policy,
        _ => return,
    };
    let defn = draft.defn.as_deref().unwrap_or_default();
    // Most have none, and need no closer look.
    if !defn.windows(3).any(|window| window == b"pg_") {
        return;
    }
    let words = tokens(defn, std_strings);
    let mut edits = Edits::new();
    let mut lost = Vec::new();
    for statement in words.split_inclusive(|token| token.is_mark(b';')) {
        let all = roles(statement, within);
        let missing: Vec<&Token<'_>> = all
            .iter()
            .copied()
            .filter(|role| role.name().is_some_and(|name| is_missing(target, &name)))
            .collect();
        lost.extend(missing.iter().filter_map(|role| role.name()));
        if !missing.is_empty() && missing.len() == all.len() {
            edits.push((statement[0].start..statement[statement.len() - 1].end(), Vec::new()));
            continue;
        }
        for role in missing {
            let Some(n) = statement.iter().position(|token| token.start == role.start) else {
                continue;
            };
            let comma = |n: usize| statement.get(n).is_some_and(|token| token.is_mark(b','));
            let range = match n.checked_sub(1) {
                Some(before) if comma(before) => statement[before].start..role.end(),
                _ if comma(n + 1) => role.start..statement[n + 1].end(),
                _ => role.start..role.end(),
            };
            edits.push((range, Vec::new()));
        }
    }
    if lost.is_empty() {
        return;
    }
    draft.defn = Some(replaced(defn, edits).into());
    lost.sort();
    lost.dedup();
    let lost: Vec<_> = lost.iter().map(|role| String::from_utf8_lossy(role)).collect();
    let what = format!(
        "PostgreSQL {target} has no role {}: what names it is left out",
        lost.join(" and no role ")
    );
    findings.push(finding(entry, what));
}
