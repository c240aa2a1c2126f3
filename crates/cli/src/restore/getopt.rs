//! Command lines as GNU `getopt_long` takes them apart: long options may be cut short, short ones
//! may stand together, and what is no option may stand anywhere.

use std::collections::VecDeque;

/// An option: what it is called, and what it means to the caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opt<T> {
    pub(super) long: Option<&'static str>,
    pub(super) short: Option<u8>,
    pub(super) takes_value: bool,
    pub(super) id: T,
}

/// What stands next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<T> {
    Option(T, Option<Vec<u8>>),
    /// What is no option; they come last.
    Operand(Vec<u8>),
}

/// A command line that is being taken apart.
#[derive(Debug)]
pub(super) struct GetOpt<'a, T> {
    table: &'a [Opt<T>],
    /// Long options that nothing in the table may mean, however short it is cut.
    own: &'a [Opt<T>],
    /// Whether an exact match of an own option wins over an abbreviation of pg_restore's.
    own_first: bool,
    args: VecDeque<Vec<u8>>,
    /// Short options that stand together, as far as they are still to come.
    cluster: Vec<u8>,
    operands: VecDeque<Vec<u8>>,
}

impl<'a, T: Copy + PartialEq> GetOpt<'a, T> {
    pub(super) fn new(table: &'a [Opt<T>], args: impl IntoIterator<Item = Vec<u8>>) -> Self {
        GetOpt {
            table,
            own: &[],
            own_first: false,
            args: args.into_iter().collect(),
            cluster: Vec::new(),
            operands: VecDeque::new(),
        }
    }

    /// With options that no table of the original has.
    pub(super) fn with_own(self, own: &'a [Opt<T>], own_first: bool) -> Self {
        GetOpt { own, own_first, ..self }
    }

    /// The next option or operand; an error is what getopt says, without a program's name.
    pub(super) fn next(&mut self) -> Result<Option<Item<T>>, Vec<u8>> {
        loop {
            if !self.cluster.is_empty() {
                return self.short().map(Some);
            }
            let Some(arg) = self.args.pop_front() else {
                return Ok(self.operands.pop_front().map(Item::Operand));
            };
            if arg == b"--" {
                self.operands.append(&mut self.args);
            } else if let Some(long) = arg.strip_prefix(b"--") {
                return self.long(long).map(Some);
            } else if arg.len() > 1 && arg[0] == b'-' {
                self.cluster = arg[1..].to_vec();
            } else {
                self.operands.push_back(arg);
            }
        }
    }

    fn short(&mut self) -> Result<Item<T>, Vec<u8>> {
        let letter = self.cluster.remove(0);
        // Under the original's name nobody asks for what it does not have.
        let own = self.own.iter().filter(|_| self.own_first);
        let Some(opt) = self.table.iter().chain(own).find(|opt| opt.short == Some(letter)) else {
            return Err([b"invalid option -- '", &[letter][..], b"'"].concat());
        };
        if !opt.takes_value {
            return Ok(Item::Option(opt.id, None));
        }
        let rest = std::mem::take(&mut self.cluster);
        let value = if rest.is_empty() { self.args.pop_front() } else { Some(rest) };
        match value {
            Some(value) => Ok(Item::Option(opt.id, Some(value))),
            None => Err([b"option requires an argument -- '", &[letter][..], b"'"].concat()),
        }
    }

    fn long(&mut self, arg: &[u8]) -> Result<Item<T>, Vec<u8>> {
        let (name, value) = match arg.iter().position(|byte| *byte == b'=') {
            Some(at) => (&arg[..at], Some(arg[at + 1..].to_vec())),
            None => (arg, None),
        };
        let mut opt = self.find(name, arg)?;
        if value.is_some() && !opt.takes_value && self.own_first {
            // One of ours may have the same name, and a value.
            let own = self.own.iter().find(|own| own.long == opt.long && own.takes_value);
            opt = own.copied().unwrap_or(opt);
        }
        let long = opt.long.unwrap_or_default();
        match (opt.takes_value, value) {
            (false, None) => Ok(Item::Option(opt.id, None)),
            (false, Some(_)) => Err(format!("option '--{long}' doesn't allow an argument").into()),
            (true, value) => match value.or_else(|| self.args.pop_front()) {
                Some(value) => Ok(Item::Option(opt.id, Some(value))),
                None => Err(format!("option '--{long}' requires an argument").into()),
            },
        }
    }

