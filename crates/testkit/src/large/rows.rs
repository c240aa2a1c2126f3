//! COPY text that looks like what is in databases: numbers, times, words, NULLs, JSON.

use std::io::Write;

use super::LAST_TABLE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Orders,
    Events,
    Last,
}

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Table::Orders => "orders",
            Table::Events => "events",
            Table::Last => LAST_TABLE,
        }
    }

    fn typed_columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Table::Orders => &[
                ("id", "bigint NOT NULL"),
                ("customer_id", "integer NOT NULL"),
                ("status", "text DEFAULT 'new'::text NOT NULL"),
                ("placed_at", "timestamp with time zone DEFAULT now() NOT NULL"),
                ("shipped_at", "timestamp with time zone"),
                ("total", "numeric(12,2) NOT NULL"),
                ("currency", "character(3) NOT NULL"),
                ("note", "text"),
                ("attributes", "jsonb DEFAULT '{}'::jsonb NOT NULL"),
            ],
            Table::Events => &[
                ("id", "bigint NOT NULL"),
                ("happened_at", "timestamp with time zone NOT NULL"),
                ("session", "uuid NOT NULL"),
                ("user_id", "integer"),
                ("kind", "text NOT NULL"),
                ("path", "text NOT NULL"),
                ("agent", "text"),
                ("duration_ms", "integer"),
                ("properties", "jsonb"),
            ],
            Table::Last => &[("id", "integer NOT NULL"), ("city", "text NOT NULL")],
        }
    }

    pub(super) fn columns(self) -> Vec<&'static str> {
        self.typed_columns().iter().map(|(name, _)| *name).collect()
    }

    /// Its CREATE TABLE.
    pub(super) fn create(self, name: &str) -> String {
        let columns: Vec<_> =
            self.typed_columns().iter().map(|(name, kind)| format!("    {name} {kind}")).collect();
        format!("CREATE TABLE {name} (\n{}\n);\n", columns.join(",\n"))
    }
}

/// The rows of a table, one at a time, and at last what ends COPY text.
pub(super) struct Rows {
    table: Table,
    random: Random,
    /// At least so many bytes, or 20 rows.
    bytes: u64,
    written: u64,
    id: u64,
    row: Vec<u8>,
    ended: bool,
}

impl Rows {
    pub(super) fn new(table: Table, seed: u64, bytes: u64) -> Self {
        let random = Random::new(seed);
        Rows { table, random, bytes, written: 0, id: 0, row: Vec::new(), ended: false }
    }

    pub(super) fn next_row(&mut self) -> Option<&[u8]> {
        self.row.clear();
        if self.ended {
            return None;
        }
        if self.id >= 20 && self.written >= self.bytes {
            self.ended = true;
            return Some(b"\\.\n\n\n");
        }
        self.id += 1;
        let mut row = std::mem::take(&mut self.row);
        match self.table {
            Table::Orders => order(self.id, &mut self.random, &mut row),
            Table::Events => event(self.id, &mut self.random, &mut row),
            Table::Last => text(&mut row, format_args!("{}\tSpringfield {}\n", self.id, self.id)),
        }
        self.row = row;
        self.written += self.row.len() as u64;
        Some(&self.row)
    }
}

fn order(id: u64, random: &mut Random, row: &mut Vec<u8>) {
    let customer = random.below(200_000);
    let status = random.pick(&["new", "paid", "shipped", "shipped", "delivered", "returned"]);
    text(row, format_args!("{id}\t{customer}\t{status}\t"));
    let placed = id * 41 + random.below(40);
    time(placed, random, row);
    row.push(b'\t');
    match status {
        "new" | "paid" => text(row, format_args!("\\N")),
        _ => time(placed + random.below(400_000), random, row),
    }
    let (total, cents) = (random.below(900), random.below(100));
    let currency = random.pick(&["EUR", "EUR", "USD", "GBP"]);
    text(row, format_args!("\t{total}.{cents:02}\t{currency}\t"));
    match random.below(3) {
        0 => text(row, format_args!("\\N")),
        // A line end within a text is two characters.
        1 => words(random, 3, 9, row),
        _ => {
            words(random, 4, 8, row);
            text(row, format_args!("\\n"));
            words(random, 6, 20, row);
        }
    }
    let (sku, quantity) = (random.below(100_000), 1 + random.below(5));
    let channel = random.pick(&["web", "app", "store"]);
    let weight = random.below(10_000);
    text(
        row,
        format_args!(
            "\t{{\"sku\": \"A-{sku:06}\", \"gift\": {}, \"channel\": \"{channel}\", \
             \"quantity\": {quantity}, \"weight_g\": {weight}}}\n",
            random.below(10) == 0
        ),
    );
}

