//! `review` entries against what the plan installs. Report 1, attempt 2: the changelog that was read has to be that of the
//! version that is installed, and no other.

use crate::refusals::parameter;
use crate::steps::Steps;
use runbook_model::{
    Code, Declaration, Diagnostic, Later, Node, Plan, Purpose, Review, Role, Span, StepDef, Value, Version,
};

/// What may follow a version after a hyphen without making it another one: `demo-1.1.0-linux-x64.tgz`.
const PLATFORMS: [&str; 10] =
    ["linux", "darwin", "macos", "x64", "x86_64", "amd64", "arm64", "aarch64", "noarch", "any"];
/// Parameters that say nothing about what is installed: the way back names the version of before, and what a step touches
/// or leaves may do so too.
const NOT_FORWARD: [&str; 3] = ["undo", "creates", "effects"];
/// Stands for what a template learns when its step runs; a version beside it may be a part of another one.
const UNKNOWN: char = '\u{fffc}';

/// A step that installs something, and what is known of the version before it runs.
struct Target<'a> {
    step: &'a StepDef,
    installs: Installs<'a>,
}

enum Installs<'a> {
    /// The version that the kind names.
    Exactly(&'a str),
    /// Whatever its parameters name: a directory of a release, a package in an argument vector.
    Named(&'a Plan, &'a Node),
    /// It learns that from another step.
    Later,
}

/// Every review that is for another version than those that the plan installs.
pub(crate) fn stale(plan: &Plan, steps: &Steps<'_>) -> Vec<Diagnostic> {
    if plan.review.is_empty() {
        return Vec::new();
    }
    // Where no step is known to install something, any change may be what switches the version.
    let known = steps.each().any(|(_, _, it)| installs(it));
    let concerned = |it: &Declaration| match known {
        true => installs(it) || (changes(it) && !it.commands.is_empty()),
        false => changes(it),
    };
    let targets: Vec<Target<'_>> =
        steps.each().filter(|(_, _, it)| concerned(it)).map(|(_, def, it)| target(plan, def, it)).collect();
    plan.review.iter().filter_map(|review| judge(review, &targets)).collect()
}

/// Whether the step is known to install something.
fn installs(declaration: &Declaration) -> bool {
    declaration.roles.contains(&Role::Replace) || declaration.version.is_some()
}

fn changes(declaration: &Declaration) -> bool {
    declaration.purpose == Purpose::Principal && declaration.changes()
}

fn target<'a>(plan: &'a Plan, step: &'a StepDef, declaration: &'a Declaration) -> Target<'a> {
    let waits = step.with.get("version").is_some_and(|entry| !entry.value.waits_for().is_empty());
    let installs = match &declaration.version {
        Some(version) => Installs::Exactly(version),
        None if waits => Installs::Later,
        None => Installs::Named(plan, &step.with),
    };
    Target { step, installs }
}

fn judge(review: &Review, targets: &[Target<'_>]) -> Option<Diagnostic> {
    let stale = |message: String| Diagnostic::error(Code::STALE_REVIEW, review.span, message);
    if let Err(why @ runbook_model::VersionError::NotExact) = Version::parse(&review.version) {
        let message = format!("`{}` was reviewed for `{}`: {why}", review.what, review.version);
        return Some(stale(message).help("write the one version that was read about"));
    }
    if targets.iter().any(|target| target.is(&review.version)) {
        return None;
    }
    let message = format!("`{}` was reviewed for {}, and the plan {}", review.what, review.version, told(targets));
    let fault = targets.iter().fold(stale(message), |fault, target| target.shown(fault));
    Some(fault.help(next(review, targets)))
}

impl Target<'_> {
    fn is(&self, version: &str) -> bool {
        match self.installs {
            Installs::Exactly(own) => same(own, version),
            Installs::Named(plan, with) => mentions(plan, with, version),
            Installs::Later => false,
        }
    }

    /// The place where it says what it installs.
    fn shown(&self, fault: Diagnostic) -> Diagnostic {
        let at = |name: &str| -> Span { parameter(self.step, name) };
        match self.installs {
            Installs::Exactly(version) => {
                fault.related(at("version"), format!("`{}` installs {version}", self.step.id))
            }
            Installs::Named(..) => {
                fault.related(self.step.id_span, format!("`{}` names another version, or none", self.step.id))
            }
            Installs::Later => {
                fault.related(self.step.id_span, format!("`{}` learns its version when it runs", self.step.id))
            }
        }
    }
}

fn exact<'a>(targets: &'a [Target<'a>]) -> Vec<&'a str> {
    let of = |target: &Target<'a>| match target.installs {
        Installs::Exactly(version) => Some(version),
        Installs::Named(..) | Installs::Later => None,
    };
    targets.iter().filter_map(of).collect()
}

