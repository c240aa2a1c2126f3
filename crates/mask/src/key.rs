//! The key of a masking.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The key of a masking: with the same key, a value becomes the same value every time.
///
/// Whoever has the key can find out for a value which one it became. It is shown nowhere.
///
/// ```
/// use pgdmp_mask::Key;
///
/// assert!(Key::from_bytes(b"too short").is_err());
/// let key = Key::from_bytes(b"32 bytes of /dev/urandom, or more")?;
/// assert_eq!(format!("{key:?}"), "Key(..)");
/// # Ok::<(), pgdmp_mask::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key([u8; 32]);

/// Why there is no key.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read, or the system gives no random bytes.
    Io(io::Error),
    /// It has fewer than 16 bytes, or more than 1 MiB.
    Length,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::Io(error) => write!(f, "{error}"),
            KeyError::Length => f.write_str(
                "a key has 16 bytes at least, and 1 MiB at most; openssl rand -hex 32 makes one",
            ),
        }
    }
}

impl std::error::Error for KeyError {}

impl Key {
    /// Bytes of a key, without line ends and blanks at its end.
    const LEAST: usize = 16;
    const MOST: u64 = 1 << 20;

    /// A key that nobody will have again.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn random() -> Result<Key, KeyError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| KeyError::Io(io::Error::other(error)))?;
        Ok(Key(key))
    }

    /// Reads a key from a file: all of its bytes, but for line ends and blanks at the end.
    ///
    /// # Errors
    ///
    /// The file cannot be read, has fewer than 16 bytes or more than 1 MiB.
    pub fn read(path: impl AsRef<Path>) -> Result<Key, KeyError> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(KeyError::Io)?;
        file.take(Key::MOST + 1).read_to_end(&mut bytes).map_err(KeyError::Io)?;
        Key::from_bytes(&bytes)
    }

    /// A key of these bytes, but for line ends and blanks at the end.
    ///
    /// # Errors
    ///
    /// Fewer than 16 bytes or more than 1 MiB.
    pub fn from_bytes(bytes: &[u8]) -> Result<Key, KeyError> {
        let key = bytes.trim_ascii_end();
        if key.len() < Key::LEAST || bytes.len() as u64 > Key::MOST {
            return Err(KeyError::Length);
        }
        Ok(Key(blake3::derive_key("pgdmp-mask 2026 key of a masking", key)))
    }

    /// The key of one mask.
    pub(crate) fn of_mask(&self, mask: &str) -> [u8; 32] {
        *blake3::keyed_hash(&self.0, mask.as_bytes()).as_bytes()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}
