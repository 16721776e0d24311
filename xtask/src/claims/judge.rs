//! Whether what is claimed is so.

use super::scene::Scene;
use super::tree::Tree;
use fastrand::Rng;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What is claimed, and what is there.
pub(super) struct View {
    pub(super) before: Tree,
    pub(super) after: Tree,
    /// The exit code of `status`.
    pub(super) code: Option<i32>,
    pub(super) status: Value,
    pub(super) show: Value,
    /// Whether the journal was damaged on purpose.
    pub(super) damaged: bool,
}

impl View {
    fn closing(&self) -> &Value {
        &self.show["closing"]
    }

    /// How the run ended; `None` if there is none, or if it is open.
    pub(super) fn verdict(&self) -> Option<&str> {
        self.closing()["verdict"].as_str()
    }

    /// The words of one of the commands that are named as next.
    pub(super) fn next(&self, random: &mut Rng) -> Option<Vec<String>> {
        let commands = self.closing()["next"].as_array()?;
        let command = commands.get(random.usize(..commands.len().max(1)))?.as_str()?;
        let words = command.strip_prefix("runbook ")?.split(' ');
        Some(words.map(str::to_owned).chain(["--yes".to_owned()]).collect())
    }

    fn gap(&self) -> bool {
        self.status["blocked"]["by"] == "gap"
    }

    /// What the closing names, with what lies below.
    fn named(&self) -> Vec<PathBuf> {
        let remains = self.closing()["remains"].as_array().into_iter().flatten();
        remains.filter_map(|one| one["path"].as_str().map(PathBuf::from)).collect()
    }

    /// The steps whose traces are said to be left.
    fn left(&self) -> Vec<&str> {
        let left = self.closing()["left"].as_array().into_iter().flatten();
        left.filter_map(|one| one["step"].as_str()).collect()
    }

    fn status_of(&self, step: &str) -> &str {
        let steps = self.show["steps"].as_array().into_iter().flatten();
        steps.into_iter().find(|one| one["step"] == step).and_then(|one| one["status"].as_str()).unwrap_or_default()
    }
}

/// Each false claim in a sentence.
pub(super) fn judge(view: &View, scene: &Scene) -> Vec<String> {
    let mut wrong = Vec::new();
    if view.status.is_null() {
        // What cannot be read is no claim, but it must not be a success.
        return if view.code == Some(0) { vec!["`status` says nothing and exits with 0".to_owned()] } else { wrong };
    }
    wrong.extend(wrong_exit(view));
    let differs = view.after.differs(&view.before);
    if view.show.is_null() {
        let changed: Vec<&PathBuf> = differs.iter().filter(|path| is_declared(scene, path)).collect();
        if !changed.is_empty() && !view.gap() {
            wrong.push(format!("no run is known, and the host is changed at {changed:?}"));
        }
        return wrong;
    }
    if view.gap() {
        return wrong;
    }
    match view.verdict() {
        Some("rolled-back" | "refused") => wrong.extend(not_as_it_was(view, scene, &differs)),
        Some("succeeded") => {
            wrong.extend(not_done(view, scene));
            wrong.extend(strays(view, scene, &differs));
        }
        Some("stuck" | "stopped") => wrong.extend(not_named(view, scene, &differs)),
        _ => {}
    }
    wrong
}

fn wrong_exit(view: &View) -> Option<String> {
    let wanted = match (view.gap(), view.show.is_null(), view.verdict()) {
        (true, ..) | (_, false, Some("stuck")) => 5,
        (_, false, None) => 6,
        _ => 0,
    };
    // Damage may be told in more than one way, and each of them is no success.
    let told = view.damaged && view.code == Some(5);
    (view.code != Some(wanted) && !told)
        .then(|| format!("`status` exits with {:?}, not {wanted}: {}", view.code, view.status["blocked"]))
}

/// Everything that the plan declares is as it was, but for what is named; what it does not declare is not spoken of.
fn not_as_it_was(view: &View, scene: &Scene, differs: &[PathBuf]) -> Vec<String> {
    let named = view.named();
    let text = view.closing()["text"].as_str().unwrap_or_default();
    let of_all = text.to_lowercase().contains("the host is as it was");
    let spoken = |path: &&PathBuf| of_all || !is_foreign(scene, path);
    let false_of = differs.iter().filter(spoken).filter(|path| !is_below(path, &named));
    false_of.map(|path| format!("\"{text}\", and {} is not as it was", path.display())).collect()
}

/// A step that changed something left what it says.
fn not_done(view: &View, scene: &Scene) -> Vec<String> {
    let steps = scene.steps();
    let last = |at: usize, path: &Path| {
        !steps.iter().skip(at + 1).any(|later| later.declared.iter().any(|one| path.starts_with(one)))
    };
    let mut wrong = Vec::new();
    for (at, step) in steps.iter().enumerate().filter(|(_, step)| view.status_of(&step.id) == "changed") {
        let Some((path, text)) = step.leaves.as_ref().filter(|(path, _)| last(at, path)) else { continue };
        if std::fs::read_to_string(path).ok().as_ref() != Some(text) {
            wrong.push(format!("`{}` is done, and {} does not hold what it writes", step.id, path.display()));
        }
    }
    wrong
}

/// What nobody declares and nobody names, such as a file that was made on the way.
fn strays(view: &View, scene: &Scene, differs: &[PathBuf]) -> Vec<String> {
    let named = view.named();
    let stray = |path: &&PathBuf| !is_declared(scene, path) && !is_foreign(scene, path) && !is_below(path, &named);
    differs
        .iter()
        .filter(stray)
        .map(|path| format!("{} is not as before, and no step declares it", path.display()))
        .collect()
}

/// What is not as it was is a trace of a step that is said to be left, or is named.
fn not_named(view: &View, scene: &Scene, differs: &[PathBuf]) -> Vec<String> {
    let (named, left) = (view.named(), view.left());
    let of_left = |path: &Path| {
        let steps = scene.steps().iter().filter(|step| left.contains(&step.id.as_str()));
        steps.flat_map(|step| step.declared.iter().chain(&step.undeclared)).any(|one| path.starts_with(one))
    };
    let silent = |path: &&PathBuf| !is_foreign(scene, path) && !is_below(path, &named) && !of_left(path);
    differs
        .iter()
        .filter(silent)
        .map(|path| format!("{} is not as it was, and nothing says so", path.display()))
        .collect()
}

/// What a backup of the plan holds, or a step declares.
fn is_declared(scene: &Scene, path: &Path) -> bool {
    is_backed_up(scene, path) || scene.steps().iter().flat_map(|step| &step.declared).any(|one| path.starts_with(one))
}

fn is_backed_up(scene: &Scene, path: &Path) -> bool {
    ["app", "dep", "st"].iter().any(|name| path.starts_with(scene.host().join(name)))
}

/// What steps change without saying so, and no backup holds: nobody can know of it.
fn is_foreign(scene: &Scene, path: &Path) -> bool {
    let undeclared = scene.steps().iter().flat_map(|step| &step.undeclared).any(|one| path.starts_with(one));
    undeclared && !is_declared(scene, path)
}

fn is_below(path: &Path, named: &[PathBuf]) -> bool {
    named.iter().any(|one| path.starts_with(one))
}
