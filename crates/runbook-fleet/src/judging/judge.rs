//! Every plan of a rollout, judged for every host that takes it.

use super::RolloutFiles;
use super::alike::alike;
use runbook_engine::Program;
use runbook_model::{
    Code, Diagnostic, Diagnostics, HostFacts, HostName, Resolved, Retention, Role, SourceMap, Stage, StepId,
    did_you_mean,
};
use runbook_plan::{ArtifactAt, LayerVars, same_platform, stage_layers};
use runbook_rollout::Target;
use runbook_session::{CommandError, Elsewhere, Judged, Session, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A rollout with every plan judged for every host.
pub struct JudgedRollout {
    /// The stages in the order of the file.
    pub stages: Vec<JudgedStage>,
    /// What was found in the rollout when its plans were at hand; spans point into the texts of the rollout.
    pub diagnostics: Vec<Diagnostic>,
}

/// A stage with its hosts.
pub struct JudgedStage {
    /// Which.
    pub stage: StepId,
    /// Its hosts in the order of the inventory.
    pub hosts: Vec<JudgedHost>,
    /// What was found in the plan for all of them; what is said of some alone names them.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of the plan, the rollout and the inventory.
    pub sources: SourceMap,
}

/// What came of a plan for one host.
pub struct JudgedHost {
    /// The host.
    pub host: HostName,
    /// The program, if nothing is wrong.
    pub program: Option<Program>,
    /// Its variables, as far as they could be resolved.
    pub vars: Vec<Resolved>,
}

impl JudgedRollout {
    /// The digest of what the rollout does: its own text, its inventory, and what every plan is for every host. The same in every checkout.
    pub fn digest(&self, files: &RolloutFiles) -> String {
        let mut hash = blake3::Hasher::new();
        let mut feed = |text: &str| {
            hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        files.sources.iter().for_each(|source| feed(&source.text));
        for host in self.stages.iter().flat_map(|stage| &stage.hosts) {
            feed(host.host.as_str());
            feed(host.program.as_ref().map_or("", |program| program.plan().digest.as_str()));
        }
        hash.finalize().to_hex().to_string()
    }

    /// The files that it was read from, absolute: the rollout, its inventory, plans and environments, and what plans bring.
    pub fn paths(&self, files: &RolloutFiles) -> BTreeSet<PathBuf> {
        let of_stages = self.stages.iter().map(|stage| &stage.sources);
        let texts = std::iter::once(&files.sources).chain(of_stages).flat_map(SourceMap::iter);
        let texts = texts.filter_map(|source| std::path::absolute(&source.name).ok());
        let programs = self.stages.iter().flat_map(|stage| &stage.hosts).filter_map(|host| host.program.as_ref());
        let brought = programs.flat_map(|program| {
            let named = program.saved.bundle.iter().flat_map(|bundle| bundle.files.keys());
            named.map(|name| Path::new(&program.plan().base).join(name))
        });
        // What was given beside them has a name and is no file.
        texts.chain(brought).filter(|path| path.is_file()).collect()
    }

    /// How long the plan that keeps its runs longest keeps them.
    pub fn retention(&self) -> Retention {
        let programs = self.stages.iter().flat_map(|stage| &stage.hosts).filter_map(|host| host.program.as_ref());
        let longest = programs.map(|program| program.plan().retention).reduce(|one, other| Retention {
            keep_for: one.keep_for.max(other.keep_for),
            keep_last: one.keep_last.max(other.keep_last),
        });
        longest.unwrap_or_default()
    }

    /// The digest of the plan of each target, for the facts that it was judged for.
    pub fn plans(&self) -> Vec<(Target, String)> {
        let of = |stage: &JudgedStage| {
            let digest = |host: &JudgedHost| {
                let target = Target { stage: stage.stage.clone(), host: host.host.clone() };
                Some((target, host.program.as_ref()?.plan().digest.clone()))
            };
            stage.hosts.iter().filter_map(digest).collect::<Vec<_>>()
        };
        self.stages.iter().flat_map(of).collect()
    }

    /// Whether every host has a program and nothing is wrong with the rollout.
    pub fn is_sound(&self) -> bool {
        let error = |found: &Diagnostic| found.severity == runbook_model::Severity::Error;
        let whole = |stage: &JudgedStage| stage.hosts.iter().all(|host| host.program.is_some());
        !self.diagnostics.iter().any(error) && self.stages.iter().all(whole)
    }
}

impl RolloutFiles {
    /// Judges the plan of `stage` for one of its hosts. `at` tells where an artifact that the stage takes lies there.
    pub fn judge_host(
        &self,
        session: &Session,
        (stage, host): (&Stage, &HostName),
        facts: HostFacts,
        (env, vars): (Option<&str>, &[String]),
        at: impl Fn(&StepId) -> ArtifactAt,
    ) -> Result<Judged, CommandError> {
        let plan = self.plans.get(&stage.plan).ok_or_else(|| not_read(&stage.plan))?;
        let entry = self.inventory.host(host.as_str()).ok_or_else(|| not_read(host.as_str()))?;
        let mut layers = stage_layers(&self.rollout, stage, at).to_vec();
        layers.push(LayerVars::of_host(entry));
        let elsewhere = Some(Elsewhere { facts, layers, sources: self.sources.clone() });
        let env = env.or(self.rollout.environment.as_deref());
        Ok(session.load(&Source { plan, env, vars, parallel: 4, elsewhere })?)
    }

    /// Judges everything. Artifacts that no host has made yet stand as a file of the state directory and a digest that no file has.
    pub fn judge(
        &self,
        session: &Session,
        facts: impl Fn(&HostName) -> Option<HostFacts>,
        flags: (Option<&str>, &[String]),
    ) -> Result<JudgedRollout, CommandError> {
        let mut faults = Diagnostics::default();
        let mut stages = Vec::new();
        for stage in &self.rollout.stages {
            stages.push(self.stage(session, stage, &facts, flags)?);
        }
        let known: Vec<(HostName, HostFacts)> =
            self.inventory.hosts.iter().filter_map(|host| Some((host.name.clone(), facts(&host.name)?))).collect();
        let fact = |name: &HostName| known.iter().find(|(host, _)| host == name).map(|(_, facts)| facts);
        faults.extend(same_platform(&self.rollout, fact));
        faults.extend(self.undeclared(&stages));
        self.rollout.stages.iter().zip(&stages).for_each(|(stage, judged)| faults.extend(not_packed(stage, judged)));
        Ok(JudgedRollout { stages, diagnostics: faults.into_sorted() })
    }

    fn stage(
        &self,
        session: &Session,
        stage: &Stage,
        facts: &impl Fn(&HostName) -> Option<HostFacts>,
        flags: (Option<&str>, &[String]),
    ) -> Result<JudgedStage, CommandError> {
        let (mut hosts, mut found, mut sources) = (Vec::new(), Vec::new(), SourceMap::default());
        for name in &stage.hosts.names {
            let Some(facts) = facts(name) else { continue };
            let judged = self.judge_host(session, (stage, name), facts, flags, not_made)?;
            found.push((name.clone(), judged.diagnostics));
            sources = judged.sources;
            hosts.push(JudgedHost { host: name.clone(), program: judged.program, vars: judged.vars });
        }
        Ok(JudgedStage { stage: stage.id.clone(), hosts, diagnostics: together(found), sources })
    }

    /// A variable of the rollout that no plan declares has no effect.
    fn undeclared(&self, stages: &[JudgedStage]) -> Vec<Diagnostic> {
        let hosts = || stages.iter().flat_map(|stage| &stage.hosts);
        // What a plan with faults declares may be unknown.
        if hosts().any(|host| host.program.is_none()) {
            return Vec::new();
        }
        let declared: BTreeSet<&str> = hosts().flat_map(|host| &host.vars).map(|var| var.name.as_str()).collect();
        let unknown = self.rollout.vars.iter().filter(|entry| !declared.contains(entry.key.as_str()));
        let fault = unknown.map(|entry| {
            let near = did_you_mean(&entry.key, declared.iter().copied());
            let message = format!("no plan of the rollout declares a variable `{}`", entry.key);
            let fault = Diagnostic::error(Code::UNKNOWN_VARIABLE, entry.key_span, message);
            fault.maybe_help(near.map(|near| format!("did you mean `{near}`?")))
        });
        fault.collect()
    }
}

/// Where an artifact lies that nobody has made yet.
pub fn not_made(artifact: &StepId) -> ArtifactAt {
    let path = format!("{}/artifacts/{artifact}.tar.zst", runbook_session::SYSTEM_STATE);
    ArtifactAt { path, digest: "0".repeat(64) }
}

fn not_read(what: &str) -> CommandError {
    CommandError::refused(format!("`{what}` is no part of the rollout"))
}

/// What is said of the hosts of a stage, each thing once.
fn together(found: Vec<(HostName, Vec<Diagnostic>)>) -> Vec<Diagnostic> {
    let all = found.len();
    let each = found.into_iter().flat_map(|(host, found)| found.into_iter().map(move |one| (host.clone(), one)));
    let fold = alike(each).into_iter().map(|same| {
        let hosts: Vec<&str> = same.hosts.iter().map(HostName::as_str).collect();
        let on = if hosts.len() < all { format!(" (for {})", hosts.join(", ")) } else { String::new() };
        Diagnostic { message: format!("{}{on}", same.what.message), ..same.what }
    });
    fold.collect()
}

/// What a stage gives is made by its plan.
fn not_packed(stage: &Stage, judged: &JudgedStage) -> Vec<Diagnostic> {
    let Some(program) = judged.hosts.iter().find_map(|host| host.program.as_ref()) else { return Vec::new() };
    let schedule = &program.execution.schedule;
    let packs = |step: &StepId| schedule.declaration(step).is_some_and(|it| it.roles.contains(&Role::Promote));
    let fault = |(artifact, span): &(StepId, runbook_model::Span)| {
        let steps = schedule.order().iter().filter(|step| packs(step)).map(StepId::as_str);
        let steps: Vec<&str> = steps.collect();
        let message = format!("`{}` has no step `{artifact}` that packs an artifact", stage.plan);
        let help = match (did_you_mean(artifact.as_str(), steps.iter().copied()), steps.as_slice()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, []) => "the plan has no step that packs one; add it after the verification".to_owned(),
            (None, steps) => format!("its steps that do are {}", steps.join(", ")),
        };
        Diagnostic::error(Code::NOT_PACKED, *span, message).related(stage.plan_span, "the plan").help(help)
    };
    stage.artifacts.iter().filter(|(artifact, _)| !packs(artifact)).map(fault).collect()
}