    /// The option with this name, or the only one that begins so.
    fn find(&self, name: &[u8], arg: &[u8]) -> Result<Opt<T>, Vec<u8>> {
        let named = |opt: &&Opt<T>| opt.long.is_some_and(|long| long.as_bytes() == name);
        if let Some(opt) = self.table.iter().find(named) {
            return Ok(*opt);
        }
        if let Some(opt) = self.own.iter().find(named).filter(|_| self.own_first) {
            return Ok(*opt);
        }
        let begins = |opt: &&Opt<T>| opt.long.is_some_and(|long| long.as_bytes().starts_with(name));
        let table = if self.table.iter().any(|opt| begins(&opt)) { self.table } else { self.own };
        if let Some(opt) = table.iter().find(named) {
            return Ok(*opt);
        }
        let mut candidates = table.iter().filter(begins);
        let Some(first) = candidates.next() else {
            return Err([b"unrecognized option '--", arg, b"'"].concat());
        };
        // Two names of one option are not two options.
        let others: Vec<&str> =
            candidates.filter(|opt| opt.id != first.id).filter_map(|opt| opt.long).collect();
        if others.is_empty() {
            return Ok(*first);
        }
        let mut text = [b"option '--", arg, b"' is ambiguous; possibilities:"].concat();
        for name in first.long.into_iter().chain(others) {
            text.extend_from_slice(format!(" '--{name}'").as_bytes());
        }
        Err(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Opt<char>] = &[
        Opt { long: Some("clean"), short: Some(b'c'), takes_value: false, id: 'c' },
        Opt { long: Some("create"), short: Some(b'C'), takes_value: false, id: 'C' },
        Opt { long: Some("file"), short: Some(b'f'), takes_value: true, id: 'f' },
        Opt { long: Some("no-privileges"), short: Some(b'x'), takes_value: false, id: 'x' },
        Opt { long: Some("no-acl"), short: None, takes_value: false, id: 'x' },
        Opt { long: Some("no-data"), short: None, takes_value: false, id: '0' },
        Opt { long: Some("no-data-for"), short: None, takes_value: false, id: '1' },
    ];

    fn parse(line: &str) -> Result<String, String> {
        let args = line.split(' ').map(|arg| arg.as_bytes().to_vec());
        let mut getopt = GetOpt::new(TABLE, args);
        let mut out = String::new();
        loop {
            match getopt.next().map_err(|text| String::from_utf8(text).unwrap())? {
                None => return Ok(out),
                Some(Item::Operand(text)) => out += &String::from_utf8(text).unwrap(),
                Some(Item::Option(id, None)) => out.push(id),
                Some(Item::Option(id, Some(value))) => {
                    out += &format!("{id}={}", String::from_utf8(value).unwrap());
                }
            }
            out.push(' ');
        }
    }

    #[test]
    fn lines() {
        for (line, items) in [
            ("-cCx", "c C x "),
            ("-cfout -x", "c f=out x "),
            ("-f out in -c", "f=out c in "),
            ("--file=out --cl -", "f=out c - "),
            ("--file out -- -c", "f=out -c "),
            ("--fi -c", "f=-c "),
            ("--no-data", "0 "),
            ("--no-a", "x "),
            ("--no-data-", "1 "),
        ] {
            assert_eq!(parse(line).as_deref(), Ok(items), "{line}");
        }
    }

    #[test]
    fn own_options() {
        const OWN: &[Opt<char>] = &[
            Opt { long: Some("fil"), short: None, takes_value: true, id: '2' },
            Opt { long: Some("with-it"), short: None, takes_value: false, id: '3' },
            Opt { long: Some("create"), short: None, takes_value: true, id: '4' },
        ];
        let first = |arg: &str, own_first| {
            let args = [arg.as_bytes().to_vec()];
            GetOpt::new(TABLE, args).with_own(OWN, own_first).next().unwrap()
        };
        let with = |id| Some(Item::Option(id, Some(b"x".to_vec())));
        assert_eq!(first("--fil=x", false), with('f'));
        assert_eq!(first("--fil=x", true), with('2'));
        assert_eq!(first("--fi=x", true), with('f'));
        assert_eq!(first("--create=x", true), with('4'));
        assert_eq!(first("--create", true), Some(Item::Option('C', None)));
        assert_eq!(first("--with", false), Some(Item::Option('3', None)));
    }

    #[test]
    fn refusals() {
        for (line, text) in [
            ("-cQ", "invalid option -- 'Q'"),
            ("-f", "option requires an argument -- 'f'"),
            ("--file", "option '--file' requires an argument"),
            ("--cl=1", "option '--clean' doesn't allow an argument"),
            (
                "--no=1",
                "option '--no=1' is ambiguous; possibilities: '--no-privileges' '--no-data' '--no-data-for'",
            ),
            ("--nope=1", "unrecognized option '--nope=1'"),
        ] {
            assert_eq!(parse(line).unwrap_err(), text, "{line}");
        }
    }
}
