//! Which script Node is given.

use super::{Unclear, Value, unclear};
use runbook_host::Reader;
use runbook_step::normalise;
use std::path::{Path, PathBuf};

/// Options whose value may be a word of its own (node(1)).
pub const WITH_VALUE: &[&str] = &[
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--env-file",
    "--env-file-if-exists",
    "--title",
    "--icu-data-dir",
    "--openssl-config",
    "--redirect-warnings",
    "--report-directory",
    "--report-dir",
    "--report-filename",
    "--diagnostic-dir",
    "--input-type",
    "--inspect-port",
    "--debug-port",
    "--unhandled-rejections",
    "--dns-result-order",
    "--disable-warning",
    "--trace-event-categories",
    "--max-http-header-size",
    "--stack-trace-limit",
    "--secure-heap",
    "--secure-heap-min",
    "--tls-keylog",
    "--heapsnapshot-signal",
    "--watch-path",
    "--localstorage-file",
    "--experimental-default-type",
];

/// The place of the script among the arguments of Node.
pub(crate) fn script(args: &[Value]) -> Result<usize, Unclear> {
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        let Some(arg) = arg else { return unclear("an argument of node cannot be known without running the script") };
        match arg.as_str() {
            "--" => return if at + 1 < args.len() { Ok(at + 1) } else { unclear("node is given no script") },
            "-e" | "--eval" | "-p" | "--print" | "-pe" | "-i" | "--interactive" | "-" => {
                return unclear(format!("node is given a text or an input instead of a script (`{arg}`)"));
            }
            "--run" => return unclear("node is given the name of a script in some package.json (`--run`)"),
            option if WITH_VALUE.contains(&option) => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => return Ok(at),
        }
    }
    unclear("node is given no script")
}

/// The file that Node loads for the script `name`: itself, or with an ending, or what the directory's package.json says.
pub(super) fn file(host: &Reader, cwd: &Path, name: &str) -> Result<PathBuf, Unclear> {
    let path = normalise(&cwd.join(name));
    if let Some(found) = existing(host, &path)? {
        return Ok(found);
    }
    if host.stat(&path)?.is_some_and(|found| found.is_dir()) {
        let manifest = host.read(&path.join("package.json"))?.unwrap_or_default();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
        let main = manifest.get("main").and_then(serde_json::Value::as_str).map(|main| normalise(&path.join(main)));
        for candidate in
            main.iter().flat_map(|main| [main.clone(), main.join("index.js")]).chain([path.join("index.js")])
        {
            if let Some(found) = existing(host, &candidate)? {
                return Ok(found);
            }
        }
    }
    unclear(format!("node is given {}, and no such script is there", path.display()))
}

fn existing(host: &Reader, path: &Path) -> Result<Option<PathBuf>, Unclear> {
    for ending in ["", ".js", ".json", ".node"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let candidate = PathBuf::from(name);
        if host.stat(&candidate)?.is_some_and(|found| found.is_file()) {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_found_behind_options() {
        for (line, wanted) in [
            ("app.js --port 1", Some(0)),
            ("--enable-source-maps app.js", Some(1)),
            ("-r ./hook.js app.js", Some(2)),
            ("--require=./hook.js --import x app.js -e", Some(3)),
            ("--max-old-space-size=4096 --title gateway -- app.js", Some(4)),
            ("-e 1", None),
            ("--", None),
            ("-r", None),
            ("", None),
        ] {
            let args: Vec<Value> = line.split_whitespace().map(|word| Some(word.to_owned())).collect();
            assert_eq!(script(&args).ok(), wanted, "{line}");
        }
        assert!(script(&[None, Some("app.js".to_owned())]).is_err());
    }
}
