//! Which npm runs, under which node, with which settings.

use super::failures::explain;
use runbook_host::{Command, Host, Output, Reader};
use runbook_model::{Diagnostic, Failure, Resource};
use runbook_step::{Args, Lack, Work};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// npm as a plan names it.
pub(super) struct Npm {
    /// `npm:`
    pub(super) npm: Option<PathBuf>,
    /// `node:`
    pub(super) node: Option<PathBuf>,
    /// `registry:`
    pub(super) registry: Option<String>,
    /// `env:`
    pub(super) env: BTreeMap<String, String>,
}

/// npm as it is on this host.
pub(super) struct Program {
    argv: Vec<String>,
    node: PathBuf,
    env: BTreeMap<String, String>,
    flags: Vec<String>,
}

/// Settings that a person's npmrc may change and that must not change what a plan does. Flags win over every npmrc
/// and over the environment. The pauses between retries are short, because a plan has its own `retry`.
const FLAGS: [&str; 12] = [
    "--color=false",
    "--progress=false",
    "--loglevel=warn",
    "--logs-max=0",
    "--no-update-notifier",
    "--no-dry-run",
    "--no-audit",
    "--no-fund",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=4000",
    "--workspaces=false",
];

impl Npm {
    /// From the parameters `npm`, `node`, `registry` and `env`, where the kind has them.
    pub(super) fn from_args(args: &Args<'_>) -> Result<Self, Diagnostic> {
        Ok(Self {
            npm: args.maybe("npm")?,
            node: args.maybe("node")?,
            registry: args.maybe("registry")?,
            env: args.maybe("env")?.unwrap_or_default(),
        })
    }

    /// What keeps npm or its node from being executed.
    pub(super) fn lacks(&self, host: &Reader, prefix: Option<&Path>) -> Option<Lack> {
        let failure = self.locate(host, prefix).err()?;
        let named = self.npm.iter().chain(&self.node).cloned();
        let search = host.search_path();
        let found = ["npm", "node"].into_iter().flat_map(|name| host.places_along(name, &search));
        let beside = prefix.map(|prefix| prefix.join("bin"));
        let on = named.chain(found).chain(beside).map(Resource::Path);
        Some(Lack::new(failure, on).of_installed())
    }

    /// Finds both programs. The npm of `prefix` comes before the one on PATH, and the node beside an npm before the
    /// one on PATH: on a host with several versions of node these belong together.
    pub(super) fn locate(&self, host: &Reader, prefix: Option<&Path>) -> Result<Program, Failure> {
        let npm = match (&self.npm, prefix.map(|prefix| prefix.join("bin/npm"))) {
            (Some(npm), _) => npm.clone(),
            (None, Some(npm)) if host.stat(&npm)?.is_some() => npm,
            (None, _) => host.program("npm")?,
        };
        let Some(real) = host.canonical(&npm)? else {
            return Err(Failure::missing(format!("there is no npm at {}", npm.display()))
                .hint("name the npm of this installation in `npm`, or leave it out to use the one on PATH"));
        };
        let beside = npm.with_file_name("node");
        let node = match &self.node {
            Some(node) => node.clone(),
            None if host.stat(&beside)?.is_some() => beside,
            None => host.program("node")?,
        };
        if host.stat(&node)?.is_none() {
            return Err(Failure::missing(format!("there is no node at {}", node.display()))
                .hint("name the node of this installation in `node`"));
        }
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let argv = if real.extension().is_some_and(|extension| extension == "js") {
            vec![text(&node), text(&real)]
        } else {
            vec![text(&npm)]
        };
        let mut env = self.env.clone();
        env.entry("HOME".to_owned()).or_insert_with(|| text(host.home()));
        if let Some(dir) = node.parent() {
            env.entry("PATH".to_owned()).or_insert_with(|| host.search_path_with(dir));
        }
        let registry = self.registry.iter().map(|registry| format!("--registry={registry}"));
        Ok(Program { argv, node, env, flags: FLAGS.map(str::to_owned).into_iter().chain(registry).collect() })
    }
}

/// The same with low priority, beside a service that runs.
pub(super) fn gently(host: &Reader, mut command: Command) -> Command {
    if host.program("nice").is_ok() {
        command.argv.splice(0..0, ["nice", "-n", "10"].map(str::to_owned));
    }
    command
}

impl Program {
    /// `npm ARGS` in `cwd`.
    pub(super) fn command(&self, cwd: &Path, args: impl IntoIterator<Item = impl Into<String>>) -> Command {
        let args: Vec<String> = args.into_iter().map(Into::into).collect();
        let (words, operands) = match args.iter().position(|arg| arg == "--") {
            Some(at) => args.split_at(at),
            None => (args.as_slice(), [].as_slice()),
        };
        let argv = [&self.argv, words, &self.flags, operands].into_iter().flatten().cloned().collect();
        Command { argv, cwd: Some(cwd.to_path_buf()), env: self.env.clone(), ..Command::default() }
    }

    /// The same with the host's global settings (registry, proxy, CA, token), unless `own` has some: npm reads them from
    /// `etc/npmrc` below its prefix, and `--prefix` would make it look below that one instead (npm-config, `globalconfig`).
    pub(super) fn with_settings_of_host(mut self, work: &Work<'_>, own: Option<&Path>) -> Result<Self, Failure> {
        let has_own = own.map(|prefix| work.host.stat(&prefix.join("etc/npmrc"))).transpose()?.flatten().is_some();
        if has_own {
            return Ok(self);
        }
        let command = self.command(work.dir, ["config", "get", "globalconfig"]);
        let said = PathBuf::from(self.run(work.host, &command, "say where its global settings are")?.text());
        if said.is_absolute() {
            self.flags.push(format!("--globalconfig={}", said.display()));
        }
        Ok(self)
    }

    /// Runs it; a failure says what `npm` could not do, in words for the operator, with npm's own last lines.
    pub(super) fn run(&self, host: &Host, command: &Command, about: &str) -> Result<Output, Failure> {
        let output = host.run(command)?;
        if output.status.success() { Ok(output) } else { Err(explain(about, &output)) }
    }

    /// The version of its node: `20.20.2`.
    pub(super) fn node_version(&self, host: &Host, cwd: &Path) -> Result<semver::Version, Failure> {
        let argv = [self.node.to_string_lossy().into_owned(), "--version".to_owned()];
        let command = Command { cwd: Some(cwd.to_path_buf()), env: self.env.clone(), ..Command::new(argv) };
        let output = host.run_well(&command)?;
        semver::Version::parse(output.text().trim().trim_start_matches('v')).map_err(|error| {
            Failure::failed(format!("{} does not say which version it is: {error}", self.node.display()))
                .detail(output.tail())
        })
    }

    /// Where its node is.
    pub(super) fn node(&self) -> &Path {
        &self.node
    }
}
