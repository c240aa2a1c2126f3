//! `pgdmp deps`.

mod er;

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::input;
use crate::output::Output;
use crate::{Context, Exit, Failure, json, object};
use pgdmp::toc::Dependents;
use pgdmp::{Desc, Input, Toc, TocEntry};

/// Show the dependencies of an object, in either direction
///
/// Without OBJECT, the output has a tree for each object that no other object needs. A line that
/// ends in … stands for a tree that is printed elsewhere: above, or below as a tree of its own
/// where this one would become too deep.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pgdmp deps backup.dump public.orders             all that it needs, as a tree
  pgdmp deps --reverse backup.dump public.orders   all that needs it
  pgdmp deps backup.dump orders_view --why status  how one depends on the other
  pgdmp deps --dot backup.dump | dot -Tsvg > deps.svg
  pgdmp deps --er backup.dump > tables.mmd         tables and foreign keys, for Mermaid
  pgdmp deps --er --dot backup.dump orders         the same for Graphviz, around one table")]
pub(crate) struct Args {
    /// File, directory, or - for standard input
    archive: PathBuf,
    /// A name (orders, public.orders), a dump id, or a kind and a name
    object: Option<OsString>,
    /// Show the objects that need OBJECT, instead of those that it needs
    #[arg(short, long)]
    reverse: bool,
    /// Show the shortest path of dependencies from OBJECT to this object
    #[arg(long, value_name = "NEEDED", requires = "object", conflicts_with = "reverse")]
    why: Option<OsString>,
    /// Print at most this many levels
    #[arg(short, long, value_name = "N")]
    depth: Option<usize>,
    /// Print a graph for Graphviz
    #[arg(long, conflicts_with = "json")]
    dot: bool,
    /// Print a diagram of tables with their columns and foreign keys, in Mermaid's language
    ///
    /// With --dot it is for Graphviz. With OBJECT it has this table and those that foreign keys connect
    /// with it; --depth says how many steps away (by default 1).
    #[arg(long, conflicts_with_all = ["json", "reverse", "why"])]
    er: bool,
    /// Print JSON: {"schema_version": 1, "entries": […], "dependencies": [[from, to], …]}
    #[arg(long)]
    json: bool,
}

/// Dependencies in the direction that was asked for.
struct Graph<'a> {
    toc: &'a Toc,
    dependents: Dependents,
    reverse: bool,
}

impl<'a> Graph<'a> {
    /// Entries one step away, without duplicates, in the order of the archive or of the entry.
    fn next(&self, entry: TocEntry<'a>) -> Vec<TocEntry<'a>> {
        if self.reverse {
            let places: Vec<usize> = self.dependents.of(entry).map(|e| e.index()).collect();
            return places.into_iter().filter_map(|place| self.toc.get(place)).collect();
        }
        let mut seen = HashSet::new();
        let found = entry.dependencies().iter().filter_map(|id| self.toc.entry(*id));
        found.filter(|entry| seen.insert(entry.index())).collect()
    }

    /// Entries that nothing leads to.
    fn roots(&self) -> Vec<TocEntry<'a>> {
        let mut inner = vec![false; self.toc.len()];
        for entry in self.toc.entries() {
            for next in self.next(entry) {
                inner[next.index()] = true;
            }
        }
        self.toc.entries().filter(|e| !inner[e.index()] && !e.desc().is_special()).collect()
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (mut input, _) = input::open(&args.archive, context)?;
    let toc = input.toc();
    let find =
        |text: &OsString| object::find(toc, text.as_encoded_bytes(), "is not shown", |_| true);
    let start = args.object.as_ref().map(find).transpose()?;
    if let Some(entry) = start.filter(|entry| args.er && !is_table(*entry)) {
        return Err(Failure::Usage(format!("{} is no table", entry.name())));
    }
    let graph = Graph { toc, dependents: Dependents::new(toc), reverse: args.reverse };
    let mut out = Output::new();
    let mut exit = Exit::Done;
    let written = match (&args.why, start) {
        _ if args.er => {
            let language = match args.dot {
                true => er::Language::Graphviz,
                false => er::Language::Mermaid,
            };
            er::write(toc, start, args.depth.unwrap_or(1), language, &mut out)
        }
        (Some(target), Some(start)) => {
            let target = find(target)?;
            match shortest(&graph, start, target) {
                Some(path) => write_path(&path, &mut out),
                None => {
                    exit = Exit::Negative;
                    let (start, target) = (start.name().name, target.name().name);
                    writeln!(out, "{start} does not need {target}")
                }
            }
        }
        _ => {
            let roots = start.map_or_else(|| graph.roots(), |start| vec![start]);
            let depth = args.depth.unwrap_or(usize::MAX);
            if args.dot || args.json {
                write_graph(args, &input, &graph, &roots, depth, &mut out)
            } else {
                write_trees(&graph, &roots, depth, &mut out)
            }
        }
    };
    written.map_err(Failure::Output)?;
    out.finish()?;
    input::warn_of_surplus(&mut input, &args.archive);
    Ok(exit)
}

fn is_table(entry: TocEntry<'_>) -> bool {
    [Desc::TABLE, Desc::FOREIGN_TABLE].contains(&entry.desc())
}

fn label(entry: TocEntry<'_>) -> String {
    format!("{} {}", entry.dump_id(), entry.name().name)
}

/// A tree is unfolded no deeper than this: what a line begins with is as long as its depth. What is
/// below comes as a tree of its own.
const DEEPEST: usize = 32;

/// Trees, without recursion: what an archive depends on may go as deep as it likes, and round in
/// circles. What is unfolded elsewhere is not unfolded again.
fn write_trees<'a>(
    graph: &Graph<'a>,
    roots: &[TocEntry<'a>],
    depth: usize,
    out: &mut Output,
) -> io::Result<()> {
    let mut unfolded = vec![false; graph.toc.len()];
    for &root in roots {
        // Behind a tree those that go on below it, with the depth that they have.
        let mut rest = VecDeque::from([(root, 0)]);
        while let Some((root, above)) = rest.pop_front() {
            unfolded[root.index()] = true;
            write_tree(graph, (root, above), depth, &mut unfolded, &mut rest, out)?;
        }
    }
    Ok(())
}

fn write_tree<'a>(
    graph: &Graph<'a>,
    (root, above): (TocEntry<'a>, usize),
    depth: usize,
    unfolded: &mut [bool],
    rest: &mut VecDeque<(TocEntry<'a>, usize)>,
    out: &mut Output,
) -> io::Result<()> {
    writeln!(out, "{}", label(root))?;
    if depth == above {
        return Ok(());
    }
    // For each open level, what is still to be shown of it.
    let mut levels = vec![graph.next(root).into_iter().peekable()];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.next() else {
            levels.pop();
            continue;
        };
        let last = level.peek().is_none();
        let open = levels.len() - 1;
        for above in &mut levels[..open] {
            let more = above.peek().is_some();
            write!(out, "{}", if more { "│  " } else { "   " })?;
        }
        write!(out, "{} {}", if last { "└─" } else { "├─" }, label(entry))?;
        let next = graph.next(entry);
        let below = above + levels.len();
        if next.is_empty() || below >= depth {
            writeln!(out)?;
        } else if std::mem::replace(&mut unfolded[entry.index()], true) {
            writeln!(out, " …")?;
        } else if levels.len() == DEEPEST {
            writeln!(out, " …")?;
            rest.push_back((entry, below));
        } else {
            writeln!(out)?;
            levels.push(next.into_iter().peekable());
        }
    }
    Ok(())
}

/// The shortest way from one entry to another.
fn shortest<'a>(
    graph: &Graph<'a>,
    start: TocEntry<'a>,
    target: TocEntry<'a>,
) -> Option<Vec<TocEntry<'a>>> {
    let mut from: HashMap<usize, usize> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(entry) = queue.pop_front() {
        if entry.index() == target.index() {
            let mut path = vec![entry];
            let mut place = entry.index();
            while let Some(&before) = from.get(&place).filter(|_| place != start.index()) {
                path.extend(graph.toc.get(before));
                place = before;
            }
            path.reverse();
            return Some(path);
        }
        for next in graph.next(entry) {
            if next.index() != start.index() && !from.contains_key(&next.index()) {
                from.insert(next.index(), entry.index());
                queue.push_back(next);
            }
        }
    }
    None
}

