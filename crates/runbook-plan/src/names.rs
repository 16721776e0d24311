//! Which names a template may read: variables, steps with their outputs, facts of the host.

use runbook_model::{Code, Diagnostic, HostFacts, Reference, Span, StepId, did_you_mean};
use runbook_template::Use;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

/// How often a near name is looked for among many; more faults than this are told without.
const SUGGESTIONS: u32 = 100;

/// To how many bytes all templates of a plan together may be rendered before it runs.
pub(crate) const RENDERED: usize = 64 << 20;

/// What is known of a variable.
#[derive(Clone, Copy)]
pub(crate) struct VarInfo {
    pub(crate) span: Span,
    pub(crate) state: VarState,
}

/// Whether a variable can be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum VarState {
    Ready,
    Secret,
    /// Declared further down, so that a default cannot use it yet.
    NotYet,
    /// Its own fault has been reported already.
    Broken,
}

/// What is known of a step before its parameters are looked at.
pub(crate) struct StepInfo<'n> {
    pub(crate) id: StepId,
    pub(crate) span: Span,
    pub(crate) uses: Option<&'n str>,
}

/// All names of a plan.
pub(crate) struct Names<'n> {
    pub(crate) vars: BTreeMap<&'n str, VarInfo>,
    /// In order, so that of two names equally near the same one is suggested every time.
    pub(crate) steps: BTreeMap<&'n str, StepInfo<'n>>,
    pub(crate) outputs: &'n dyn Fn(&str) -> Option<Vec<String>>,
    outputs_of: std::cell::RefCell<HashMap<&'n str, Option<std::rc::Rc<Vec<String>>>>>,
    suggestions: Cell<u32>,
    rendered: Cell<usize>,
}

/// Whether all that was rendered so far is within the budget.
pub(crate) enum Spent {
    Within,
    /// For the first time not.
    JustOver,
    Over,
}

/// What a name is.
pub(crate) enum Judgement {
    Known,
    Waits(Reference),
    /// A fault that has been reported elsewhere.
    Broken,
    Fault(Box<Diagnostic>),
}

impl<'n> Names<'n> {
    pub(crate) fn new(outputs: &'n dyn Fn(&str) -> Option<Vec<String>>) -> Self {
        Self {
            vars: BTreeMap::new(),
            steps: BTreeMap::new(),
            outputs,
            outputs_of: std::cell::RefCell::default(),
            suggestions: Cell::new(SUGGESTIONS),
            rendered: Cell::new(0),
        }
    }

    /// Takes so many bytes from what may be rendered.
    pub(crate) fn spend(&self, bytes: usize) -> Spent {
        let before = self.rendered.get();
        let after = before.saturating_add(bytes);
        self.rendered.set(after);
        match (before > RENDERED, after > RENDERED) {
            (true, _) => Spent::Over,
            (false, true) => Spent::JustOver,
            (false, false) => Spent::Within,
        }
    }

