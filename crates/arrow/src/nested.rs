//! Columns that are made of others: lists, structs, maps.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Float32Builder, Int32Builder, Int64Builder, StringBuilder,
};
use arrow_array::{ArrayRef, FixedSizeListArray, ListArray, MapArray, StructArray};
use arrow_buffer::{NullBufferBuilder, OffsetBuffer};
use arrow_schema::{ArrowError, Field, Fields};
use pgdmp::value::{self, Array, Composite, Elements, Hstore, Multirange, Range};

use crate::column::{Column, Result, TOO_LONG, fits, invalid, unrepresentable};
use crate::kind::{Kind, interval_fields, map_fields, range_fields};
use crate::scalar;
use crate::texts::Texts;

/// Lists, which may be lists of lists.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) offsets: Vec<i32>,
    pub(crate) nulls: NullBufferBuilder,
    pub(crate) field: Arc<Field>,
    pub(crate) inner: Inner,
    /// What an element takes at least, beside its text.
    element_bytes: usize,
    /// What the elements so far take so.
    extra: usize,
}

/// What the elements of one array may take beside their text. Only a type with thousands of
/// attributes gets there.
const MOST_EXTRA: usize = 256 << 20;

#[derive(Debug)]
pub(crate) enum Inner {
    Lists(Box<List>),
    Elements(Box<Column>),
}

/// Intervals as structs.
#[derive(Debug)]
pub(crate) struct IntervalParts {
    pub(crate) months: Int32Builder,
    pub(crate) days: Int32Builder,
    pub(crate) micros: Int64Builder,
    pub(crate) nulls: NullBufferBuilder,
}

#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) fields: Fields,
    pub(crate) columns: Vec<Column>,
    pub(crate) nulls: NullBufferBuilder,
}

#[derive(Debug)]
pub(crate) struct RangeColumn {
    pub(crate) fields: Fields,
    pub(crate) lower: Column,
    pub(crate) upper: Column,
    pub(crate) flags: [BooleanBuilder; 3],
    pub(crate) nulls: NullBufferBuilder,
}

#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) field: Arc<Field>,
    pub(crate) offsets: Vec<i32>,
    pub(crate) keys: StringBuilder,
    pub(crate) values: StringBuilder,
    pub(crate) nulls: NullBufferBuilder,
}

#[derive(Debug)]
pub(crate) struct Vector {
    pub(crate) field: Arc<Field>,
    /// How many numbers each has, if the type says it.
    pub(crate) len: Option<i32>,
    pub(crate) offsets: Vec<i32>,
    pub(crate) numbers: Float32Builder,
    pub(crate) nulls: NullBufferBuilder,
    pub(crate) scratch: Vec<f32>,
}

impl IntervalParts {
    pub(crate) fn append(&mut self, text: &[u8]) -> Result {
        match scalar::interval(text) {
            Ok((months, days, micros)) => {
                self.months.append_value(months);
                self.days.append_value(days);
                self.micros.append_value(micros);
                self.nulls.append_non_null();
                Ok(())
            }
            Err(refused) => {
                self.append_null();
                Err(refused)
            }
        }
    }

    /// Its parts are never NULL themselves.
    pub(crate) fn append_null(&mut self) {
        self.months.append_value(0);
        self.days.append_value(0);
        self.micros.append_value(0);
        self.nulls.append_null();
    }

    pub(crate) fn finish(&mut self) -> Result<StructArray, ArrowError> {
        let parts: Vec<ArrayRef> = vec![
            Arc::new(self.months.finish()),
            Arc::new(self.days.finish()),
            Arc::new(self.micros.finish()),
        ];
        StructArray::try_new(interval_fields(), parts, self.nulls.finish())
    }
}

impl List {
    pub(crate) fn new(inner: Inner, field: Field) -> List {
        List {
            offsets: vec![0],
            nulls: NullBufferBuilder::new(0),
            field: Arc::new(field),
            inner,
            element_bytes: 0,
            extra: 0,
        }
    }

    /// Says what an element takes at least, beside its text.
    pub(crate) fn with_element_bytes(mut self, bytes: usize) -> List {
        self.element_bytes = bytes;
        self
    }

    /// What the elements since the last batch take beside their text.
    pub(crate) fn extra(&self) -> usize {
        let inner = match &self.inner {
            Inner::Lists(list) => list.extra(),
            Inner::Elements(column) => column.extra(),
        };
        self.extra.saturating_add(inner)
    }

    pub(crate) fn append_null(&mut self) {
        self.end(0, false);
    }

    /// Ends a list, which has so many elements of those that were added.
    pub(crate) fn end(&mut self, count: usize, valid: bool) {
        let last = self.offsets.last().copied().unwrap_or(0);
        // There are fewer elements than bytes in a batch.
        let end = i32::try_from(count).map_or(last, |count| last.saturating_add(count));
        self.offsets.push(end);
        match valid {
            true => self.nulls.append_non_null(),
            false => self.nulls.append_null(),
        }
    }

    pub(crate) fn dimensions(&self) -> usize {
        match &self.inner {
            Inner::Lists(inner) => 1 + inner.dimensions(),
            Inner::Elements(_) => 1,
        }
    }

