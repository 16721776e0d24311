//! A plan as a few lines of text: `id word word …`, one step a line.
//!
//! Words: `needs=a,b` `data=a,b` `if=a` `r=…` `w=…` (resources) `backup=…` `stop=` `start=` `restart=` (a service) `port=18789`
//! `verify=functional,negative` `inspect` `prepare` `replace` `cache` `promote` `gate` `undo=own|backup|none` `allow=rule`
//! `version=…` `vague=…`; ` run: …` and ` undo: …` at the end of a line are commands, split at blanks, quotes kept together.
//! Resources: `/path`, `?` (an unknown path), `unit:x`, `process:x`, `tcp:1`, `package:x`, `*` (everything).

use runbook_model::*;
use runbook_schedule::{Schedule, build};

pub(crate) fn resource(text: &str) -> Resource {
    match text.split_once(':') {
        Some(("unit", name)) => Resource::Unit(name.into()),
        Some(("job", name)) => Resource::Job(name.into()),
        Some(("process", name)) => Resource::Process(name.into()),
        Some(("package", name)) => Resource::Package(name.into()),
        Some(("tcp", port)) => Resource::Port(port.parse().unwrap()),
        _ if text == "?" => Resource::UnknownPath,
        _ if text == "*" => Resource::Everything,
        _ => Resource::Path(text.into()),
    }
}

fn id(text: &str) -> StepId {
    StepId::new(text).unwrap_or_else(|| panic!("`{text}` is not an id"))
}

/// The words of a command line; `'…'` is one word.
pub(crate) fn words(text: &str) -> Vec<String> {
    let parts = text.split('\'').enumerate();
    parts
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

pub(crate) fn plan(text: &str) -> (Plan, Vec<Declaration>) {
    let mut steps = Vec::new();
    let mut declarations = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            let (step, declaration) = step(line.trim_end(), start);
            steps.push(step);
            declarations.push(declaration);
        }
        start += line.len();
    }
    let fact = String::new;
    let host =
        HostFacts { os: fact(), arch: fact(), libc: fact(), init: fact(), name: fact(), user: fact(), home: fact() };
    let plan = Plan {
        name: "p".into(),
        summary: fact(),
        digest: fact(),
        environment: None,
        base: "/".into(),
        host,
        vars: vec![],
        window: None,
        retention: Retention::default(),
        review: vec![],
        steps,
    };
    (plan, declarations)
}

fn step(line: &str, start: usize) -> (StepDef, Declaration) {
    let mut declaration = Declaration::principal(UndoSource::Own);
    let (head, undo) = line.split_once(" undo: ").map_or((line, None), |(head, undo)| (head, Some(undo)));
    let (head, run) = head.split_once(" run: ").map_or((head, None), |(head, run)| (head, Some(run)));
    declaration.commands.extend(run.map(words));
    let span_of = |word: &str| {
        let at = start + (word.as_ptr() as usize - line.as_ptr() as usize);
        Span::new(SourceId(0), at, at + word.len())
    };
    let mut head = head.split_whitespace();
    let name = head.next().unwrap();
    let mut def = StepDef {
        id: id(name),
        id_span: span_of(name),
        uses: "x".into(),
        uses_span: span_of(name),
        with: Node::new(span_of(name), Value::List(vec![])),
        needs: vec![],
        condition: None,
        timeout: None,
        retry: Retry::default(),
        on_failure: OnFailure::default(),
        allow: vec![],
    };
    let mut data = Vec::new();
    for word in head {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let list = || value.split(',');
        let later = |step: &str| {
            let waits_for = vec![Reference::Output { step: id(step), output: "out".into() }];
            Node::new(span_of(word), Value::Later(Later { template: format!("{{{{ steps.{step}.out }}}}"), waits_for }))
        };
        match key {
            "needs" => def.needs.extend(list().map(|step| (id(step), span_of(step)))),
            "data" => data.extend(list().map(later)),
            "if" => def.condition = Some(later(value)),
            "r" => declaration.effects.extend(list().map(|it| Effect::read(resource(it)))),
            "w" => declaration.effects.extend(list().map(|it| Effect::write(resource(it)))),
            "backup" => declaration.roles.push(Role::Backup(list().map(resource).collect())),
            "stop" => declaration = service(declaration, value, Role::Stop),
            "start" => declaration = service(declaration, value, Role::Start),
            "restart" => declaration = service(declaration, value, Role::Restart),
            "port" => declaration.roles.push(Role::FreePort(value.parse().unwrap())),
            "verify" => {
                let kinds = list().filter(|it| !it.is_empty()).map(|it| match it {
                    "functional" => SignalKind::Functional,
                    "negative" => SignalKind::Negative,
                    _ => SignalKind::Health,
                });
                declaration.roles.push(Role::Verify(kinds.collect()));
            }
            "inspect" => declaration.roles.push(Role::Inspect),
            "prepare" => declaration.roles.push(Role::Prepare),
            "replace" => declaration.roles.push(Role::Replace),
            "cache" => declaration.roles.push(Role::ClearCache),
            "promote" => declaration.roles.push(Role::Promote),
            "gate" => declaration.roles.push(Role::Gate),
            "undo" => {
                declaration.undo = match value {
                    "backup" => UndoSource::Backup,
                    "none" => UndoSource::None,
                    _ => UndoSource::Own,
                }
            }
            "allow" => def.allow.extend(list().map(|rule| Allow {
                rule: Refusal::from_name(rule).unwrap(),
                because: "test".into(),
                span: span_of(rule),
            })),
            "version" => declaration.version = Some(value.into()),
            "vague" => declaration.vague_target = Some(value.into()),
            _ => panic!("`{word}` is not a word of the notation"),
        }
    }
    if let Some(undo) = undo {
        declaration.undo = UndoSource::Command(words(undo));
    }
    def.with = Node::new(def.id_span, Value::List(data));
    (def, declaration)
}

/// A step that stops or starts a service writes its unit.
fn service(declaration: Declaration, name: &str, role: impl Fn(Resource) -> Role) -> Declaration {
    declaration.writes(resource(name)).role(role(resource(name)))
}

pub(crate) fn schedule(text: &str) -> Schedule {
    let (plan, declarations) = plan(text);
    let (schedule, found) = build(&plan, &declarations);
    schedule.unwrap_or_else(|| panic!("no schedule: {found:#?}"))
}

pub(crate) fn diagnostics(text: &str) -> Vec<Diagnostic> {
    let (plan, declarations) = plan(text);
    build(&plan, &declarations).1
}

/// Each diagnostic as `CODE at the text of its place`.
pub(crate) fn codes(text: &str) -> Vec<String> {
    let place = |span: Span| &text[span.start as usize..span.end as usize];
    diagnostics(text).iter().map(|it| format!("{} {}", it.code, place(it.primary.span))).collect()
}

/// Checks sentences such as `a < b < c` (ordered) and `a | b` (unordered) about the plan.
pub(crate) fn check(text: &str, sentences: &[&str]) {
    let schedule = schedule(text);
    for sentence in sentences {
        let (parts, ordered): (Vec<&str>, bool) = match sentence.contains('<') {
            true => (sentence.split('<').map(str::trim).collect(), true),
            false => (sentence.split('|').map(str::trim).collect(), false),
        };
        for pair in parts.windows(2) {
            let (a, b) = (id(pair[0]), id(pair[1]));
            let (ab, ba) = (schedule.descendants(&a).contains(&b), schedule.descendants(&b).contains(&a));
            assert_eq!((ab, ba), (ordered, false), "`{sentence}` does not hold of {text}\n{}", schedule.mermaid());
        }
    }
}
