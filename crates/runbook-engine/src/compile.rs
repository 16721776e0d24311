//! A plan judged by everybody: the language, the kinds, the schedule and the refusals.

use crate::Execution;
use crate::gather::gather;
use crate::program::Program;
use crate::saved::Saved;
use runbook_model::{Code, Declaration, Diagnostic, Diagnostics, Node, Plan, Refusal, Resource, Roles, StepDef, Value};
use runbook_schedule::build;
use runbook_step::{ArgContext, Args, Catalogue, Contents, Kind, PlanFiles, SecretProvider, check_parameters};
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Judges the parameters of every step by its kind, reads the files that the plan brings, then judges order and refusals. Everything
/// that is wrong is told at once; there is a program only if nothing is. `provider` is asked for secrets when the program runs, and not before.
pub fn compile(
    saved: Saved,
    catalogue: Catalogue,
    provider: Arc<dyn SecretProvider>,
) -> (Option<Program>, Vec<Diagnostic>) {
    judge(saved, catalogue, provider, |plan, kinds, declarations, context, found| {
        Some(gather(plan, kinds, declarations, context, found))
    })
}

/// The same for the plan of a run, which keeps its files in `dir`. Nothing beside the plan is read.
pub fn reopen(
    saved: Saved,
    catalogue: Catalogue,
    provider: Arc<dyn SecretProvider>,
    dir: PathBuf,
) -> (Option<Program>, Vec<Diagnostic>) {
    let (program, found) = judge(saved, catalogue, provider, |_, _, _, _, _| None);
    (program.map(|program| program.kept_in(dir)), found)
}

/// The same for a plan that was judged elsewhere, with the contents of its files by their digests. Nothing beside the plan is read.
pub fn admit(
    saved: Saved,
    catalogue: Catalogue,
    provider: Arc<dyn SecretProvider>,
    contents: BTreeMap<String, Arc<[u8]>>,
) -> (Option<Program>, Vec<Diagnostic>) {
    let saved = Saved { elsewhere: true, ..saved };
    let (program, found) = judge(saved, catalogue, provider, |_, _, _, _, _| None);
    (program.map(|program| program.with_files(Contents::Held(contents))), found)
}

fn judge(
    mut saved: Saved,
    catalogue: Catalogue,
    provider: Arc<dyn SecretProvider>,
    files: impl FnOnce(&Plan, &[Option<&dyn Kind>], &[Declaration], &ArgContext, &mut Diagnostics) -> Option<PlanFiles>,
) -> (Option<Program>, Vec<Diagnostic>) {
    let catalogue = catalogue.knowing(&saved.kinds);
    let plan = &saved.plan;
    let mut found = Diagnostics::default();
    let mut context = ArgContext { window: plan.window.clone(), ..ArgContext::new(&plan.base, &plan.host.home) };
    let kinds: Vec<Option<&dyn Kind>> = plan.steps.iter().map(|step| kind_of(step, &catalogue, &mut found)).collect();
    let alone = declarations(plan, &kinds, &context);
    context.services = services(&alone);
    let mut sound = true;
    for (step, kind) in plan.steps.iter().zip(&kinds) {
        sound &= kind.is_some_and(|kind| check(kind, step, &kind.args(step, &context), &mut found));
    }
    // Kinds that speak of "the service" declare more once the services are known.
    let declarations = if context.services.is_empty() { alone } else { declarations(plan, &kinds, &context) };
    let files = files(plan, &kinds, &declarations, &context, &mut found);
    if declarations.len() != plan.steps.len() {
        return (None, found.into_sorted());
    }
    let (schedule, refusals) = build(plan, &declarations);
    found.extend(refusals.into_iter().filter(|fault| sound || is_about_one_step(&fault.code)));
    let (Some(schedule), false) = (schedule, found.has_errors()) else { return (None, found.into_sorted()) };
    let execution = Execution::new(plan, schedule, saved.parallel);
    saved.roles = Some(roles(plan, declarations));
    saved.kinds = catalogue.declared(saved.plan.steps.iter().map(|step| step.uses.as_str()));
    if let Some(files) = files {
        saved.plan.digest = files.bundle.digest(&saved.plan.digest);
        saved.bundle = Some(files.bundle.clone());
        context.files = Some(Arc::new(files));
    }
    let places = saved.plan.steps.iter().map(|step| step.id.clone()).zip(0..).collect();
    (Some(Program { saved, execution, catalogue, provider, context, kept: None, places }), found.into_sorted())
}

/// Whether a refusal stays true whatever the other steps are. What is said of order and coverage may come from a
/// parameter that is wrong.
fn is_about_one_step(code: &Code) -> bool {
    [Code::UNDO_NEEDS_NO_NETWORK, Code::EXACT_VERSION, Code::EXACT_TARGET, Code::NARROW_KILL].contains(code)
}

fn kind_of<'a>(step: &StepDef, catalogue: &'a Catalogue, found: &mut Diagnostics) -> Option<&'a dyn Kind> {
    catalogue.look_up(&step.uses, step.uses_span).map_err(|fault| found.push(fault)).ok()
}

/// What each step of a known kind declares.
fn declarations(plan: &Plan, kinds: &[Option<&dyn Kind>], context: &ArgContext) -> Vec<Declaration> {
    let declare =
        |(step, kind): (&StepDef, &Option<&dyn Kind>)| kind.map(|kind| kind.declare(&kind.args(step, context)));
    plan.steps.iter().zip(kinds).filter_map(declare).collect()
}

fn roles(plan: &Plan, declarations: Vec<Declaration>) -> Roles {
    let steps = plan.steps.iter().map(|step| step.id.clone());
    steps.zip(declarations.into_iter().map(|it| it.roles)).filter(|(_, roles)| !roles.is_empty()).collect()
}

/// The services that the plan brings up, without repeats, in the order of the file.
fn services(declarations: &[Declaration]) -> Vec<Resource> {
    let mut seen = HashSet::new();
    declarations.iter().flat_map(Declaration::starts).filter(|service| seen.insert(*service)).cloned().collect()
}

/// Whether the parameters are sound. Where all of them are known already, the step is bound for the sake of what only
/// that finds.
fn check(kind: &dyn Kind, step: &StepDef, args: &Args<'_>, found: &mut Diagnostics) -> bool {
    if !matches!(args.node.value, Value::Map(_)) {
        return false;
    }
    let before = found.len();
    check_parameters(args, found);
    kind.check(args, found);
    if found.len() == before && is_known(args.node) {
        found.extend(kind.bind(args).err().filter(|_| !is_refused_as_vague(kind, step, args)));
    }
    found.len() == before
}

/// Whether nothing waits for a step or a secret, or had a fault of its own.
fn is_known(node: &Node) -> bool {
    let mut known = true;
    node.walk(&mut |node| known &= !matches!(node.value, Value::Later(_)));
    known
}

/// Whether the refusal `exact-target` tells what the step lacks.
fn is_refused_as_vague(kind: &dyn Kind, step: &StepDef, args: &Args<'_>) -> bool {
    let excepted = step.allow.iter().any(|allow| allow.rule == Refusal::ExactTarget);
    !excepted && kind.declare(args).vague_target.is_some()
}
