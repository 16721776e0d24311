//! `npm.ci`: the dependencies inside the directory of a plugin, exactly as its lock file says.

use super::lock::{difference, with_scripts};
use super::manifest::Manifest;
use super::params;
use super::program::Npm;
use runbook_host::Reader;
use runbook_model::{Declaration, Diagnostic, Diagnostics, Effect, Failure, Prediction, Resource, Role, UndoSource};
use runbook_step::{
    Args, Confirmation, Done, Kind, KindDoc, Lack, OutputDoc, OwnUndo, Param, ParamType, Prepared, Probe, Step,
    Undoing, Work, wrong,
};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// The kind.
pub(crate) struct NpmCi;

static DOC: KindDoc = KindDoc {
    name: "npm.ci",
    summary: "Installs the locked dependencies inside a directory",
    text: "Runs `npm ci` in a directory with package.json and package-lock.json, as a plugin has them. Nothing happens if \
         `node_modules/.package-lock.json`, npm's own account, agrees with package-lock.json and every package has the \
         locked version on the disk.\n\n\
         Without a lock file it refuses, because ranges mean something else tomorrow. `install: true` says that this is \
         wanted: then `npm install` runs, writes no lock file, and the plan is refused by `exact-version` unless the \
         step allows it with a reason. With `install: true` and a lock file the lock file counts.\n\n\
         The scripts of the dependencies are run unless `ignore_scripts` is set. Those of the directory itself \
         (`preinstall`, `install`, `postinstall`, `prepare` and their like) are never run, because they change what no \
         backup of `node_modules` brings back, and the report says so: run what they do in a `command.run` that names \
         its effects. Until npm has come to its end, nothing counts as installed, whatever the disk says.\n\n\
         Undo puts `node_modules` back, or its absence: from the plan's backup if one covers it, else from a copy that \
         the step makes itself. It runs no npm and needs no network.",
    params: &[
        Param::required("dir", ParamType::Path, "The directory with package.json"),
        Param::optional("omit", ParamType::Strings, "Dependencies to leave out: `dev`, `optional`, `peer`"),
        Param::default(
            "install",
            ParamType::Bool,
            "false",
            "Whether a directory without lock file is installed by its ranges",
        ),
        Param::default("ignore_scripts", ParamType::Bool, "false", "Whether the scripts of dependencies are not run"),
        params::NPM,
        params::NODE,
        params::REGISTRY,
        params::ENV,
    ],
    outputs: &[OutputDoc { name: "dir", help: "the directory, text" }],
    example: "- id: plugin-deps\n  uses: npm.ci\n  with:\n    dir: ~/.openclaw/extensions/dingtalk\n    omit: [dev]\n",
};

const OMIT: [&str; 3] = ["dev", "optional", "peer"];

impl Kind for NpmCi {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        let words = args.peek::<Vec<String>>("omit").known().unwrap_or_default();
        if let Some(other) = words.iter().find(|word| !OMIT.contains(&word.as_str())) {
            let wanted = format!("a list of {}, without `{other}`", OMIT.join(", "));
            found.push(wrong("omit", args.span("omit"), &wanted));
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut declaration = Declaration::principal(UndoSource::Own).role(Role::Replace).role(Role::Dependencies);
        match args.peek::<PathBuf>("dir").known() {
            Some(dir) => {
                declaration = declaration.writes(Resource::Path(dir.join("node_modules")));
                for file in ["package.json", "package-lock.json"] {
                    declaration = declaration.reads(Resource::Path(dir.join(file)));
                }
            }
            None => declaration.effects.extend(args.path_resource("dir").map(Effect::write)),
        }
        if args.peek::<bool>("install").known() == Some(true) {
            declaration.version = Some("whatever fits the ranges of package.json".to_owned());
        }
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Ci {
            dir: args.need("dir")?,
            omit: args.maybe("omit")?.unwrap_or_default(),
            install: args.need("install")?,
            ignore_scripts: args.need("ignore_scripts")?,
            npm: Npm::from_args(args)?,
        }))
    }
}

struct Ci {
    dir: PathBuf,
    omit: Vec<String>,
    install: bool,
    ignore_scripts: bool,
    npm: Npm,
}

