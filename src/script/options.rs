//! How entries are restored.

use crate::adapt::TargetVersion;

/// Options for restoring entries: those of `pg_restore` that do not select entries.
///
/// `-C` and all options that select entries are part of the [`Selection`](crate::Selection).
///
/// ```
/// use pgdmp::{Archive, RestrictKey, Script, Selection};
/// use pgdmp::script::ScriptOptions;
///
/// let archive = Archive::open("fixtures/pg17/small-custom.dump")?;
/// let selected = Selection::new().apply(archive.toc())?;
/// let script = Script::new(RestrictKey::random()?)
///     .options(ScriptOptions::new().clean(true).if_exists(true));
/// let mut text = Vec::new();
/// script.write(&archive, &selected, &mut text)?;
/// assert!(String::from_utf8_lossy(&text).contains("DROP TABLE IF EXISTS public.town;"));
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct ScriptOptions {
    pub(super) clean: bool,
    pub(super) if_exists: bool,
    pub(super) no_owner: bool,
    pub(super) single_transaction: bool,
    pub(super) transaction_size: u32,
    pub(super) disable_triggers: bool,
    pub(super) superuser: Option<Vec<u8>>,
    pub(super) role: Option<Vec<u8>>,
    pub(super) enable_row_security: bool,
    pub(super) use_set_session_authorization: bool,
    pub(super) no_data_for_failed_tables: bool,
    pub(super) no_tablespaces: bool,
    pub(super) no_table_access_method: bool,
    pub(super) target: Option<TargetVersion>,
    pub(super) verbose: Option<String>,
}

impl ScriptOptions {
    /// The defaults of `pg_restore`.
    pub fn new() -> Self {
        ScriptOptions::default()
    }

    /// `-c`: drops objects before they are created.
    pub fn clean(mut self, clean: bool) -> Self {
        self.clean = clean;
        self
    }

    /// `--if-exists`: drops only objects that exist.
    pub fn if_exists(mut self, if_exists: bool) -> Self {
        self.if_exists = if_exists;
        self
    }

    /// `-O`: sets no owners.
    pub fn no_owner(mut self, no_owner: bool) -> Self {
        self.no_owner = no_owner;
        self
    }

    /// `-1`: restores in a single transaction.
    pub fn single_transaction(mut self, single_transaction: bool) -> Self {
        self.single_transaction = single_transaction;
        self
    }

    /// `--transaction-size`: restores this many objects in each transaction. 0, the default, uses
    /// no transactions.
    pub fn transaction_size(mut self, objects: u32) -> Self {
        self.transaction_size = objects;
        self
    }

    /// `--disable-triggers`: disables triggers while data is restored without definitions.
    pub fn disable_triggers(mut self, disable_triggers: bool) -> Self {
        self.disable_triggers = disable_triggers;
        self
    }

    /// `-S`: sets the superuser that disables triggers.
    pub fn superuser(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.superuser = Some(name.into());
        self
    }

    /// `--role`: sets the role that runs the script.
    pub fn role(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.role = Some(name.into());
        self
    }

    /// `--enable-row-security`: turns row security on.
    pub fn enable_row_security(mut self, enable_row_security: bool) -> Self {
        self.enable_row_security = enable_row_security;
        self
    }

    /// `--use-set-session-authorization`: creates objects as their owner, instead of changing the
    /// owner afterwards.
    pub fn use_set_session_authorization(mut self, use_set_session_authorization: bool) -> Self {
        self.use_set_session_authorization = use_set_session_authorization;
        self
    }

    /// `--no-data-for-failed-tables`: skips the data of tables that could not be created. This
    /// needs a sink that reports [failures](crate::script::Outcome::Failed).
    pub fn no_data_for_failed_tables(mut self, no_data_for_failed_tables: bool) -> Self {
        self.no_data_for_failed_tables = no_data_for_failed_tables;
        self
    }

    /// `--no-tablespaces`: uses the default tablespace.
    pub fn no_tablespaces(mut self, no_tablespaces: bool) -> Self {
        self.no_tablespaces = no_tablespaces;
        self
    }

    /// `--no-table-access-method`: uses the default table access method.
    pub fn no_table_access_method(mut self, no_table_access_method: bool) -> Self {
        self.no_table_access_method = no_table_access_method;
        self
    }

    /// `--target-version`: leaves out settings that servers of this release do not have. An
    /// [`Adaptation`](crate::adapt::Adaptation) does the same for entries.
    pub fn target(mut self, version: TargetVersion) -> Self {
        self.target = Some(version);
        self
    }

    /// `-v`: adds comments with ids, dependencies and times. `created` is the time of the dump as
    /// text, because this crate knows no time zones; see
    /// [`Listing::created`](crate::Listing::created).
    pub fn verbose(mut self, created: impl Into<String>) -> Self {
        self.verbose = Some(created.into());
        self
    }

    /// The release that was set with [`target`](Self::target).
    pub fn target_version(&self) -> Option<TargetVersion> {
        self.target
    }

    /// Whether [`clean`](Self::clean) is set.
    pub fn is_clean(&self) -> bool {
        self.clean
    }

    /// Whether [`if_exists`](Self::if_exists) is set.
    pub fn drops_if_exists(&self) -> bool {
        self.if_exists
    }

    /// The role that [`role`](Self::role) was given.
    pub fn role_name(&self) -> Option<&[u8]> {
        self.role.as_deref()
    }

    /// Whether [`use_set_session_authorization`](Self::use_set_session_authorization) is set.
    pub fn lets_owners_make(&self) -> bool {
        self.use_set_session_authorization && !self.no_owner
    }

    /// Whether [`single_transaction`](Self::single_transaction) is set.
    pub fn is_single_transaction(&self) -> bool {
        self.single_transaction
    }

    /// Whether [`no_data_for_failed_tables`](Self::no_data_for_failed_tables) is set.
    pub fn holds_back_data(&self) -> bool {
        self.no_data_for_failed_tables
    }

    /// Whether [`use_set_session_authorization`](Self::use_set_session_authorization) is set.
    pub fn sets_session_authorization(&self) -> bool {
        self.use_set_session_authorization
    }

    /// Whether steps are grouped in transactions, by
    /// [`single_transaction`](Self::single_transaction) or
    /// [`transaction_size`](Self::transaction_size).
    pub fn uses_transactions(&self) -> bool {
        self.single_transaction || self.transaction_size > 0
    }
}
