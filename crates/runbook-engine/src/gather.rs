//! The files that a plan brings, read once when the plan is judged. Where a run keeps them is in `kept.rs`.

use runbook_host::{WHOLE, open_regular};
use runbook_model::{Code, Declaration, Diagnostic, Diagnostics, Effect, Failure, Node, Plan, Value};
use runbook_step::{ArgContext, Brought, Bundle, Contents, Kind, Named, PlanFiles, named_by, normalise};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// A file of a plan may be this large: its content is in memory until the run begins.
const LARGEST: u64 = 64 << 20;
/// All of them together.
const TOGETHER: u64 = 256 << 20;
/// What to do where a file cannot be brought.
const OF_THE_HOST: &str = "put it on the host, and name it by its absolute path";

/// What is read so far.
struct Gathered<'a> {
    context: &'a ArgContext,
    /// What the steps that stand before in the file write.
    written: Vec<&'a Path>,
    bundle: Bundle,
    contents: BTreeMap<String, Arc<[u8]>>,
}

/// Reads every file that the plan brings. What cannot be brought is told at the word that names it.
pub(crate) fn gather(
    plan: &Plan,
    kinds: &[Option<&dyn Kind>],
    declarations: &[Declaration],
    context: &ArgContext,
    found: &mut Diagnostics,
) -> PlanFiles {
    let (written, bundle, contents) = Default::default();
    let mut gathered = Gathered { context, written, bundle, contents };
    let mut declarations = declarations.iter();
    for (step, kind) in plan.steps.iter().zip(kinds) {
        let Some(kind) = kind else { continue };
        let args = kind.args(step, context);
        for named in named_by(*kind, &args) {
            found.extend(gathered.take(&named).err());
        }
        if let Some(program) = kind.program() {
            let taken = gathered.take_program(kind.doc().name, program);
            found.extend(taken.err().map(|failure| {
                let message =
                    format!("the external kind `{}` cannot be kept with a run: {}", step.uses, failure.message);
                Diagnostic::error(Code::EXTERNAL_KIND, step.uses_span, message).maybe_help(failure.hint)
            }));
        }
        let declared = declarations.next().into_iter().flat_map(|one| &one.effects);
        gathered.written.extend(declared.filter_map(Effect::written_path).map(|path| &**path));
    }
    PlanFiles { bundle: gathered.bundle, contents: Contents::Held(gathered.contents) }
}

impl Gathered<'_> {
    fn take(&mut self, named: &Named<'_>) -> Result<(), Diagnostic> {
        let name = known(named)?;
        if self.bundle.files.contains_key(name) {
            return Ok(());
        }
        let path = normalise(&self.context.base.join(name));
        if self.written.iter().any(|written| path.starts_with(written)) {
            if named.param == "undo" {
                let what =
                    format!("names `{name}` of the plan, which a step makes, and the way back cannot count on it");
                return Err(refused(named, &what, OF_THE_HOST));
            }
            self.bundle.made.insert(name.to_owned());
            return Ok(());
        }
        let told = |what: &str, help: &str| refused(named, &format!("names `{name}` of the plan, {what}"), help);
        let (content, mode) = match read(&path, LARGEST) {
            Ok(Some(read)) => read,
            Ok(None) => {
                let help = "put it beside the plan; a file of the host has an absolute path, and one that a step makes stands in the \
                            effects of that step";
                return Err(told("which is not there", help));
            }
            Err(failure) => {
                return Err(told(&format!("which cannot be kept with the run: {}", failure.message), OF_THE_HOST));
            }
        };
        let so_far: u64 = self.bundle.files.values().map(Brought::size).sum();
        if so_far + content.len() as u64 > TOGETHER {
            let what = format!("with which its files are larger than {} MiB together", TOGETHER >> 20);
            return Err(told(&what, OF_THE_HOST));
        }
        let brought = self.hold(content, mode);
        self.bundle.files.insert(name.to_owned(), brought);
        Ok(())
    }

    fn take_program(&mut self, name: &str, program: &Path) -> Result<(), Failure> {
        if self.bundle.programs.contains_key(name) {
            return Ok(());
        }
        let gone = || Failure::missing(format!("{} is gone", program.display()));
        let (content, mode) = read(program, WHOLE)?.ok_or_else(gone)?;
        let brought = self.hold(content, mode);
        self.bundle.programs.insert(name.to_owned(), brought);
        Ok(())
    }

    fn hold(&mut self, content: Vec<u8>, mode: u32) -> Brought {
        let brought = Brought::of(&content, mode);
        self.contents.entry(brought.digest().to_owned()).or_insert_with(|| content.into());
        brought
    }
}

/// The path that the plan writes.
fn known<'a>(named: &Named<'a>) -> Result<&'a str, Diagnostic> {
    match named.node {
        Node { value: Value::String(name), .. } => Ok(name),
        _ => Err(refused(
            named,
            "names a file of the plan that is known only once a step ran, and a run keeps its files from its beginning",
            "write the path, or name a file of the host by its absolute path",
        )),
    }
}

fn refused(named: &Named<'_>, what: &str, help: &str) -> Diagnostic {
    Diagnostic::error(Code::WRONG_PARAMETER, named.node.span, format!("`{}` {what}", named.param)).help(help)
}

/// The content and the mode of a regular file, links followed; `None` if nothing is there.
fn read(path: &Path, limit: u64) -> Result<Option<(Vec<u8>, u32)>, Failure> {
    let Some(file) = open_regular(path)? else { return Ok(None) };
    let failed = |error: io::Error| runbook_host::io_failure("read", path, &error);
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > limit {
        return Err(Failure::refused(format!("{} is larger than {} MiB", path.display(), limit >> 20)));
    }
    Ok(Some((content, mode)))
}
