//! `cargo xtask dist`: the one file that is shipped, a static program for every Linux of its architecture. `elf.rs` says whether it is
//! static, `names.rs` whether it looks up names without asking itself, `packs.rs` whether it
//! packs. docs/install.md is for people.

mod elf;
mod names;
mod packs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How `dist` is called.
pub(crate) const USAGE: &str = "cargo xtask dist";

/// How large the file may be: it goes to every host, over links of every kind. The aim is 12 MB, which it had without the agent; a seventh of
/// it are tables for unwinding, without which a step that panics would end the run and not itself.
const LIMIT: u64 = 14_000_000;

/// A program that holds all that it needs.
const STATIC: &str = "-C target-feature=+crt-static";
/// What the linker of Rust on this architecture can do for its size: functions that are the same are one, and so are runs of relocations.
const SMALL: &str = if cfg!(target_arch = "x86_64") { "-C link-arg=-Wl,--icf=all,--pack-dyn-relocs=relr" } else { "" };

/// The journal uses no search in texts, no R-trees, no JSON and no extensions of SQLite.
const SQLITE: &str = "-USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS3_PARENTHESIS -USQLITE_ENABLE_FTS5 -USQLITE_ENABLE_RTREE \
                      -USQLITE_ENABLE_DBSTAT_VTAB -USQLITE_ENABLE_STAT4 -USQLITE_SOUNDEX -DSQLITE_OMIT_LOAD_EXTENSION \
                      -DSQLITE_OMIT_JSON -DSQLITE_OMIT_DEPRECATED -DSQLITE_OMIT_SHARED_CACHE";
/// C code is not unwound; tables for that are a tenth of it. zstd packs at its fastest levels alone, and what its other strategies would do
/// falls back to those.
const C: &str = "-fno-asynchronous-unwind-tables -DZSTD_EXCLUDE_GREEDY_BLOCK_COMPRESSOR -DZSTD_EXCLUDE_LAZY_BLOCK_COMPRESSOR \
                 -DZSTD_EXCLUDE_LAZY2_BLOCK_COMPRESSOR -DZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR \
                 -DZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR -DZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR";

/// Builds, checks and names the file.
pub(crate) fn run(words: &[String]) -> Result<String, String> {
    if !words.is_empty() {
        return Err(format!("usage: {USAGE}"));
    }
    let file = build()?;
    let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    elf::is_static(&bytes).map_err(|why| format!("{}: {why}", file.display()))?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > LIMIT {
        return Err(format!("{} has {size} bytes, more than {LIMIT}", file.display()));
    }
    let (names, packs) = (names::check(&file)?, packs::check(&file)?);
    Ok(format!("{}\n{size} bytes, static\nblake3 {}\n{names}\n{packs}", file.display(), blake3::hash(&bytes)))
}

/// Builds the program, and says where it is.
fn build() -> Result<PathBuf, String> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // With a target named, the flag is not for what runs while the program is built.
    cargo.args(["build", "--profile", "dist", "--package", "runbook", "--target", &target]).current_dir(root());
    cargo.env("LIBSQLITE3_FLAGS", SQLITE).env(format!("CFLAGS_{}", target.replace('-', "_")), C);
    let built = cargo.env("RUSTFLAGS", format!("{flags} {STATIC} {SMALL}")).status();
    if !built.map_err(|error| error.to_string())?.success() {
        return Err("runbook could not be built; what cargo said is above".to_owned());
    }
    let place = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(place.join(target).join("dist/runbook"))
}

/// The root of the repository.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}
