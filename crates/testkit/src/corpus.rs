//! The larger collection of archives, by ten releases of PostgreSQL and by other people, with what
//! `pg_restore` 18.6 says of them.
//!
//! It is not part of the repository. `PGDMP_CORPUS` names its folder; else it is looked for
//! beside the repository. Its README says what is in it.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::fixtures::bytes;

/// The pg_restore whose answers are ours.
pub const BY: &str = "18.6";

/// The folder; `None`, with a line that says so, without it.
pub fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let named = std::env::var_os("PGDMP_CORPUS").map(PathBuf::from);
    let folder = match &named {
        Some(folder) => folder,
        None => &beside,
    };
    if folder.join("manifest.json").exists() {
        return Some(folder.clone());
    }
    assert!(named.is_none(), "PGDMP_CORPUS: there is no corpus in {}", folder.display());
    crate::effort::skipped("no corpus at hand; PGDMP_CORPUS can name its folder");
    None
}

/// The outputs of all packs by name, unpacked once.
pub fn outputs(folder: &Path) -> &'static HashMap<String, Vec<u8>> {
    static OUTPUTS: OnceLock<HashMap<String, Vec<u8>>> = OnceLock::new();
    OUTPUTS.get_or_init(|| {
        let mut outputs = HashMap::new();
        let mut packs = 0;
        for folder in [folder.to_owned(), folder.join("wild")] {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if !(name.starts_with("expected-") && name.ends_with(".tar.zst")) {
                    continue;
                }
                packs += 1;
                let mut tar = tar::Archive::new(Unzstd::new(bytes(&path)));
                for member in tar.entries().unwrap() {
                    let mut member = member.unwrap();
                    let name = String::from_utf8(member.path_bytes().into_owned()).unwrap();
                    let mut data = Vec::new();
                    member.read_to_end(&mut data).unwrap();
                    outputs.insert(name, data);
                }
            }
        }
        assert_eq!(packs, 11, "packs of outputs");
        outputs
    })
}

/// A zstd stream.
struct Unzstd {
    context: zstd_safe::DCtx<'static>,
    packed: Vec<u8>,
    at: usize,
}

impl Unzstd {
    fn new(packed: Vec<u8>) -> Self {
        Unzstd { context: zstd_safe::DCtx::create(), packed, at: 0 }
    }
}

impl Read for Unzstd {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let mut output = zstd_safe::OutBuffer::around(buf);
        let mut input = zstd_safe::InBuffer::around(&self.packed[self.at..]);
        while output.pos() == 0 && input.pos() < input.src.len() {
            self.context.decompress_stream(&mut output, &mut input).unwrap();
        }
        self.at += input.pos();
        Ok(output.pos())
    }
}

/// An archive and the runs of `pg_restore` over it.
pub struct Recorded {
    pub name: String,
    pub path: PathBuf,
    pub runs: Vec<Run>,
}

/// A run of `pg_restore`.
pub struct Run {
    pub args: Vec<String>,
    pub stdin: bool,
    pub rc: i64,
    pub stdout: String,
}

pub fn archives(folder: &Path) -> Vec<Recorded> {
    let mut all = Vec::new();
    for (manifest, base) in
        [("manifest.json", folder.to_owned()), ("wild/manifest.json", folder.join("wild"))]
    {
        let manifest: Value = serde_json::from_slice(&bytes(&folder.join(manifest))).unwrap();
        for archive in manifest["archives"].as_array().unwrap() {
            let name = archive["path"].as_str().unwrap().to_owned();
            let runs = archive["expected"].as_array().unwrap().iter();
            let runs = runs.filter(|run| run["by"] == BY).map(|run| Run {
                args: texts(&run["args"]),
                stdin: run["stdin"] == true,
                rc: run["rc"].as_i64().unwrap_or(-1),
                stdout: run["stdout"].as_str().unwrap_or_default().to_owned(),
            });
            all.push(Recorded { path: base.join(&name), runs: runs.collect(), name });
        }
    }
    assert!(all.len() >= 281, "{}", all.len());
    all
}

pub fn texts(array: &Value) -> Vec<String> {
    array.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The script of a restore of everything.
pub fn whole_script<'a>(recorded: &Recorded, outputs: &'a HashMap<String, Vec<u8>>) -> &'a [u8] {
    let run = recorded
        .runs
        .iter()
        .find(|run| {
            !run.stdin
                && run.rc == 0
                && run.args == ["--restrict-key=corpus", "-f", "-", "{archive}"]
        })
        .unwrap_or_else(|| panic!("{}: no script", recorded.name));
    &outputs[&run.stdout]
}