impl Step for Ci {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let locked = self.check_dir(host)?;
        let outputs = [("dir", json!(self.dir.to_string_lossy()))];
        let place = self.modules().display().to_string();
        let prediction = match self.what_differs(host, locked)? {
            None => Prediction::no_change(format!(
                "{place} is as {} says",
                if locked { "the lock file" } else { "the last run left it" }
            )),
            Some(what) => {
                Prediction::change(format!("{place} is installed: {what}{}", not_run(&self.own_scripts(host)?)))
            }
        };
        Ok(Probe::of(prediction).with(outputs))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        let dir = self.check_dir(host).and_then(|_| self.check_access(host)).err();
        dir.map(|failure| Lack::at(host, &self.dir, failure)).into_iter().chain(self.npm.lacks(host, None)).collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        host.can_restore(&self.modules())
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        self.check_dir(work.host)?;
        self.check_access(work.host)?;
        let npm = self.npm.locate(work.host, None)?;
        if let Some(manifest) = Manifest::read(work.host, &self.dir)? {
            manifest.check_node(&npm.node_version(work.host, work.dir)?, npm.node())?;
        }
        let is_there = work.host.lstat(&self.modules())?.is_some();
        let restore_points = if is_there { work.covering(&self.modules()).unwrap_or_default() } else { Vec::new() };
        let covered = !restore_points.is_empty();
        if !covered {
            work.capture(&[self.modules()])?;
        }
        let undo = json!({ "covered": covered, "noted": work.host.recall(&self.subject())? });
        Ok(Prepared { undo, restore_points, service: None })
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let host = work.host;
        let locked = self.check_dir(host)?;
        let outputs = [("dir", json!(self.dir.to_string_lossy()))];
        if self.what_differs(host, locked)?.is_none() {
            return Ok(Done::saying(format!("{} was as wanted already", self.modules().display())).with(outputs));
        }
        let npm = self.npm.locate(host, None)?.with_settings_of_host(work, None)?;
        let own = self.own_scripts(host)?;
        host.act()?;
        host.remember(&self.subject(), &json!(BEGUN))?;
        let about = format!("install the dependencies in {}", self.dir.display());
        work.say(format!("npm {} in {}", if locked { "ci" } else { "install" }, self.dir.display()));
        let words: &[&str] = if locked { &["ci"] } else { &["install", "--no-package-lock"] };
        // npm has no way to leave out the directory's own scripts alone.
        let without = self.ignore_scripts || !own.is_empty();
        npm.run(host, &npm.command(&self.dir, self.arguments(words, &[], without)), &about)?;
        let built = if without && !self.ignore_scripts { with_scripts(host, &self.dir)? } else { Vec::new() };
        if !built.is_empty() {
            npm.run(host, &npm.command(&self.dir, self.arguments(&["rebuild"], &built, false)), &about)?;
        }
        host.act()?;
        host.remember(&self.subject(), &self.account(host)?)?;
        let summary = format!("dependencies installed in {}{}", self.modules().display(), not_run(&own));
        Ok(Done::saying(summary).with(outputs))
    }

    fn confirm(&self, host: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        let locked = self.check_dir(host)?;
        Ok(match self.what_differs(host, locked)? {
            None => Confirmation::There,
            Some(what) => Confirmation::NotThere(what),
        })
    }
}

impl OwnUndo for Ci {
    fn undo(&self, work: &Work<'_>, undo: &Json) -> Result<String, Failure> {
        let done = if undo.get("covered").and_then(Json::as_bool) == Some(true) {
            work.restore(&self.modules())?
        } else {
            work.restore_captured(&[self.modules()])?
        };
        // Last: until then nothing counts as installed.
        if let Some(noted) = undo.get("noted") {
            work.host.remember(&self.subject(), noted)?;
        }
        Ok(done)
    }
}

/// Noted while npm works: what lies on the disk then proves nothing.
const BEGUN: &str = "npm has begun";

/// The scripts of a directory that npm runs when it installs in it.
const OWN_SCRIPTS: [&str; 7] =
    ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];

/// `; its own scripts were not run: prepare`, if it has any.
fn not_run(own: &[String]) -> String {
    if own.is_empty() { String::new() } else { format!("; its own scripts are not run: {}", own.join(", ")) }
}

impl Ci {
    fn modules(&self) -> PathBuf {
        self.dir.join("node_modules")
    }

