//! Telling of bytes as they are read.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::Source;

/// A function that is told how many bytes were read.
#[derive(Clone)]
pub(crate) struct OnRead(Arc<dyn Fn(u64) + Send + Sync>);

impl OnRead {
    pub(crate) fn new(tell: impl Fn(u64) + Send + Sync + 'static) -> Self {
        OnRead(Arc::new(tell))
    }

    pub(crate) fn tell(&self, bytes: u64) {
        if bytes > 0 {
            (self.0)(bytes);
        }
    }

    /// The same source, of whose reads it is told.
    pub(crate) fn watch(this: Option<&OnRead>, source: Arc<dyn Source>) -> Arc<dyn Source> {
        match this {
            Some(on_read) => Arc::new(Watched { source, on_read: on_read.clone() }),
            None => source,
        }
    }
}

impl fmt::Debug for OnRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRead")
    }
}

/// A source of whose reads is told.
#[derive(Debug)]
struct Watched {
    source: Arc<dyn Source>,
    on_read: OnRead,
}

impl Source for Watched {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let n = self.source.read_at(buf, offset)?;
        self.on_read.tell(n as u64);
        Ok(n)
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.source.bytes()
    }

    fn read_size(&self) -> Range<usize> {
        self.source.read_size()
    }

    fn copy_to(&self, file: &File, offset: u64, len: u64) -> Option<io::Result<u64>> {
        let copied = self.source.copy_to(file, offset, len)?;
        Some(copied.inspect(|n| self.on_read.tell(*n)))
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn lent(&self, bytes: u64) {
        self.on_read.tell(bytes);
    }
}
