//! From texts to a program: reads the plan and its environment, and lets every crate judge.

use crate::error::Error;
use crate::session::Session;
use crate::texts::{PlanText, read_text};
use runbook_engine::{Program, Saved, compile};
use runbook_model::{Code, Diagnostic, Diagnostics, HostFacts, Resolved, SourceMap};
use runbook_plan::{Document, LayerVars, Loaded, Request, load};
use runbook_step::Catalogue;
use runbook_step::window::is_zone;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many environments a message names.
const SHOWN: usize = 8;

/// What a plan is loaded from.
pub struct Source<'a> {
    /// The plan.
    pub plan: &'a PlanText,
    /// The name of an environment: `environments/NAME.yaml`, beside the plan or in a directory above it.
    pub env: Option<&'a str>,
    /// Variables as `NAME=VALUE`, which win over every other layer.
    pub vars: &'a [String],
    /// How many steps may run at the same time.
    pub parallel: usize,
    /// The host that the plan is for; `None` for this one.
    pub elsewhere: Option<Elsewhere>,
}

/// A host that is not this one, as far as a plan asks for it.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// What it is.
    pub facts: HostFacts,
    /// What an inventory says of it; spans point into `sources`.
    pub layers: Vec<LayerVars>,
    /// The texts of the inventory.
    pub sources: SourceMap,
}

/// What came of reading and judging a plan.
pub struct Judged {
    /// The program, if nothing is wrong.
    pub program: Option<Program>,
    /// The variables, as far as they could be resolved.
    pub vars: Vec<Resolved>,
    /// Everything that was found.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts.
    pub sources: SourceMap,
}

impl Session {
    /// Judges a plan with its environment. What is wrong with it is a diagnostic; an error is what kept it from being read.
    pub fn load(&self, source: &Source<'_>) -> Result<Judged, Error> {
        let catalogue = (self.host.catalogue)();
        let loaded = self.read(source, &catalogue)?;
        let vars = loaded.whatever_there_is().map(|plan| plan.vars.clone()).unwrap_or_default();
        let sources = loaded.sources.clone();
        let mut found = Diagnostics::default();
        found.extend(match source.env {
            None => one_for_a_forgotten_environment(loaded.diagnostics, source.plan.base()),
            Some(env) => with_the_environment(loaded.diagnostics, env, source.plan.base()),
        });
        let sound = loaded.plan.is_some();
        let Some(plan) = loaded.plan.or(loaded.partial) else {
            return Ok(Judged { program: None, vars, diagnostics: found.into_sorted(), sources });
        };
        if let Some(window) = plan.window.as_ref().filter(|window| !is_zone(&window.zone)) {
            let message = format!("this host knows no time zone `{}`", window.zone);
            let help = "write an IANA name such as `Europe/Madrid`";
            found.push(Diagnostic::error(Code::BAD_WINDOW, window.zone_span, message).help(help));
        }
        let saved = Saved::new(plan, sources.clone(), source.parallel);
        let (program, faults) = compile(saved, catalogue, Arc::clone(&self.host.secrets));
        found.extend(faults.into_iter().filter(|fault| sound || !may_be_about_what_is_missing(fault)));
        let program = program.filter(|_| sound && !found.has_errors());
        Ok(Judged { program, vars, diagnostics: found.into_sorted(), sources })
    }

    fn read(&self, source: &Source<'_>, catalogue: &Catalogue) -> Result<Loaded, Error> {
        let base = source.plan.base();
        let overlay = source.env.map(|env| read_environment(base, env)).transpose()?;
        let outputs = |uses: &str| {
            let kind = catalogue.get(uses)?;
            let doc = kind.doc();
            (!kind.has_open_outputs()).then(|| doc.outputs.iter().map(|output| output.name.to_owned()).collect())
        };
        let here = || Elsewhere { facts: self.host.facts.clone(), layers: Vec::new(), sources: SourceMap::default() };
        let Elsewhere { facts, layers, sources } = source.elsewhere.clone().unwrap_or_else(here);
        Ok(load(Request {
            plan: Document { name: source.plan.title(), text: source.plan.text() },
            environment: source.env,
            overlay: overlay.as_ref().map(|(name, text)| Document { name, text }),
            layers,
            sources,
            vars: source.vars,
            base,
            host: facts,
            outputs: &outputs,
        }))
    }
}