fn write_path(path: &[TocEntry<'_>], out: &mut Output) -> io::Result<()> {
    for (n, entry) in path.iter().enumerate() {
        match n {
            0 => writeln!(out, "{}", label(*entry))?,
            n => {
                let indent = "   ".repeat(n.min(DEEPEST) - 1);
                writeln!(out, "{indent}└─ needs {}", label(*entry))?;
            }
        }
    }
    Ok(())
}

fn write_graph<'a>(
    args: &Args,
    input: &Input,
    graph: &Graph<'a>,
    roots: &[TocEntry<'a>],
    depth: usize,
    out: &mut Output,
) -> io::Result<()> {
    let mut seen: HashSet<usize> = roots.iter().map(TocEntry::index).collect();
    let mut queue: VecDeque<(TocEntry<'a>, usize)> = roots.iter().map(|root| (*root, 0)).collect();
    let (mut entries, mut edges) = (Vec::new(), Vec::new());
    while let Some((entry, level)) = queue.pop_front() {
        entries.push(entry);
        if level >= depth {
            continue;
        }
        for next in graph.next(entry) {
            // Arrows lead to what is needed, whichever way was asked for.
            edges.push(if args.reverse { (next, entry) } else { (entry, next) });
            if seen.insert(next.index()) {
                queue.push_back((next, level + 1));
            }
        }
    }
    if args.json {
        // One at a time: there may be millions.
        let objects = json::Entries::of(input);
        write!(out, "{{\"schema_version\": {},\n\"entries\": [", json::SCHEMA_VERSION)?;
        let mut separator = "\n";
        for entry in entries {
            out.write_all(separator.as_bytes())?;
            json::write(&objects.entry(entry).into(), out)?;
            separator = ",\n";
        }
        out.write_all(b"\n],\n\"dependencies\": [")?;
        let mut separator = "\n";
        for (a, b) in edges {
            write!(out, "{separator}[{},{}]", a.dump_id(), b.dump_id())?;
            separator = ",\n";
        }
        return out.write_all(b"\n]}\n");
    }
    out.write_all(b"digraph dependencies {\n  rankdir=LR;\n  node [shape=box];\n")?;
    for entry in entries {
        let name = entry.name().name;
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(out, "  {} [label=\"{name}\"];", entry.dump_id())?;
    }
    for (a, b) in edges {
        writeln!(out, "  {} -> {};", a.dump_id(), b.dump_id())?;
    }
    out.write_all(b"}\n")
}