/// `installs 2026.4.23`
fn told(targets: &[Target<'_>]) -> String {
    match exact(targets).as_slice() {
        [] if targets.is_empty() => "installs nothing".to_owned(),
        [] => "does not say before it runs that it installs that".to_owned(),
        versions => format!("installs {}", versions.join(", ")),
    }
}

fn next(review: &Review, targets: &[Target<'_>]) -> String {
    match exact(targets).as_slice() {
        [] if targets.is_empty() => "take the entry out, or add the step that installs what was read about".to_owned(),
        [] => "write the version into the step, best as a variable of type version, so that both name the same one"
            .to_owned(),
        [version] => format!("read the {} for {version}, then write `for: {version}`", review.what),
        _ => format!("read the {} for the version that is installed, then change `for`", review.what),
    }
}

fn same(a: &str, b: &str) -> bool {
    a == b || matches!((Version::parse(a), Version::parse(b)), (Ok(a), Ok(b)) if a == b)
}

/// Whether a text of the forward parameters names `version`, whole and not as a part of another one.
fn mentions(plan: &Plan, with: &Node, version: &str) -> bool {
    let mut found = false;
    let mut visit = |node: &Node| {
        found |= match &node.value {
            Value::String(text) => names(text, version),
            Value::Later(later) => names(&known_of(plan, later), version),
            _ => false,
        }
    };
    match &with.value {
        Value::Map(entries) => {
            let forward = entries.iter().filter(|entry| !NOT_FORWARD.contains(&entry.key.as_str()));
            forward.for_each(|entry| entry.value.walk(&mut visit));
        }
        _ => with.walk(&mut visit),
    }
    found
}

/// What is known of a template that waits: its text with the plan's variables, and [`UNKNOWN`] for everything else.
fn known_of(plan: &Plan, later: &Later) -> String {
    let mut parts = later.template.split("{{");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").unwrap_or((part, ""));
        match variable(plan, expression) {
            Some(value) => text.push_str(value),
            None => text.push(UNKNOWN),
        }
        text.push_str(rest);
    }
    // Which text of a block will stand, nobody knows yet.
    if text.contains("{%") { UNKNOWN.to_string() } else { text }
}

/// The value of an expression that is nothing but the name of a variable with a text.
fn variable<'a>(plan: &'a Plan, expression: &str) -> Option<&'a str> {
    let name = expression.trim().strip_prefix("vars.")?;
    let known = plan.vars.iter().find(|known| known.name == name)?;
    match &known.value.as_ref()?.value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn names(text: &str, version: &str) -> bool {
    text.match_indices(version).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let after = rest.get(version.len()..).unwrap_or_default();
        begins(before) && ends(after)
    })
}

fn begins(before: &str) -> bool {
    let mut letters = before.chars().rev();
    match letters.next() {
        Some('v') => letters.next().is_none_or(|c| !belongs(c)),
        Some(c) => !belongs(c) && c != '.',
        None => true,
    }
}

fn ends(after: &str) -> bool {
    let mut letters = after.chars();
    match letters.next() {
        Some('.') => letters.next().is_none_or(|c| !c.is_ascii_digit() && c != UNKNOWN),
        Some('-') => is_platform(letters.as_str()),
        Some(c) => !belongs(c) && !['+', '~'].contains(&c),
        None => true,
    }
}

fn is_platform(text: &str) -> bool {
    let rests = PLATFORMS.iter().filter_map(|platform| text.strip_prefix(platform));
    rests.into_iter().any(|rest| rest.chars().next().is_none_or(|c| !belongs(c)))
}

/// Whether a version goes on in `c`.
fn belongs(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == UNKNOWN
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_version_is_named_whole_or_not_at_all() {
        for text in [
            "/srv/releases/1.1.0",
            "demo@1.1.0",
            "v1.1.0",
            "demo-1.1.0.tgz",
            "demo-1.1.0-linux-x64.tgz",
            "a 1.1.0, b",
            "demo-1.1.0-any",
            "demo_1.1.0-x86_64.deb",
            "\u{fffc}/demo-1.1.0.tgz",
        ] {
            assert!(names(text, "1.1.0"), "{text}");
        }
        for text in [
            "/srv/1.1.01",
            "demo@1.1.0-2",
            "21.1.0",
            "0.1.1.0",
            "1.1.0.1",
            "1.1.0-beta",
            "1.1.0+b",
            "dev1.1.0",
            "demo_1.1.0~rc1",
            "1.1.0-anything",
            "1.1.0-x64b",
            "\u{fffc}1.1.0",
            "1.1.0\u{fffc}",
            "1.1.0.\u{fffc}",
            "1.1.0-\u{fffc}",
            "v\u{fffc}.1.1.0",
        ] {
            assert!(!names(text, "1.1.0"), "{text}");
        }
    }
}
