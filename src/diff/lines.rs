//! The difference of two texts, line by line.

/// What a line of a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// A line of both.
    Same,
    /// A line of the first alone.
    Removed,
    /// A line of the second alone.
    Added,
}

/// A line of a difference.
///
/// See the example of [`Comparison`](super::Comparison).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Which text has it.
    pub kind: LineKind,
    /// The line without its end. It is in UTF-8, unless the archive has bytes that are not text.
    pub text: Vec<u8>,
}

/// How far two texts may differ and still be aligned as well as can be: what it takes grows with the
/// square.
const MOST: usize = 1_000;

/// The difference of two lists of lines, as short as possible (E. Myers, "An O(ND) Difference
/// Algorithm and Its Variations", 1986). Lists with more than [`MOST`] differences are shown one
/// after the other.
pub(super) fn difference<'l>(a: &[&'l [u8]], b: &[&'l [u8]]) -> Vec<Line> {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a_rest, b_rest) = (&a[start..], &b[start..]);
    let end = a_rest.iter().rev().zip(b_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a_rest, b_rest) = (&a_rest[..a_rest.len() - end], &b_rest[..b_rest.len() - end]);
    let line = |kind: LineKind| move |text: &&[u8]| Line { kind, text: text.to_vec() };
    let mut lines: Vec<Line> = a[..start].iter().map(line(LineKind::Same)).collect();
    match path(a_rest, b_rest) {
        Some(steps) => {
            let (mut x, mut y) = (0, 0);
            for kind in steps {
                let text = if kind == LineKind::Added { &b_rest[y] } else { &a_rest[x] };
                lines.push(line(kind)(text));
                x += usize::from(kind != LineKind::Added);
                y += usize::from(kind != LineKind::Removed);
            }
        }
        None => {
            lines.extend(a_rest.iter().map(line(LineKind::Removed)));
            lines.extend(b_rest.iter().map(line(LineKind::Added)));
        }
    }
    lines.extend(a[a.len() - end..].iter().map(line(LineKind::Same)));
    lines
}

/// The steps from one list to the other.
fn path(a: &[&[u8]], b: &[&[u8]]) -> Option<Vec<LineKind>> {
    if a.is_empty() || b.is_empty() {
        let removed = a.iter().map(|_| LineKind::Removed);
        return Some(removed.chain(b.iter().map(|_| LineKind::Added)).collect());
    }
    let most = MOST.min(a.len() + b.len());
    // The furthest x on each diagonal x - y, from -most to most, with one more on both sides.
    let at = |diagonal: isize| (diagonal + most as isize + 1) as usize;
    let mut furthest = vec![0_usize; 2 * most + 3];
    // What it was before each round, for the diagonals of the round before alone.
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for round in 0..=most as isize {
        rounds.push(furthest[at(-round)..=at(round)].to_vec());
        for diagonal in (-round..=round).step_by(2) {
            let down = goes_down(&furthest, at(diagonal), diagonal, round);
            let mut x =
                if down { furthest[at(diagonal + 1)] } else { furthest[at(diagonal - 1)] + 1 };
            let mut y = (x as isize - diagonal) as usize;
            while x < a.len() && y < b.len() && a[x] == b[y] {
                (x, y) = (x + 1, y + 1);
            }
            furthest[at(diagonal)] = x;
            if x >= a.len() && y >= b.len() {
                return Some(back(&rounds, a.len(), b.len()));
            }
        }
    }
    None
}

fn goes_down(furthest: &[usize], at: usize, diagonal: isize, round: isize) -> bool {
    diagonal == -round || (diagonal != round && furthest[at - 1] < furthest[at + 1])
}

/// The steps that led to the end.
fn back(rounds: &[Vec<usize>], mut x: usize, mut y: usize) -> Vec<LineKind> {
    let mut steps = Vec::new();
    for (round, before) in rounds.iter().enumerate().rev() {
        let round = round as isize;
        let diagonal = x as isize - y as isize;
        if round == 0 {
            break;
        }
        let at = (diagonal + round) as usize;
        let down = diagonal == -round || (diagonal != round && before[at - 1] < before[at + 1]);
        let came_from = if down { diagonal + 1 } else { diagonal - 1 };
        let from_x = before[(came_from + round) as usize];
        let from_y = (from_x as isize - came_from) as usize;
        let (start_x, start_y) = if down { (from_x, from_y + 1) } else { (from_x + 1, from_y) };
        while x > start_x && y > start_y {
            steps.push(LineKind::Same);
            (x, y) = (x - 1, y - 1);
        }
        steps.push(if down { LineKind::Added } else { LineKind::Removed });
        (x, y) = (from_x, from_y);
    }
    steps.extend((0..x).map(|_| LineKind::Same));
    steps.reverse();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(a: &str, b: &str) -> String {
        let [a, b] = [a, b].map(|text| text.split(' ').filter(|line| !line.is_empty()));
        let [a, b] = [a, b].map(|lines| lines.map(str::as_bytes).collect::<Vec<_>>());
        let mut out = String::new();
        for line in difference(&a, &b) {
            out.push(match line.kind {
                LineKind::Same => ' ',
                LineKind::Removed => '-',
                LineKind::Added => '+',
            });
            out.push_str(std::str::from_utf8(&line.text).unwrap());
        }
        out
    }

    #[test]
    fn differences_are_short() {
        for (a, b, expected) in [
            ("", "", ""),
            ("a b c", "a b c", " a b c"),
            ("a b c", "a c", " a-b c"),
            ("a c", "a b c", " a+b c"),
            ("a b c", "a x c", " a-b+x c"),
            ("", "a b", "+a+b"),
            ("a b", "", "-a-b"),
            ("a b c a b b a", "c b a b a c", "-a-b c+b a b-b a+c"),
        ] {
            assert_eq!(shown(a, b), expected, "{a} to {b}");
        }
    }

    /// Whatever is shown, the lines of each side are those of its text, in order.
    #[test]
    fn both_sides_are_whole() {
        let mut random = fastrand::Rng::with_seed(1);
        for round in 0..500 {
            let mut text = |most: usize| -> Vec<[u8; 1]> {
                (0..random.usize(..=most)).map(|_| [b'a' + random.u8(..4)]).collect()
            };
            let most = if round < 490 { 12 } else { 1500 };
            let (a, b) = (text(most), text(most));
            let [a, b] = [&a, &b].map(|lines| lines.iter().map(|l| &l[..]).collect::<Vec<_>>());
            let lines = difference(&a, &b);
            let side = |other| lines.iter().filter(move |l| l.kind != other).map(|l| &l.text[..]);
            assert!(side(LineKind::Added).eq(a.iter().copied()), "{a:?} {b:?}");
            assert!(side(LineKind::Removed).eq(b.iter().copied()), "{a:?} {b:?}");
        }
    }
}
