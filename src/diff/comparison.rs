//! `Comparison`: what is compared of two archives.

use super::items::Items;
use super::key::Texts;
use super::objects::{self, How, ObjectChange};
use super::options::DiffOptions;
use super::plan::{Place, Plan, plans};
use crate::error::{Error, Result};
use crate::select::Selected;

/// Two archives, compared: their objects when it is made, and their data on request
/// ([`data`](Self::data), [`rows`](Self::rows)).
///
/// ```
/// use pgdmp::diff::{Comparison, DiffOptions};
/// use pgdmp::{Archive, Selection};
///
/// let old = Archive::open("fixtures/pg18/small-dir")?;
/// let new = Archive::open("fixtures/pg18/small-tar.tar")?;
/// let all = Selection::new();
/// let (a, b) = (all.apply(old.toc())?, all.apply(new.toc())?);
/// let comparison = Comparison::new(&a, &b, &DiffOptions::new())?;
/// for object in comparison.objects() {
///     println!("{:?} {}", object.kind, String::from_utf8_lossy(&object.tag));
/// }
/// assert!(comparison.objects().is_empty());
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug)]
pub struct Comparison {
    objects: Vec<ObjectChange>,
    compared: u64,
    other_release: bool,
    pub(super) options: DiffOptions,
    pub(super) texts: [Texts; 2],
    pub(super) plans: Vec<Plan>,
    /// The entries with the data of large objects.
    pub(super) object_places: [Vec<Place>; 2],
    pub(super) seed: u64,
}

impl Comparison {
    /// Compares the objects of two archives, as far as they are selected.
    ///
    /// # Errors
    ///
    /// Archives that were opened without their statements.
    pub fn new(a: &Selected<'_>, b: &Selected<'_>, options: &DiffOptions) -> Result<Self> {
        a.toc().require_statements()?;
        b.toc().require_statements()?;
        let short_names = [a, b].iter().any(|side| Texts::has_short_names(side.toc()));
        let items = |side| {
            Items::new(side, Texts::new(Selected::toc(side), short_names), options.statistics)
        };
        let (a_items, b_items) = (items(a), items(b));
        let alike = a_items.texts.are_like(&b_items.texts);
        let how = How { alike, dependencies: options.dependencies };
        let (objects, compared) = objects::compare(&a_items, &b_items, how);
        let major = |side: &Selected<'_>| {
            let version = side.toc().header().server_version.clone().unwrap_or_default();
            let mut numbers = version.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::to_vec);
            let first = numbers.next().unwrap_or_default();
            // Before PostgreSQL 10 the second number counted, too.
            let second = if first.len() == 1 { numbers.next() } else { None };
            (first, second)
        };
        let sides = [&a_items, &b_items];
        Ok(Comparison {
            objects,
            compared,
            other_release: major(a) != major(b),
            options: options.clone(),
            texts: sides.map(|items| items.texts),
            plans: plans(&a_items, &b_items, options)?,
            object_places: sides.map(|items| {
                items.large_object_data.iter().map(|entry| Place::new(*entry)).collect()
            }),
            seed: options.seed.map_or_else(random, Ok)?,
        })
    }

    /// The objects that differ, sorted by schema and name.
    pub fn objects(&self) -> &[ObjectChange] {
        &self.objects
    }

    /// How many objects were compared.
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Whether the archives are of servers of different releases, which print the same definition
    /// differently now and then.
    pub fn has_other_release(&self) -> bool {
        self.other_release
    }
}

/// A seed that nobody knows.
fn random() -> Result<u64> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|error| Error::from(std::io::Error::other(error.to_string())))?;
    Ok(u64::from_le_bytes(random))
}
