//! `examples/npm-upgrade` as a world: real packages from npm's cache, which is filled once.

use crate::quickstart::free_port;
use crate::world::{Example, World, said};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) struct NpmUpgrade;

const OLD: &str = "0.16.3";

impl Example for NpmUpgrade {
    const STEPS: &'static [&'static str] = &["backup", "stop", "install", "start", "verify"];
    const BROKEN: &'static str = "1.0.0-beta.3";
    const GOOD: &'static str = "0.17.4";

    fn fresh() -> World {
        let store = store();
        let dir = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/npm-upgrade");
        run(Command::new("cp").arg("-a").arg(store.join("prefix")).arg(dir.path()));
        fs::create_dir(dir.path().join("data")).unwrap();
        fs::copy(root.join("orders.json"), dir.path().join("data/orders.json")).unwrap();
        let port = free_port();
        let var = |name: &str, value: &str| ["--var".to_owned(), format!("{name}={value}")];
        let prefix = var("prefix", &dir.path().join("prefix").to_string_lossy());
        let data = var("data", &dir.path().join("data").to_string_lossy());
        let args = [prefix, data, var("port", &port.to_string()), var("watch", "150ms")].concat();
        let client = root.join("client.mjs");
        let world = World {
            plan: root.join("plan.yaml"),
            stop: root.join("stop.yaml"),
            args: [args.clone(), var("within", "5s").to_vec()].concat(),
            port,
            // From here on npm has its cache and nothing else.
            environment: BTreeMap::from([
                ("npm_config_cache".to_owned(), store.join("cache").to_string_lossy().into_owned()),
                ("npm_config_offline".to_owned(), "true".to_owned()),
                ("npm_config_logs_max".to_owned(), "0".to_owned()),
            ]),
            trees: vec![dir.path().join("prefix"), dir.path().join("data")],
            serves: Box::new(move || serves(&client, port)),
            dir,
        };
        let start = root.join("start.yaml").to_string_lossy().into_owned();
        let mut first = vec!["apply", start.as_str(), "--yes"];
        first.extend(args.iter().map(String::as_str));
        let first = world.runbook(&first, None);
        assert!(first.status.success(), "{}", said(&first));
        world
    }
}

/// What a consumer of the API says.
fn serves(client: &Path, port: u16) -> Result<String, String> {
    let output = Command::new("node").arg(client).arg(format!("http://127.0.0.1:{port}")).output().unwrap();
    let text = said(&output);
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// npm's cache with all three releases, and a prefix with the old one; filled by the first test that comes. Needs the
/// npm registry then, and fails where it is not to be reached.
fn store() -> PathBuf {
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm-upgrade");
    fs::create_dir_all(&store).unwrap();
    let lock = fs::File::create(store.join("lock")).unwrap();
    lock.lock().unwrap();
    if !store.join("filled").exists() {
        for version in [NpmUpgrade::BROKEN, NpmUpgrade::GOOD] {
            install(&store, version, "warm");
            fs::remove_dir_all(store.join("warm")).unwrap();
        }
        install(&store, OLD, "prefix");
        fs::write(store.join("filled"), "").unwrap();
    }
    store
}

fn install(store: &Path, version: &str, prefix: &str) {
    let mut npm = Command::new("npm");
    npm.args(["install", "--global", "--no-audit", "--no-fund", "--no-update-notifier", "--prefix"]);
    npm.arg(store.join(prefix)).arg(format!("json-server@{version}"));
    run(npm.env("npm_config_cache", store.join("cache")).current_dir(store));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", said(&output));
}