    pub(crate) fn append_array(&mut self, array: &Array<'_>, texts: &Texts) -> Result {
        let dimensions = array.dimensions();
        let refused = if !dimensions.is_empty() && dimensions.len() != self.dimensions() {
            Some("the array has another number of dimensions")
        } else if dimensions.iter().any(|dimension| dimension.lower != 1) {
            Some("the array does not begin at 1")
        } else {
            None
        };
        if let Some(why) = refused {
            self.append_null();
            return unrepresentable(why);
        }
        let lens: Vec<usize> = dimensions.iter().map(|dimension| dimension.len).collect();
        let count = lens.iter().copied().fold(1, usize::saturating_mul);
        let extra = if lens.is_empty() { 0 } else { count.saturating_mul(self.element_bytes) };
        if extra > MOST_EXTRA {
            self.append_null();
            return unrepresentable("its elements take too much memory");
        }
        self.extra = self.extra.saturating_add(extra);
        self.append_lists(&lens, &mut array.elements(), &mut Vec::new(), texts)
    }

    /// Adds a list of so many lists or elements.
    pub(crate) fn append_lists(
        &mut self,
        lens: &[usize],
        elements: &mut Elements<'_>,
        scratch: &mut Vec<u8>,
        texts: &Texts,
    ) -> Result {
        let (count, lens) = match lens.split_first() {
            Some((count, lens)) => (*count, lens),
            None => (0, lens),
        };
        let mut done = Ok(());
        for _ in 0..count {
            let one = match &mut self.inner {
                Inner::Lists(list) => list.append_lists(lens, elements, scratch, texts),
                Inner::Elements(column) => {
                    let text = elements.next().flatten();
                    column.append(text.as_ref().map(|text| text.value_in(scratch)), texts)
                }
            };
            // What follows is added all the same: each list has as many as it says.
            done = done.and(one);
        }
        self.end(count, done.is_ok());
        done
    }

    pub(crate) fn append_ranges(&mut self, ranges: &Multirange<'_>, texts: &Texts) -> Result {
        let (mut done, mut count) = (Ok(()), 0);
        if let Inner::Elements(column) = &mut self.inner
            && let Column::Range(columns) = &mut **column
        {
            for range in ranges.ranges() {
                done = done.and(columns.append(Some(range), texts));
                count += 1;
            }
        }
        self.end(count, done.is_ok());
        done
    }

    pub(crate) fn append_numbers(&mut self, text: &[u8], texts: &Texts) -> Result {
        let (mut done, mut count) = (Ok(()), 0);
        if let Inner::Elements(column) = &mut self.inner
            && !text.is_empty()
        {
            for number in text.split(|byte| *byte == b' ') {
                done = done.and(column.append(Some(number), texts));
                count += 1;
            }
        }
        self.end(count, done.is_ok());
        done
    }

    pub(crate) fn finish(&mut self) -> Result<ListArray, ArrowError> {
        let values: ArrayRef = match &mut self.inner {
            Inner::Lists(list) => Arc::new(list.finish()?),
            Inner::Elements(column) => column.finish()?,
        };
        let offsets = offsets(&mut self.offsets);
        self.extra = 0;
        ListArray::try_new(Arc::clone(&self.field), offsets, values, self.nulls.finish())
    }
}

/// What places are so far. They begin again.
fn offsets(places: &mut Vec<i32>) -> OffsetBuffer<i32> {
    OffsetBuffer::new(std::mem::replace(places, vec![0]).into())
}

impl Struct {
    pub(crate) fn append(&mut self, composite: Option<Composite<'_>>, texts: &Texts) -> Result {
        let Some(composite) = composite else {
            self.append_null();
            return invalid("is no value of the composite type");
        };
        let mut fields = composite.fields();
        let mut scratch = Vec::new();
        let (mut done, mut missing) = (Ok(()), false);
        for column in &mut self.columns {
            let field = fields.next();
            missing |= field.is_none();
            let text = field.flatten();
            let one = column.append(text.as_ref().map(|text| text.value_in(&mut scratch)), texts);
            done = done.and(one);
        }
        if missing || fields.next().is_some() {
            done = invalid("has another number of fields than the composite type");
        }
        match done {
            Ok(()) => self.nulls.append_non_null(),
            Err(_) => self.nulls.append_null(),
        }
        done
    }

    pub(crate) fn finish(&mut self) -> Result<StructArray, ArrowError> {
        let columns = self.columns.iter_mut().map(Column::finish).collect::<Result<_, _>>()?;
        StructArray::try_new(self.fields.clone(), columns, self.nulls.finish())
    }

    pub(crate) fn append_null(&mut self) {
        self.columns.iter_mut().for_each(Column::append_null);
        self.nulls.append_null();
    }
}

impl RangeColumn {
    pub(crate) fn new(bound: &Kind) -> RangeColumn {
        RangeColumn {
            fields: range_fields(bound),
            lower: Column::new(bound),
            upper: Column::new(bound),
            flags: [BooleanBuilder::new(), BooleanBuilder::new(), BooleanBuilder::new()],
            nulls: NullBufferBuilder::new(0),
        }
    }

