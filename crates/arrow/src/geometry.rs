//! PostGIS's texts into bytes: hexadecimal EWKB, and ISO WKB.

/// Geometries in one another, at most.
const DEEPEST: usize = 32;

const HAS_Z: u32 = 0x8000_0000;
const HAS_M: u32 = 0x4000_0000;
const HAS_SRID: u32 = 0x2000_0000;

/// Why there is no geometry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoGeometry {
    Malformed,
    /// It has another SRID than the column.
    OtherSrid,
}

/// The bytes of a hexadecimal text.
pub(crate) fn ewkb(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() || text.is_empty() {
        return None;
    }
    for pair in pairs {
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        out.push(digit(pair[0])? << 4 | digit(pair[1])?);
    }
    Some(())
}

/// EWKB into ISO WKB, which says Z and M by the number of the type, and has no SRID.
pub(crate) fn iso_wkb(ewkb: &[u8], srid: i32, out: &mut Vec<u8>) -> Result<(), NoGeometry> {
    let mut from = From { rest: ewkb, out };
    from.geometry(Some(srid), 0)?;
    match from.rest {
        [] => Ok(()),
        _ => Err(NoGeometry::Malformed),
    }
}

struct From<'a> {
    rest: &'a [u8],
    out: &'a mut Vec<u8>,
}

impl From<'_> {
    fn take(&mut self, len: usize) -> Result<&[u8], NoGeometry> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(NoGeometry::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, little: bool) -> Result<u32, NoGeometry> {
        let bytes = self.take(4)?.try_into().map_err(|_| NoGeometry::Malformed)?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn put(&mut self, number: u32, little: bool) {
        let bytes = if little { number.to_le_bytes() } else { number.to_be_bytes() };
        self.out.extend_from_slice(&bytes);
    }

    /// A number of things, which are copied as they are.
    fn counted(&mut self, little: bool) -> Result<u32, NoGeometry> {
        let count = self.number(little)?;
        self.put(count, little);
        Ok(count)
    }

    fn points(&mut self, count: u32, dimensions: usize) -> Result<(), NoGeometry> {
        let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(dimensions * 8));
        let (points, rest) =
            len.and_then(|len| self.rest.split_at_checked(len)).ok_or(NoGeometry::Malformed)?;
        self.out.extend_from_slice(points);
        self.rest = rest;
        Ok(())
    }

    fn geometry(&mut self, srid: Option<i32>, depth: usize) -> Result<(), NoGeometry> {
        let order = self.take(1)?[0];
        let little = match order {
            0 => false,
            1 => true,
            _ => return Err(NoGeometry::Malformed),
        };
        let flagged = self.number(little)?;
        let base = flagged & !(HAS_Z | HAS_M | HAS_SRID);
        let found = match flagged & HAS_SRID {
            0 => 0,
            _ => self.number(little)?.cast_signed(),
        };
        match srid {
            Some(srid) if srid != found => return Err(NoGeometry::OtherSrid),
            None if flagged & HAS_SRID != 0 => return Err(NoGeometry::Malformed),
            _ => {}
        }
        let (z, m) = (flagged & HAS_Z != 0, flagged & HAS_M != 0);
        let dimensions = 2 + usize::from(z) + usize::from(m);
        self.out.push(order);
        self.put(base + 1_000 * u32::from(z) + 2_000 * u32::from(m), little);
        match base {
            // Point.
            1 => self.points(1, dimensions),
            // LineString and CircularString.
            2 | 8 => {
                let count = self.counted(little)?;
                self.points(count, dimensions)
            }
            // Polygon and Triangle: rings.
            3 | 17 => {
                for _ in 0..self.counted(little)? {
                    let count = self.counted(little)?;
                    self.points(count, dimensions)?;
                }
                Ok(())
            }
            // Geometries of geometries.
            4..=7 | 9..=12 | 15 | 16 if depth < DEEPEST => {
                for _ in 0..self.counted(little)? {
                    self.geometry(None, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(NoGeometry::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(hex: &str, srid: i32) -> Result<String, NoGeometry> {
        let (mut bytes, mut out) = (Vec::new(), Vec::new());
        ewkb(hex.as_bytes(), &mut bytes).ok_or(NoGeometry::Malformed)?;
        iso_wkb(&bytes, srid, &mut out)?;
        Ok(out.iter().map(|byte| format!("{byte:02X}")).collect())
    }

    /// What PostGIS prints, and what its function `ST_AsBinary` gives.
    #[test]
    fn flags_become_numbers_of_types() {
        let one = "000000000000F03F";
        let two = "0000000000000040";
        // POINT(1 2), SRID 4326.
        assert_eq!(
            iso(&format!("0101000020E6100000{one}{two}"), 4326),
            Ok(format!("0101000000{one}{two}"))
        );
        // POINT Z and POINT M without an SRID.
        assert_eq!(
            iso(&format!("0101000080{one}{two}{one}"), 0),
            Ok(format!("01E9030000{one}{two}{one}"))
        );
        assert_eq!(
            iso(&format!("0101000040{one}{two}{one}"), 0),
            Ok(format!("01D1070000{one}{two}{one}"))
        );
        // POINT ZM.
        let point = format!("{one}{two}{one}{two}");
        assert_eq!(iso(&format!("01010000C0{point}"), 0), Ok(format!("01B90B0000{point}")));
        // A collection: the SRID is the outermost's alone.
        assert_eq!(
            iso(
                &format!("01070000A0E61000000100000001010000 80{one}{two}{one}").replace(' ', ""),
                4326
            ),
            Ok(format!("01EF0300000100000001E9030000{one}{two}{one}"))
        );
        // LINESTRING EMPTY, big-endian.
        assert_eq!(iso("000000000200000000", 0), Ok("000000000200000000".to_owned()));
        assert_eq!(iso(&format!("0101000020E6100000{one}{two}"), 3857), Err(NoGeometry::OtherSrid));
        for wrong in [
            "",
            "0",
            "zz",
            "02",
            "0101000000",
            "010200000001000000",
            "0102000000FFFFFFFF",
            "01630000000000000000",
        ] {
            assert_eq!(iso(wrong, 0), Err(NoGeometry::Malformed), "{wrong}");
        }
        assert_eq!(iso(&format!("0101000000{one}{two}00"), 0), Err(NoGeometry::Malformed));
        let nested = "010700000001000000".repeat(40) + "010700000000000000";
        assert_eq!(iso(&nested, 0), Err(NoGeometry::Malformed));
    }
}