fn event(id: u64, random: &mut Random, row: &mut Vec<u8>) {
    text(row, format_args!("{id}\t"));
    time(id * 2 + random.below(2), random, row);
    let (high, low) = (random.next(), random.next());
    text(
        row,
        format_args!(
            "\t{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}\t",
            high >> 32,
            high & 0xffff,
            (high >> 16) & 0xfff,
            low & 0xfff,
            low >> 16
        ),
    );
    match random.below(4) {
        0 => text(row, format_args!("\\N")),
        _ => text(row, format_args!("{}", random.below(200_000))),
    }
    let kind = random.pick(&["view", "view", "view", "click", "search", "purchase"]);
    text(row, format_args!("\t{kind}\t/"));
    for _ in 0..1 + random.below(3) {
        text(row, format_args!("{}/", random.word()));
    }
    let agent = random.pick(&[
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 \
         Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
        "\\N",
    ]);
    text(row, format_args!("{}\t{agent}\t{}\t", random.below(1000), random.below(30_000)));
    match random.below(3) {
        0 => text(row, format_args!("\\N\n")),
        _ => {
            let (x, y) = (random.below(1920), random.below(1080));
            let word = random.word();
            let score = random.below(1_000_000);
            text(
                row,
                format_args!(
                    "{{\"x\": {x}, \"y\": {y}, \"label\": \"{word}\", \"score\": 0.{score:06}}}\n"
                ),
            );
        }
    }
}

/// The bytes of a large object.
pub(super) fn large_object(oid: u32) -> Vec<u8> {
    let mut random = Random::new(u64::from(oid));
    let mut bytes = Vec::new();
    words(&mut random, 6, 20, &mut bytes);
    bytes
}

/// Writing to memory does not fail.
fn text(row: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = row.write_fmt(text);
}

/// So many seconds after some day, in months of 28 days.
fn time(seconds: u64, random: &mut Random, row: &mut Vec<u8>) {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = (2016 + days / 336 % 10, 1 + days % 336 / 28, 1 + days % 28);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let micros = random.below(1_000_000);
    text(
        row,
        format_args!(
            "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}.{micros:06}+00",
            second % 60
        ),
    );
}

fn words(random: &mut Random, least: u64, most: u64, row: &mut Vec<u8>) {
    for n in 0..least + random.below(most - least) {
        if n > 0 {
            row.push(b' ');
        }
        row.extend_from_slice(random.word().as_bytes());
    }
}

/// xorshift64*: small, fast, and the same everywhere.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((self.next() >> 32) * n) >> 32
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    /// Words in front come more often.
    fn word(&mut self) -> &'static str {
        let n = WORDS.len() as u64;
        WORDS[self.below(n).min(self.below(n)) as usize]
    }
}

const WORDS: [&str; 96] = [
    "the",
    "order",
    "please",
    "deliver",
    "to",
    "and",
    "customer",
    "before",
    "with",
    "address",
    "package",
    "invoice",
    "not",
    "after",
    "call",
    "phone",
    "door",
    "neighbour",
    "gift",
    "wrap",
    "return",
    "refund",
    "damaged",
    "box",
    "express",
    "standard",
    "shipping",
    "warehouse",
    "stock",
    "delay",
    "urgent",
    "morning",
    "evening",
    "street",
    "house",
    "floor",
    "garage",
    "leave",
    "sign",
    "signature",
    "required",
    "fragile",
    "heavy",
    "glass",
    "bottle",
    "book",
    "shirt",
    "blue",
    "red",
    "green",
    "large",
    "small",
    "medium",
    "size",
    "color",
    "exchange",
    "voucher",
    "discount",
    "coupon",
    "payment",
    "card",
    "bank",
    "transfer",
    "cash",
    "received",
    "confirmed",
    "pending",
    "cancelled",
    "error",
    "system",
    "retry",
    "manual",
    "check",
    "quality",
    "inspection",
    "passed",
    "failed",
    "replacement",
    "spare",
    "part",
    "warranty",
    "repair",
    "service",
    "appointment",
    "technician",
    "window",
    "kitchen",
    "garden",
    "chair",
    "table",
    "lamp",
    "café",
    "straße",
    "naïve",
    "日本",
    "zażółć",
];
