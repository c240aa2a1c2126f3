//! The key between `\restrict` and `\unrestrict`.

use std::fmt;

use crate::error::{Error, Result};

/// The key of psql's `\restrict`. Between `\restrict KEY` and `\unrestrict KEY`, psql takes only
/// SQL and no backslash commands, whatever an archive contains.
///
/// The author of the archive must not know the key.
///
/// ```
/// use pgdmp::RestrictKey;
///
/// let key = RestrictKey::random()?;
/// assert_eq!(key.as_str().len(), 63);
/// assert!(RestrictKey::new("no blanks").is_err());
/// # Ok::<(), pgdmp::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RestrictKey(String);

impl RestrictKey {
    /// A key with the given text.
    ///
    /// # Errors
    ///
    /// A key that is empty or has other characters than ASCII letters and digits.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::usage("invalid restrict key"));
        }
        Ok(RestrictKey(key))
    }

    /// A key of 63 random characters, from the operating system's generator.
    ///
    /// # Errors
    ///
    /// The system has no random numbers.
    #[cfg(feature = "random")]
    pub fn random() -> Result<Self> {
        const CHARACTERS: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        const LEN: usize = 63;
        let mut key = String::with_capacity(LEN);
        while key.len() < LEN {
            let mut random = [0; 96];
            getrandom::fill(&mut random)
                .map_err(|error| std::io::Error::other(error.to_string()))?;
            // All characters are equally likely below the largest multiple of their number.
            let usable = random.iter().map(|byte| usize::from(*byte)).filter(|n| *n < 4 * 62);
            let characters = usable.map(|n| char::from(CHARACTERS[n % 62]));
            key.extend(characters.take(LEN - key.len()));
        }
        Ok(RestrictKey(key))
    }

    /// The text of the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RestrictKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RestrictKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_letters_and_digits() {
        assert_eq!(RestrictKey::new("aZ09").unwrap().as_str(), "aZ09");
        for bad in ["", "a b", "a\n", "é", "a-b"] {
            assert!(RestrictKey::new(bad).is_err(), "{bad:?}");
        }
    }

    #[cfg(feature = "random")]
    #[test]
    fn random_keys_differ() {
        let (one, other) = (RestrictKey::random().unwrap(), RestrictKey::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.as_str().len(), 63);
        assert!(RestrictKey::new(one.as_str()).is_ok());
    }
}
