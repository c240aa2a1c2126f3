//! What archives are written to: buffered, counted, and seekable where it can.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

const BUFFER: usize = 128 << 10;

/// Bytes of a file after which the disk is told to begin with them.
const STRETCH: u64 = 8 << 20;

/// An output that knows its position.
///
/// Dropped before [`finish`](Self::finish) it does not write what it holds back, so that an
/// archive that was given up does not become whole by accident.
pub(crate) struct Output<W> {
    inner: W,
    buffer: Vec<u8>,
    /// Bytes written since the start, buffered ones included.
    position: u64,
    seek: Option<Seeking<W>>,
    disk: Option<Disk<W>>,
}

/// How to move in an output that can seek, without asking that of all outputs.
struct Seeking<W> {
    seek: fn(&mut W, SeekFrom) -> io::Result<u64>,
    /// Where the archive begins.
    base: u64,
}

/// How to have a file written to the disk while more of it is made, so that waiting for the disk at
/// the end takes little time.
struct Disk<W> {
    begin: fn(&W, Range<u64>),
    /// Up to where the disk has been told.
    told: u64,
}

impl<W> Output<W> {
    /// An output that is written from front to back.
    pub(crate) fn pipe(inner: W) -> Self {
        Output { inner, buffer: Vec::new(), position: 0, seek: None, disk: None }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn is_seekable(&self) -> bool {
        self.seek.is_some()
    }
}

impl<W: Write + Seek> Output<W> {
    /// An output in which places are written to again. The archive begins where it stands.
    pub(crate) fn seekable(mut inner: W) -> io::Result<Self> {
        let base = inner.stream_position()?;
        let seek = Some(Seeking { seek: W::seek, base });
        Ok(Output { inner, buffer: Vec::new(), position: 0, seek, disk: None })
    }
}

impl Output<File> {
    /// A new file.
    pub(crate) fn file(file: File) -> io::Result<Self> {
        let disk = Some(Disk { begin: begin_to_write, told: 0 });
        Ok(Output { disk, ..Output::seekable(file)? })
    }

    /// Lets `write` write to the file itself and say how much, if it can.
    pub(crate) fn direct(
        &mut self,
        write: impl FnOnce(&File) -> Option<io::Result<u64>>,
    ) -> Option<io::Result<u64>> {
        if let Err(error) = self.flush_buffer() {
            return Some(Err(error));
        }
        let written = write(&self.inner)?;
        Some(written.inspect(|n| self.advance(*n)))
    }
}

/// As PostgreSQL's `pg_flush_data`: Linux begins to write what it is told is not needed.
fn begin_to_write(file: &File, range: Range<u64>) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};
        let len = std::num::NonZeroU64::new(range.end - range.start);
        // Advice: without it the file is written later.
        let _ = fadvise(file, range.start, len, Advice::DontNeed);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, range);
}

impl<W: Write> Output<W> {
    fn flush_buffer(&mut self) -> io::Result<()> {
        self.inner.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn advance(&mut self, n: u64) {
        self.position += n;
        let Some(Disk { begin, told }) = &mut self.disk else { return };
        // What is still in the buffer is of the next stretch.
        while self.position - *told >= STRETCH + BUFFER as u64 {
            begin(&self.inner, *told..*told + STRETCH);
            *told += STRETCH;
        }
    }

    /// Lets `write` write at an earlier place, as many bytes as stand there.
    pub(crate) fn patch(
        &mut self,
        at: u64,
        write: impl FnOnce(&mut Output<&mut W>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.flush_buffer()?;
        let Some(Seeking { seek, base }) = &self.seek else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let (seek, end) = (*seek, base + self.position);
        seek(&mut self.inner, SeekFrom::Start(base + at))?;
        let mut part = Output::pipe(&mut self.inner);
        write(&mut part)?;
        part.finish()?;
        seek(&mut self.inner, SeekFrom::Start(end))?;
        Ok(())
    }

    /// Writes what is held back, and gives the inner output.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.flush_buffer()?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + buf.len() > BUFFER {
            self.flush_buffer()?;
        }
        if buf.len() >= BUFFER {
            self.inner.write_all(buf)?;
        } else {
            self.buffer.extend_from_slice(buf);
        }
        self.advance(buf.len() as u64);
        Ok(buf.len())
    }

    // Always all of it is taken.
    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        self.write(buf).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W> fmt::Debug for Output<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Output(at {})", self.position)
    }
}
