//! From files to a program: reads the plan and its environment, and lets every crate judge.

use crate::cli::PlanSource;
use crate::error::CommandError;
use crate::facts::host_facts;
use crate::texts::{is_stdin, plain, read_text};
use runbook_engine::{Program, Saved, compile};
use runbook_model::{Code, Diagnostic, Diagnostics, Plan, Resolved, Severity, SourceMap, Span};
use runbook_plan::{Document, Loaded, Request, load};
use runbook_step::Catalogue;
use runbook_step::window::is_zone;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use crate::texts::title;

/// How many environments a message names.
const SHOWN: usize = 8;

/// What came of reading and judging a plan.
pub(crate) struct Judged {
    /// The program, if nothing is wrong.
    pub(crate) program: Option<Program>,
    /// The variables, as far as they could be resolved.
    pub(crate) vars: Vec<Resolved>,
    /// Everything that was found.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The texts.
    pub(crate) sources: SourceMap,
}

/// Reads the files of a plan and judges it.
pub(crate) fn judge(source: &PlanSource, parallel: usize) -> Result<Judged, CommandError> {
    let catalogue = runbook_kinds::catalogue();
    let loaded = read(source, &catalogue)?;
    let vars = loaded.whatever_there_is().map(|plan| plan.vars.clone()).unwrap_or_default();
    let sources = loaded.sources.clone();
    let mut found = Diagnostics::default();
    found.extend(match &source.env {
        None => one_for_a_forgotten_environment(loaded.diagnostics, &base(&source.plan)?),
        Some(env) => with_the_environment(loaded.diagnostics, env, &base(&source.plan)?),
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
    let (program, faults) = compile(Saved { plan, sources: sources.clone(), parallel }, catalogue);
    found.extend(faults.into_iter().filter(|fault| sound || !may_be_about_what_is_missing(fault)));
    let program = program.filter(|_| sound && !found.has_errors());
    Ok(Judged { program, vars, diagnostics: found.into_sorted(), sources })
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

fn read(source: &PlanSource, catalogue: &Catalogue) -> Result<Loaded, CommandError> {
    let name = title(&source.plan);
    let text = read_text(&source.plan)?;
    let base = base(&source.plan)?;
    let overlay = source.env.as_deref().map(|env| read_environment(&base, env)).transpose()?;
    let outputs = |uses: &str| {
        let kind = catalogue.get(uses)?;
        let doc = kind.doc();
        (!doc.open_outputs).then(|| doc.outputs.iter().map(|output| output.name.to_owned()).collect())
    };
    Ok(load(Request {
        plan: Document { name: &name, text: &text },
        environment: source.env.as_deref(),
        overlay: overlay.as_ref().map(|(name, text)| Document { name, text }),
        layers: Vec::new(),
        sources: SourceMap::default(),
        vars: &source.vars,
        base: &base,
        host: host_facts(),
        outputs: &outputs,
    }))
}

/// Where the paths of a plan start: at its own directory, or here if it comes from standard input.
fn base(plan: &Path) -> Result<PathBuf, CommandError> {
    let lost = |error: std::io::Error| {
        CommandError::refused(format!("cannot tell where {} is: {}", title(plan), plain(&error)))
            .hint("the current directory may have been removed; give the plan's full path")
    };
    if is_stdin(plan) {
        return std::env::current_dir().map_err(lost);
    }
    let whole = std::path::absolute(plan).map_err(lost)?;
    Ok(whole.parent().map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("/")))
}

/// `environments/NAME.yaml` beside the plan or in a directory above it; the nearest one.
fn read_environment(base: &Path, env: &str) -> Result<(String, String), CommandError> {
    let well_named = !env.is_empty() && !env.contains(['/', '\0']) && !env.starts_with('.');
    match environment_file(base, env).filter(|_| well_named) {
        Some(file) => {
            let text = read_text(&file)?;
            Ok((shown(file), text))
        }
        None => {
            let known = known_environments(base);
            let near = runbook_model::did_you_mean(env, known.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => {
                    format!("make {}", base.join("environments").join(format!("{env}.yaml")).display())
                }
                None => format!("there are {}", known.join(", ")),
            };
            let message = format!("there is no environment `{env}`");
            Err(CommandError::refused(message).code(Code::UNKNOWN_ENVIRONMENT).hint(help))
        }
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
    names.sort();
    names
}

/// The program of a saved run.
pub(crate) fn reopen(saved: Saved) -> Result<Program, Vec<Diagnostic>> {
    let (program, found) = compile(saved, runbook_kinds::catalogue());
    program.ok_or_else(|| found.into_iter().filter(|fault| fault.severity == Severity::Error).collect())
}

/// Where a span stands, for lists.
pub(crate) fn place(sources: &SourceMap, span: Span) -> String {
    sources.place(span).unwrap_or_default()
}

/// The plan that a program runs, by its short digest.
pub(crate) fn short_digest(plan: &Plan) -> &str {
    plan.digest.get(..7).unwrap_or(&plan.digest)
}
