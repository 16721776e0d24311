//! The command line.

use std::path::PathBuf;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Where packages are kept between runs.
    pub(super) cache: PathBuf,
    /// The `runbook` to try; the debug build of this repository without it.
    pub(super) runbook: Option<PathBuf>,
    /// Whether the host stays until somebody presses Enter.
    pub(super) pause: bool,
}

impl Options {
    /// Reads `openclaw [--cache DIR] [--runbook FILE] [--pause]`.
    pub(super) fn read(words: &[String]) -> Result<Self, String> {
        let mut words = words.iter().map(String::as_str);
        if words.next() != Some("openclaw") {
            return Err("there is one acceptance: openclaw".to_owned());
        }
        let (mut cache, mut runbook, mut pause) = (None, None, false);
        while let Some(word) = words.next() {
            let mut path = || words.next().map(PathBuf::from).ok_or_else(|| format!("`{word}` needs a path"));
            match word {
                "--cache" => cache = Some(path()?),
                "--runbook" => runbook = Some(path()?),
                "--pause" => pause = true,
                other => return Err(format!("there is no option `{other}`")),
            }
        }
        let cache =
            cache.or_else(own_cache).ok_or("name a directory with --cache: neither XDG_CACHE_HOME nor HOME is set")?;
        Ok(Self { cache, runbook, pause })
    }
}

fn own_cache() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".cache"));
    set("XDG_CACHE_HOME").or_else(home).map(|cache| cache.join("runbook-acceptance"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read() {
        let options = read("openclaw --pause --cache /c --runbook r").unwrap();
        assert_eq!(options, Options { cache: "/c".into(), runbook: Some("r".into()), pause: true });
    }

    #[test]
    fn what_is_not_known_is_said() {
        for (line, says) in [("", "openclaw"), ("openclaw --cache", "needs a path"), ("openclaw --fast", "--fast")] {
            assert!(read(line).unwrap_err().contains(says), "{line}");
        }
    }
}
