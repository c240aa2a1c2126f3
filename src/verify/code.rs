//! The codes of findings: how bad each is, and what it means for a restore.

use crate::finding::Severity;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $id:literal, $severity:ident, $meaning:literal;)*) => {
        /// What [`Verification`](super::Verification) finds. Each code has an id that stays the
        /// same in all releases: `T…` for the table of contents, `F…` for the places of data, `D…`
        /// for the data as it is stored, and `R…` for rows and large objects.
        ///
        /// ```
        /// use pgdmp::finding::Severity;
        /// use pgdmp::verify::Code;
        ///
        /// assert_eq!(Code::Cut.id(), "F3");
        /// assert_eq!(Code::Cut.severity(), Severity::Error);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The id, such as `F3`.
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)* }
            }

            /// The usual severity. A [`Found`](super::Found) may be less bad.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }

            /// What it means for a restore, in a few words.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    /// The table of contents cannot be read to its end.
    TocDamaged = "T2", Error, "nothing behind the damage can be restored";
    /// Several entries have one dump id.
    SameDumpId = "T3", Error, "a restore reaches only one of them";
    /// An entry depends on one that is not there.
    MissingDependency = "T4", Note, "usual: pg_dump names what it left out, too";
    /// The table of a `TABLE DATA` entry has an id that no entry can have.
    ImpossibleDependency = "T5", Error, "pg_restore refuses the archive";
    /// Entries depend on each other.
    Circle = "T6", Warning, "a parallel restore takes them last, one by one";
    /// An entry depends on itself.
    DependsOnItself = "T7", Warning, "a parallel restore takes it last";
    /// Rows of a table that is not there.
    RowsWithoutTable = "T8", Warning, "the table must exist before the restore";
    /// Data that is there although the archive says that there is none.
    DeniedData = "T9", Error, "pg_restore does not restore the data";
    /// There is none of the data of an entry that must have some.
    NoData = "T10", Error, "pg_restore restores nothing of the entry, and does not say so";
    /// The section is none that PostgreSQL knows.
    UnknownSection = "T11", Warning, "pg_restore's --section leaves the entry out";
    /// An entry stands before one that it needs.
    WrongOrder = "T12", Warning, "a restore without -j fails at the entry";
    /// A name or statement is no text in the archive's encoding.
    InvalidText = "T13", Warning, "the server or psql refuses it";
    /// An entry that sets up the session cannot be understood.
    InvalidSession = "T14", Error, "pg_restore refuses the archive";
    /// What must be on the server before the restore.
    Needs = "T15", Note, "restore --check asks a server whether it has all of it";
    /// A sequence without its value.
    SequenceWithoutValue = "T16", Warning, "the sequence begins anew, so its next numbers may exist already";
    /// An entry is about a table that is not there.
    NamesMissingTable = "T17", Warning, "the table must exist before the restore, or the entry fails";
    /// A text is NULL that never is.
    NullText = "T19", Error, "pg_restore crashes";
    /// The second table of contents is another one.
    OtherToc = "T18", Error, "one of the two is damaged";

    /// The data of an entry is not in the archive.
    NoBlock = "F1", Error, "a restore fails at the entry";
    /// An entry's data is there more than once.
    BlockTwice = "F2", Error, "a restore takes the first, or the one at the entry's offset";
    /// The archive ends too early.
    Cut = "F3", Error, "a restore stops here; what is behind is lost";
    /// A data offset leads somewhere else.
    WrongOffset = "F4", Error, "a restore stops here";
    /// An entry has no data offset.
    NoOffset = "F5", Note, "reading one table takes a search; reindex writes the offsets";
    /// The framing of blocks and chunks is damaged.
    Framing = "F6", Error, "what is behind can be reached only by data offsets";
    /// Bytes between blocks that belong to none.
    Gap = "F7", Warning, "a restore from a pipe stops here; one from the file does not read them";
    /// Data that belongs to no entry.
    UnknownBlock = "F8", Note, "pg_restore passes over it";
    /// A second table of contents behind the data.
    SecondToc = "F9", Note, "PostgreSQL 16 and newer write it to redirected output; reindex moves its offsets to the first";
    /// Bytes behind the archive.
    Behind = "F10", Warning, "no restore reads them";
    /// A file or member cannot be used.
    Member = "F11", Error, "a restore fails at the entry";
    /// A data file is there in two forms.
    MemberTwice = "F12", Warning, "a restore takes the first of the two";
    /// A file that is none of the archive's.
    UnknownMember = "F13", Note, "a restore does not read it";
    /// A data file without a byte.
    EmptyMember = "F14", Error, "the data is lost, and pg_restore may not say so";
    /// The tar itself is damaged.
    Tar = "F15", Error, "pg_restore fails, or never ends";
    /// The list of large objects cannot be read.
    ObjectList = "F16", Error, "pg_restore leaves out large objects without a word";
    /// A zstd frame begins within a chunk.
    FrameWithinChunk = "F17", Error, "pg_restore loses the frame; convert writes the archive anew";
    /// Bytes behind the end of compressed data.
    BytesBehindData = "F18", Warning, "pg_restore ignores them, or never ends";
    /// A zstd window that is larger than allowed.
    ZstdWindow = "F19", Error, "pg_restore refuses the data";
    /// The file system or the disk failed.
    Unreadable = "F20", Error, "the file cannot be read here";

    /// The compressed data is damaged.
    Data = "D1", Error, "a restore fails here; in gzip data, rows before this place may be wrong, too";
    /// A checksum differs.
    Checksum = "D2", Error, "something in the data is wrong, at a place that is not known";
    /// The compressed data ends too early.
    DataCut = "D3", Error, "the rest is lost; pg_restore may not say so";
    /// The data is longer or shorter than its frame says.
    Length = "D4", Error, "something in the data is wrong, at a place that is not known";
    /// Data without checksums.
    NoChecksums = "D5", Note, "a changed byte would not be seen, unless it makes a row impossible; a manifest shows it";
    /// The archive is not the one that its manifest was made of.
    Manifest = "D6", Error, "it was changed after the manifest was made";
    /// The manifest is that of an archive in another form.
    OtherForm = "D8", Note, "definitions and decompressed data are compared, not the files";
    /// The data cannot be decompressed by this build, or within the limits.
    NotChecked = "D7", Warning, "the data was not checked";

    /// A row has too few or too many fields.
    FieldCount = "R1", Error, "the server refuses the whole table";
    /// A row that is no valid text.
    InvalidRow = "R2", Error, "the server refuses the whole table";
    /// The end of the rows is not where it should be.
    EndMarker = "R3", Error, "rows may be lost, and a restore does not say so";
    /// The large objects of the table of contents and of the data differ.
    LargeObjects = "R4", Error, "a large object is empty, fails, or is another one's";
    /// The columns of the rows are not those of the table.
    Columns = "R5", Warning, "it may be the data of another table";
    /// A value that its column's type does not have.
    Value = "R6", Warning, "the server refuses the whole table; the data may be another table's";
    /// INSERT commands that cannot be understood.
    Insert = "R7", Error, "a restore fails here";
    /// The value of a sequence is not set where it should be.
    SequenceNotSet = "R8", Warning, "the sequence keeps another value, so its next numbers may exist already";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_id_is_of_one_code() {
        let mut ids: Vec<&str> = Code::ALL.iter().map(|code| code.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Code::ALL.len());
    }
}