    /// Whether there is a lock file. Refuses a directory that npm cannot install in as the plan wants it.
    fn check_dir(&self, host: &Reader) -> Result<bool, Failure> {
        let dir = self.dir.display();
        if !host.stat(&self.dir)?.is_some_and(|found| found.is_dir()) {
            return Err(
                Failure::missing(format!("{dir} is not a directory")).hint("correct `dir`, or deploy the plugin first")
            );
        }
        if host.stat(&self.dir.join("package.json"))?.is_none() {
            return Err(Failure::missing(format!("{dir} has no package.json"))
                .hint("name the directory of the plugin itself in `dir`"));
        }
        if host.lstat(&self.modules())?.is_some_and(|found| found.is_symlink()) {
            return Err(Failure::refused(format!(
                "{} is a symlink, and npm would replace it",
                self.modules().display()
            ))
            .hint("name the directory that it leads to"));
        }
        host.expendable(&self.modules())?;
        let locked = ["package-lock.json", "npm-shrinkwrap.json"].map(|file| host.stat(&self.dir.join(file)));
        let [lock, shrinkwrap] = locked;
        if shrinkwrap?.is_some() {
            return Err(Failure::refused(format!("{dir} has a npm-shrinkwrap.json, which this kind does not read"))
                .hint("rename it to package-lock.json: it has the same format"));
        }
        if lock?.is_some() {
            return Ok(true);
        }
        if self.install {
            return Ok(false);
        }
        Err(Failure::refused(format!("{dir} has no package-lock.json, so nobody knows what would be installed"))
            .hint("bring the lock file of the plugin, or say `install: true` and allow `exact-version` with a reason"))
    }

    fn check_access(&self, host: &Reader) -> Result<(), Failure> {
        if host.may_write(&self.dir)? {
            return Ok(());
        }
        let message = format!("{} may not be written by this user", self.dir.display());
        Err(Failure::missing(message).hint("run as its owner"))
    }

    /// The arguments of `npm WORDS OPERANDS` in the directory.
    fn arguments(&self, words: &[&str], operands: &[String], without_scripts: bool) -> Vec<String> {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        // The directory may lie within another project, whose npmrc and workspaces npm would otherwise find.
        words.push(format!("--prefix={}", self.dir.display()));
        words.push("--no-global".to_owned());
        words.push(format!("--ignore-scripts={without_scripts}"));
        words.extend(self.omit.iter().map(|what| format!("--omit={what}")));
        words.push("--".to_owned());
        words.extend_from_slice(operands);
        words
    }

    /// The scripts that npm would run for the directory itself.
    fn own_scripts(&self, host: &Reader) -> Result<Vec<String>, Failure> {
        let text = host.read(&self.dir.join("package.json"))?.unwrap_or_default();
        let manifest: Json = serde_json::from_slice(&text).unwrap_or_default();
        let has =
            |name: &&str| manifest["scripts"].get(name).and_then(Json::as_str).is_some_and(|text| !text.is_empty());
        let mut own: Vec<String> = OWN_SCRIPTS.iter().filter(|name| has(name)).map(|name| (*name).to_owned()).collect();
        if host.stat(&self.dir.join("binding.gyp"))?.is_some() {
            own.push("node-gyp for its binding.gyp".to_owned());
        }
        Ok(own)
    }

    fn what_differs(&self, host: &Reader, locked: bool) -> Result<Option<String>, Failure> {
        let known = host.recall(&self.subject())?;
        if known == json!(BEGUN) {
            return Ok(Some("an earlier npm did not come to its end".to_owned()));
        }
        if locked {
            return difference(host, &self.dir, &self.omit);
        }
        let account = self.account(host)?;
        Ok((account["installed"].is_null() || account != known)
            .then(|| "there is no lock file, and it is not what an earlier run of this step left".to_owned()))
    }

    fn subject(&self) -> String {
        format!("npm.ci {}", self.dir.display())
    }

    /// For a directory without lock file: digests of what was asked for and of what npm says it installed.
    fn account(&self, host: &Reader) -> Result<Json, Failure> {
        Ok(json!({
            "asked": host.digest(&self.dir.join("package.json"))?,
            "omit": self.omit,
            "installed": host.digest(&self.modules().join(".package-lock.json"))?,
        }))
    }
}