    /// The nearest of `candidates`, as long as not too many were asked for.
    pub(crate) fn near<'a>(&self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let left = self.suggestions.get();
        self.suggestions.set(left.saturating_sub(1));
        (left > 0).then(|| did_you_mean(word, candidates)).flatten()
    }

    /// What `name` at `place` is, for the step `own` or for no step.
    pub(crate) fn judge(&self, name: &Use, place: Span, own: Option<&str>) -> Judgement {
        let parts: Vec<&str> = name.path.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["vars", name, ..] => self.variable(name, place),
            ["steps", id, output, ..] => self.output(id, output, place, own),
            ["host", fact] if HostFacts::NAMES.contains(fact) => Judgement::Known,
            ["environment"] => Judgement::Known,
            ["host", fact, ..] => {
                let help = match did_you_mean(fact, HostFacts::NAMES) {
                    Some(near) => format!("did you mean `host.{near}`?"),
                    None => format!("the facts are {}", crate::fields::listed(&HostFacts::NAMES)),
                };
                fault(Code::UNKNOWN_NAME, place, format!("there is no `{}`", parts.join(".")), Some(help))
            }
            ["steps", id] => match self.steps.get(id) {
                Some(_) => fault(
                    Code::UNKNOWN_NAME,
                    place,
                    format!("`steps.{id}` names a step and none of its outputs"),
                    Some(format!("write `steps.{id}.NAME`")),
                ),
                None => self.unknown_step(id, place),
            },
            ["vars" | "steps" | "host"] => {
                let root = parts.first().copied().unwrap_or("");
                let message = format!("`{root}` has to be followed by a name");
                fault(Code::UNKNOWN_NAME, place, message, Some(format!("write `{root}.NAME`")))
            }
            _ => self.unknown_root(parts.first().copied().unwrap_or(""), place),
        }
    }

    fn variable(&self, name: &str, place: Span) -> Judgement {
        match self.vars.get(name).map(|info| (info.state, info.span)) {
            Some((VarState::Ready, _)) => Judgement::Known,
            Some((VarState::Secret, _)) => Judgement::Waits(Reference::Secret(name.to_owned())),
            Some((VarState::Broken, _)) => Judgement::Broken,
            Some((VarState::NotYet, span)) => Judgement::Fault(Box::new(
                Diagnostic::error(Code::UNKNOWN_VARIABLE, place, format!("`vars.{name}` is declared further down"))
                    .related(span, "it is declared here")
                    .help("a value may use the variables that are declared above it"),
            )),
            None => Judgement::Fault(Box::new(self.unknown_variable(name, place))),
        }
    }

    /// The diagnostic for a variable that the plan does not declare.
    pub(crate) fn unknown_variable(&self, name: &str, place: Span) -> Diagnostic {
        let message = format!("the plan declares no variable `{name}`");
        let diagnostic = Diagnostic::error(Code::UNKNOWN_VARIABLE, place, message);
        match self.near(name, self.vars.keys().copied()) {
            Some(near) => {
                let declared = self.vars.get(near).map(|info| info.span);
                let diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                declared
                    .map_or(diagnostic.clone(), |span| diagnostic.related(span, format!("`{near}` is declared here")))
            }
            None if self.vars.is_empty() => diagnostic.help("declare it under `vars`"),
            None => diagnostic.help(format!("the variables are {}", self.some_variables())),
        }
    }

    fn some_variables(&self) -> String {
        let names: Vec<&str> = self.vars.keys().copied().take(12).collect();
        let more = if self.vars.len() > names.len() { ", …" } else { "" };
        format!("{}{more}", crate::fields::listed(&names))
    }

    fn output(&self, id: &str, output: &str, place: Span, own: Option<&str>) -> Judgement {
        let Some((key, step)) = self.steps.get_key_value(id) else { return self.unknown_step(id, place) };
        if own == Some(id) {
            let message = format!("step `{id}` uses its own output `{output}`");
            let help = "an output exists when its step has ended";
            return fault(Code::NEEDS_ITSELF, place, message, Some(help.to_owned()));
        }
        if let Some(known) = step.uses.and_then(|uses| self.outputs_of(uses))
            && !known.iter().any(|name| name == output)
        {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let help = match self.near(output, names.iter().copied()) {
                Some(near) => format!("did you mean `steps.{id}.{near}`?"),
                None if names.is_empty() => format!("`{}` has no outputs", step.uses.unwrap_or("")),
                None => format!("its outputs are {}", crate::fields::listed(&names)),
            };
            let diagnostic =
                Diagnostic::error(Code::UNKNOWN_OUTPUT, place, format!("step `{key}` has no output `{output}`"))
                    .related(step.span, "the step")
                    .help(help);
            return Judgement::Fault(Box::new(diagnostic));
        }
        Judgement::Waits(Reference::Output { step: step.id.clone(), output: output.to_owned() })
    }

    fn outputs_of(&self, uses: &'n str) -> Option<std::rc::Rc<Vec<String>>> {
        let mut cache = self.outputs_of.borrow_mut();
        cache.entry(uses).or_insert_with(|| (self.outputs)(uses).map(std::rc::Rc::new)).clone()
    }

    fn unknown_step(&self, id: &str, place: Span) -> Judgement {
        let message = format!("`steps.{id}` names a step that is not in this plan");
        let diagnostic = Diagnostic::error(Code::UNKNOWN_NAME, place, message);
        Judgement::Fault(Box::new(self.with_near_step(diagnostic, id)))
    }

    /// `diagnostic` with the step that may have been meant.
    pub(crate) fn with_near_step(&self, diagnostic: Diagnostic, id: &str) -> Diagnostic {
        match self.near(id, self.steps.keys().copied()).and_then(|near| self.steps.get(near)) {
            Some(step) => diagnostic
                .related(step.span, format!("`{}` is here", step.id))
                .help(format!("did you mean `{}`?", step.id)),
            None => diagnostic,
        }
    }

    fn unknown_root(&self, name: &str, place: Span) -> Judgement {
        let help = if self.vars.contains_key(name) {
            format!("did you mean `vars.{name}`?")
        } else if self.steps.contains_key(name) {
            format!("did you mean `steps.{name}`?")
        } else if let Some(near) = did_you_mean(name, ["vars", "steps", "host", "environment"]) {
            format!("did you mean `{near}`?")
        } else {
            "in scope are `vars.*`, `steps.<id>.*`, `host.*` and `environment`; quote a text inside an expression"
                .to_owned()
        };
        fault(Code::UNKNOWN_NAME, place, format!("there is no `{name}`"), Some(help))
    }
}

fn fault(code: Code, place: Span, message: String, help: Option<String>) -> Judgement {
    Judgement::Fault(Box::new(Diagnostic::error(code, place, message).maybe_help(help)))
}
