//! libpq, loaded at run time or, with the feature `bundled-libpq`, linked; and connections over it.
//!
//! ```text
//! ffi.rs         its functions, each behind a safe handle: all `unsafe` of the crate
//! raw.rs         a connection, and what libpq's numbers mean
//! settings.rs    how a connection was made, for other programs
//! copying.rs     rows that the server refuses before their end
//! connection.rs  a session: the trait `Session` over a connection
//! server.rs      how connections come about: parameters, passwords, releases
//! prompt.rs      asking for a password
//! stop.rs        stopping what runs, from another thread
//! search.rs      where the library is found
//! ```

mod connection;
mod copying;
mod ffi;
mod prompt;
mod raw;
#[cfg(not(feature = "bundled-libpq"))]
mod search;
mod server;
mod settings;
mod stop;

use std::fmt;
use std::sync::OnceLock;

use crate::fatal::Fatal;
use ffi::Library;

pub use server::{LibpqServer, Parameters, Prompt};
pub use stop::Stopper;

/// Five characters that say what kind of failure it is.
pub type SqlState = [u8; 5];

/// The rows of a result, each with its columns as text; `None` is NULL.
pub type Rows = Vec<Vec<Option<Vec<u8>>>>;

/// PostgreSQL's client library.
pub struct Libpq {
    loaded: Library,
}

impl fmt::Debug for Libpq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Libpq")
    }
}

impl Libpq {
    /// Loads the library, once: the one that the environment variable `PGDMP_LIBPQ` names, else
    /// the system's, else what `pg_config` and the usual folders have. libpq 10 or newer will do.
    ///
    /// With the feature `bundled-libpq` it is part of the program, and there is nothing to load.
    ///
    /// # Errors
    ///
    /// There is none; the message names the package to install.
    pub fn load() -> Result<&'static Libpq, Fatal> {
        static LIBPQ: OnceLock<Option<Libpq>> = OnceLock::new();
        LIBPQ.get_or_init(Libpq::find).as_ref().ok_or_else(Libpq::missing)
    }

    #[cfg(feature = "bundled-libpq")]
    fn find() -> Option<Libpq> {
        Some(Libpq { loaded: Library::linked() })
    }

    #[cfg(feature = "bundled-libpq")]
    fn missing() -> Fatal {
        Fatal::server("libpq is not part of this program")
    }

    #[cfg(not(feature = "bundled-libpq"))]
    fn find() -> Option<Libpq> {
        search::find(|path| Some(Libpq { loaded: Library::open(path)? }))
    }

    #[cfg(not(feature = "bundled-libpq"))]
    fn missing() -> Fatal {
        Fatal::server(search::not_found())
    }
}