    pub(crate) fn append(&mut self, range: Option<Range<'_>>, texts: &Texts) -> Result {
        let (lower, upper, flags) = match range {
            None => {
                self.append_null();
                return invalid("is no range");
            }
            Some(Range::Empty) => (None, None, [false, false, true]),
            Some(Range::Between { lower, upper, lower_inclusive, upper_inclusive }) => {
                (lower, upper, [lower_inclusive, upper_inclusive, false])
            }
        };
        let mut scratch = Vec::new();
        let mut done = Ok(());
        for (column, bound) in [(&mut self.lower, lower), (&mut self.upper, upper)] {
            let text = bound.as_ref().map(|bound| bound.value_in(&mut scratch));
            done = done.and(column.append(text, texts));
        }
        for (builder, flag) in self.flags.iter_mut().zip(flags) {
            builder.append_value(flag);
        }
        match done {
            Ok(()) => self.nulls.append_non_null(),
            Err(_) => self.nulls.append_null(),
        }
        done
    }

    pub(crate) fn append_null(&mut self) {
        self.lower.append_null();
        self.upper.append_null();
        self.flags.iter_mut().for_each(BooleanBuilder::append_null);
        self.nulls.append_null();
    }

    pub(crate) fn finish(&mut self) -> Result<StructArray, ArrowError> {
        let mut columns = vec![self.lower.finish()?, self.upper.finish()?];
        columns.extend(self.flags.iter_mut().map(|flags| Arc::new(flags.finish()) as ArrayRef));
        StructArray::try_new(self.fields.clone(), columns, self.nulls.finish())
    }
}

impl Map {
    pub(crate) fn append(&mut self, hstore: Option<Hstore<'_>>, texts: &Texts) -> Result {
        let Some(hstore) = hstore else {
            self.end(false);
            return invalid("is no hstore, which the name of the type says");
        };
        let (mut key_text, mut value_text) = (Vec::new(), Vec::new());
        for (key, value) in hstore.pairs() {
            let key = texts.of(key.value_in(&mut key_text));
            let value = value.as_ref().map(|value| texts.of(value.value_in(&mut value_text)));
            let done = match (&key, value) {
                (None, _) | (_, Some(None)) => invalid("is not text in its encoding"),
                (Some(key), value) => {
                    let value = value.flatten();
                    let longer = value.as_ref().map_or(0, |value| value.len());
                    if fits(self.keys.values_slice(), key.len())
                        && fits(self.values.values_slice(), longer)
                    {
                        self.keys.append_value(key);
                        self.values.append_option(value);
                        Ok(())
                    } else {
                        unrepresentable(TOO_LONG)
                    }
                }
            };
            if done.is_err() {
                self.end(false);
                return done;
            }
        }
        self.end(true);
        Ok(())
    }

    /// Ends a map with the pairs that were added.
    pub(crate) fn end(&mut self, valid: bool) {
        // There are fewer pairs than bytes in a batch.
        self.offsets.push(i32::try_from(self.keys.len()).unwrap_or(i32::MAX));
        match valid {
            true => self.nulls.append_non_null(),
            false => self.nulls.append_null(),
        }
    }

    pub(crate) fn finish(&mut self) -> Result<MapArray, ArrowError> {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(self.keys.finish()), Arc::new(self.values.finish())];
        let entries = StructArray::try_new(map_fields(), columns, None)?;
        let offsets = offsets(&mut self.offsets);
        MapArray::try_new(Arc::clone(&self.field), offsets, entries, self.nulls.finish(), false)
    }
}

impl Vector {
    pub(crate) fn append(&mut self, text: &[u8]) -> Result {
        self.scratch.clear();
        let parsed = value::vector(text, &mut self.scratch);
        let count = i32::try_from(self.scratch.len()).ok();
        if parsed.is_none() || count.is_none() || self.len.is_some() && self.len != count {
            self.append_null();
            return invalid("is no vector of the type, which its name says");
        }
        self.numbers.append_slice(&self.scratch);
        self.end();
        self.nulls.append_non_null();
        Ok(())
    }

    pub(crate) fn append_null(&mut self) {
        // Those of a fixed length have numbers where they are NULL, too.
        for _ in 0..self.len.unwrap_or(0) {
            self.numbers.append_value(0.0);
        }
        self.end();
        self.nulls.append_null();
    }

    pub(crate) fn end(&mut self) {
        self.offsets.push(i32::try_from(self.numbers.len()).unwrap_or(i32::MAX));
    }

    pub(crate) fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let numbers: ArrayRef = Arc::new(self.numbers.finish());
        let (field, nulls) = (Arc::clone(&self.field), self.nulls.finish());
        let offsets = offsets(&mut self.offsets);
        Ok(match self.len {
            Some(len) => Arc::new(FixedSizeListArray::try_new(field, len, numbers, nulls)?),
            None => Arc::new(ListArray::try_new(field, offsets, numbers, nulls)?),
        })
    }
}
