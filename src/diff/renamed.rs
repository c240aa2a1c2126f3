//! Objects that may be the same under another name.

use std::collections::HashMap;

use super::items::{Item, Items};
use super::objects::{ChangeKind, ObjectChange};
use crate::sql;

/// The objects that one archive alone has, by all but their name.
#[derive(Default)]
pub(super) struct Names {
    /// The places of their changes: of those dropped, and of those added.
    all: HashMap<Nameless, [Vec<usize>; 2]>,
}

/// Kind, schema, and the definition without the name.
type Nameless = (Vec<u8>, Option<Vec<u8>>, Vec<Vec<u8>>);

impl Names {
    /// Adds an object, whose change is at this place.
    pub(super) fn add(
        &mut self,
        kind: ChangeKind,
        items: &Items<'_>,
        item: &Item<'_>,
        place: usize,
    ) {
        if item.about.is_some() {
            return;
        }
        let statements = items.definition_of(item).into_iter();
        let without = statements.map(|statement| without(&statement.key, &item.key.tag));
        let without: Vec<_> = without.collect();
        if without.is_empty() {
            return;
        }
        let nameless = (item.key.desc.clone(), item.key.namespace.clone(), without);
        let [dropped, added] = self.all.entry(nameless).or_default();
        match kind {
            ChangeKind::Dropped => dropped.push(place),
            _ => added.push(place),
        }
    }

    /// Says it of each pair that is the only one.
    pub(super) fn tell(self, changes: &mut [ObjectChange]) {
        for places in self.all.into_values() {
            let [&[dropped], &[added]] = [&places[0][..], &places[1][..]] else { continue };
            changes[dropped].maybe_renamed = Some(changes[added].tag.clone());
            changes[added].maybe_renamed = Some(changes[dropped].tag.clone());
        }
    }
}

/// A statement in its one spelling, with nothing where the name of its object stands. A tag is the
/// name, the name with the types of a function behind it, or a table and the name.
fn without(statement: &[u8], tag: &[u8]) -> Vec<u8> {
    let is_in_tag = |name: Vec<u8>| match tag.strip_suffix(&name[..]) {
        Some(before) => before.is_empty() || before.ends_with(b" "),
        None => tag.strip_prefix(&name[..]).is_some_and(|behind| behind.starts_with(b"(")),
    };
    let tokens = sql::tokens(statement, true);
    let is_name = |token: &&sql::Token<'_>| token.name().is_some_and(is_in_tag);
    let edits = tokens.iter().filter(is_name).map(|token| (token.start..token.end(), Vec::new()));
    sql::replaced(statement, edits.collect())
}