/// Whether the fault says that something is nowhere in the plan, of which only a part could be read.
fn may_be_about_what_is_missing(fault: &Diagnostic) -> bool {
    [
        Code::CHANGE_NEEDS_BACKUP,
        Code::CHANGE_NEEDS_UNDO,
        Code::VERIFY_IS_FUNCTIONAL,
        Code::VERIFY_IS_NEGATIVE,
        Code::UNUSED_ALLOW,
        Code::UNREACHABLE_BACKUP,
        Code::STALE_REVIEW,
    ]
    .contains(&fault.code)
}

/// `environments/NAME.yaml` beside the plan or in a directory above it; the nearest one.
fn read_environment(base: &Path, env: &str) -> Result<(String, String), Error> {
    let well_named = !env.is_empty() && !env.contains(['/', '\0']) && !env.starts_with('.');
    match environment_file(base, env).filter(|_| well_named) {
        Some(file) => {
            let text = read_text(&file)?;
            Ok((shown(file), text))
        }
        None => Err(Error::UnknownEnvironment {
            name: env.to_owned(),
            base: base.to_owned(),
            known: known_environments(base),
        }),
    }
}

/// The names of all environments that a plan in `base` may be given, the nearest first.
fn known_environments(base: &Path) -> Vec<String> {
    base.ancestors().flat_map(|dir| environments_in(&dir.join("environments"))).collect()
}

/// Where no environment was chosen and there are some, every variable without a value has the one cause.
fn one_for_a_forgotten_environment(found: Vec<Diagnostic>, base: &Path) -> Vec<Diagnostic> {
    let (unset, mut others): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| one.code == Code::UNSET_VARIABLE);
    let known = known_environments(base);
    let mut unset = unset.into_iter();
    let Some(first) = unset.next() else { return others };
    if known.is_empty() {
        others.push(first);
        others.extend(unset);
        return others;
    }
    let choices = known.iter().take(SHOWN).map(|name| format!("`--env {name}`")).collect::<Vec<_>>().join(", ");
    let more = if known.len() > SHOWN { " and others in environments/" } else { "" };
    let message = format!("{}, and no environment was chosen", first.message);
    let mut one = Diagnostic { message, help: None, ..first };
    for other in unset {
        let label = other.message.replace("the variable ", "");
        one = one.related(other.primary.span, label);
    }
    others.push(one.help(format!("choose one: {choices}{more}; or set each with `--var NAME=…`")));
    others
}

/// Names the file in which a value is missing.
fn with_the_environment(mut found: Vec<Diagnostic>, env: &str, base: &Path) -> Vec<Diagnostic> {
    let Some(file) = environment_file(base, env) else { return found };
    for one in found.iter_mut().filter(|one| one.code == Code::UNSET_VARIABLE) {
        one.help = Some(format!("set it in {}, or with `--var NAME=…`", shown(file.clone())));
    }
    found
}

fn environment_file(base: &Path, env: &str) -> Option<PathBuf> {
    base.ancestors().map(|dir| dir.join("environments").join(format!("{env}.yaml"))).find(|file| file.is_file())
}

/// As it is called from here.
fn shown(file: PathBuf) -> String {
    let short = std::env::current_dir().ok().and_then(|here| file.strip_prefix(here).ok().map(Path::to_path_buf));
    short.unwrap_or(file).to_string_lossy().into_owned()
}

fn environments_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let name =
        |entry: fs::DirEntry| entry.file_name().to_str().and_then(|name| name.strip_suffix(".yaml")).map(str::to_owned);
    let mut names: Vec<String> = entries.filter_map(name).collect();
    names.sort_unstable();
    names
}
