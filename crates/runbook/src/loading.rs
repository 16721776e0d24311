//! From files to a program: reads the plan and its environment, and lets every crate judge.

use crate::cli::PlanSource;
use crate::error::CommandError;
use crate::facts::host_facts;
use runbook_engine::{Program, Saved, compile};
use runbook_model::{Code, Diagnostic, Diagnostics, Plan, Resolved, Severity, SourceMap, Span};
use runbook_plan::{Document, Loaded, Request, load};
use runbook_steps::{Catalogue, is_zone};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A plan may be this large; `runbook-plan` has the same limit.
const LIMIT: u64 = 16 << 20;

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
    let catalogue = Catalogue::default();
    let loaded = read(source, &catalogue)?;
    let vars = loaded.whatever_there_is().map(|plan| plan.vars.clone()).unwrap_or_default();
    let sources = loaded.sources.clone();
    let mut found = Diagnostics::default();
    found.extend(loaded.diagnostics);
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
    let name = source.plan.to_string_lossy().into_owned();
    let text = read_file(&source.plan)?;
    let base = std::path::absolute(&source.plan).map_err(|error| {
        CommandError::refused(format!("cannot tell where {} is: {}", source.plan.display(), plain(&error)))
            .hint("the current directory may have been removed; give the plan's full path")
    })?;
    let base = base.parent().map(Path::to_path_buf).unwrap_or_else(|| PathBuf::from("/"));
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

fn read_file(path: &Path) -> Result<String, CommandError> {
    let refused =
        |why: String| CommandError::refused(format!("cannot read {}: {why}", path.display())).code(Code::UNREADABLE);
    let found = fs::metadata(path).map_err(|error| refused(plain(&error)))?;
    if found.is_dir() {
        return Err(refused("it is a directory".to_owned()).hint("name the plan's file"));
    }
    let mut bytes = Vec::new();
    // `<(…)` and /dev/stdin are pipes, so a pipe is read; but nothing without an end.
    let file = fs::File::open(path).map_err(|error| refused(plain(&error)))?;
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| refused(plain(&error)))?;
    if bytes.len() as u64 > LIMIT {
        return Err(refused(format!("it is larger than {} MiB", LIMIT >> 20)).hint("is this the right file?"));
    }
    let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
        let refusal = refused(format!("line {line} is not UTF-8 text"));
        if utf16 {
            refusal.hint(format!("it looks like UTF-16: iconv -f UTF-16 -t UTF-8 {}", path.display()))
        } else {
            refusal.hint("save the file as UTF-8")
        }
    })
}

fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    }
}

/// `environments/NAME.yaml` beside the plan or in a directory above it; the nearest one.
fn read_environment(base: &Path, env: &str) -> Result<(String, String), CommandError> {
    let looked_in: Vec<PathBuf> = base.ancestors().map(|dir| dir.join("environments")).collect();
    let file = looked_in.iter().map(|dir| dir.join(format!("{env}.yaml"))).find(|file| file.is_file());
    let well_named = !env.is_empty() && !env.contains(['/', '\0']) && !env.starts_with('.');
    match file.filter(|_| well_named) {
        Some(file) => {
            let text = read_file(&file)?;
            let name =
                std::env::current_dir().ok().and_then(|here| file.strip_prefix(here).ok().map(Path::to_path_buf));
            Ok((name.unwrap_or(file).to_string_lossy().into_owned(), text))
        }
        None => {
            let known: Vec<String> = looked_in.iter().flat_map(|dir| environments_in(dir)).collect();
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
    let (program, found) = compile(saved, Catalogue::default());
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
