//! `command.run`: a command of the plan's author, with what it touches and how it is taken back.

use runbook_host::{Command, Reader};
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Effect, Failure, Node, Prediction, Remains, RemainsKind, Resource, Role,
    UndoSource, Value,
};
use runbook_step::lack::of_command;
use runbook_step::{
    Args, Confirmation, Done, FromArg, Kind, KindDoc, Lack, Mistake, OutputDoc, OwnUndo, Param, ParamType, Prepared,
    Probe, Step, Undoing, Work, as_vector, only_parts, read_effects, refuse_secrets, wrong,
};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The kind.
pub(crate) struct CommandRun;

static DOC: KindDoc = KindDoc {
    name: "command.run",
    summary: "Runs a command",
    text: "The argument vector is executed as it is, without a shell, in a process group of its own. Nothing can tell \
         what a command would do, so a dry run says so, and an applied plan runs it again, unless `creates` names a \
         path that exists once it has run. Without `effects` it is taken to touch everything. It needs an `undo`, or \
         effects that lie within a backup of the plan; a command that failed half-way is undone as well, so `undo` has \
         to cope with that.",
    params: &[
        Param::required("run", ParamType::Command, "The argument vector, the program first"),
        Param::optional("cwd", ParamType::Path, "Where it runs; the plan's directory without it"),
        Param::optional("env", ParamType::Env, "Added to its environment"),
        Param::optional("creates", ParamType::Path, "A path that exists once it has run; then it need not run"),
        Param::optional("effects", ParamType::Any, "What it touches: `{ reads: [...], writes: [{ path: … }, …] }`"),
        Param::optional("undo", ParamType::Any, "How it is taken back: `{ run: [...] }`, of the plan like `run`"),
    ],
    outputs: &[
        OutputDoc { name: "stdout", help: "what it wrote, without the last line end, text" },
        OutputDoc { name: "code", help: "its exit code, a number" },
    ],
    example: "- id: index\n  uses: command.run\n  with:\n    run: [make, index]\n    creates: /srv/app/index.db\n    \
         effects: { reads: [{ path: /srv/app/docs }], writes: [{ path: /srv/app/index.db }] }\n    \
         undo: { run: [rm, -f, /srv/app/index.db] }\n",
};

impl Kind for CommandRun {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        // Every user of the host can read the arguments of a process, and effects are shown.
        for (name, node) in ["effects", "undo"].into_iter().filter_map(|name| Some((name, args.given(name)?))) {
            let help = "pass it in the `env` of the step, which `undo` has as well";
            refuse_secrets(node, &format!("`{name}`"), help, found);
        }
        if let Some(effects) = args.given("effects") {
            read_effects(effects, args.context, found);
        }
        if let Some(undo) = args.given("undo") {
            check_undo(undo, args, found);
        }
    }

    fn commands_inside<'a>(&self, args: &Args<'a>) -> Vec<(&'static str, &'a Node)> {
        undo_argv(args).map(|node| ("undo", node)).into_iter().collect()
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let run = args.known_words(args.given("run"));
        let undo = args.given("undo").map(|_| args.known_words(undo_argv(args)));
        let mut declaration = Declaration::principal(undo.clone().map_or(UndoSource::None, UndoSource::Command));
        declaration.effects = match args.given("effects") {
            Some(effects) => read_effects(effects, args.context, &mut Diagnostics::default()),
            None => vec![Effect::write(Resource::Everything)],
        };
        declaration.effects.extend(args.path_resource("creates").map(Effect::write));
        let installs = declaration.effects.iter().any(brings_a_package);
        declaration.roles.extend(installs.then_some(Role::Install));
        // Whatever makes the program that takes it back comes first.
        let program = undo.iter().flatten().next().filter(|program| program.starts_with('/'));
        declaration.effects.extend(program.map(|program| Effect::read(Resource::Path(program.into()))));
        declaration.commands = std::iter::once(run).chain(undo).collect();
        declaration
    }

    fn undo_uses(&self, param: &str, args: &Args<'_>) -> bool {
        match param {
            "run" | "creates" => false,
            // Without words of its own it is taken back from a backup.
            "env" | "cwd" | "undo" => undo_argv(args).is_some(),
            _ => true,
        }
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        let env: BTreeMap<String, String> = args.maybe("env")?.unwrap_or_default();
        let undo = undo_argv(args).map(|node| undo_command(node, args)).transpose()?;
        let effects = args.given("effects").map(|node| read_effects(node, args.context, &mut Diagnostics::default()));
        let effects = effects.unwrap_or_default();
        Ok(Box::new(Run {
            command: Command { env: env.clone(), ..args.command("run")? },
            undo: undo.map(|command| Command { env, ..command }),
            creates: args.maybe("creates")?,
            writes: effects.iter().filter_map(Effect::written_path).cloned().collect(),
            others: written_others(&effects),
            brings_anything: args.given("effects").is_none() || effects.iter().any(brings_a_package),
        }))
    }
}

fn undo_argv<'a>(args: &Args<'a>) -> Option<&'a Node> {
    args.given("undo")?.get("run").map(|entry| &entry.value)
}

fn undo_command(node: &Node, args: &Args<'_>) -> Result<Command, Diagnostic> {
    let argv = Vec::<String>::from_arg(node, args.context)
        .map_err(|_| wrong("undo", node.span, "a map such as { run: [program, argument] }"))?;
    args.context.command(argv, args.maybe("cwd")?).map_err(|wanted| wrong("undo", node.span, &wanted))
}

fn check_undo(undo: &Node, args: &Args<'_>, found: &mut Diagnostics) {
    only_parts(undo, "`undo`", &["run"], "it has `run`, and uses the `cwd` and `env` of the step", found);
    let what = "a map such as { run: [program, argument] }";
    let Some(run) = undo.get("run").map(|entry| &entry.value) else {
        if undo.entries().is_empty() {
            let help = if let Value::String(line) = &undo.value { Some(as_vector(line)) } else { None };
            found.push(wrong("undo", undo.span, what).maybe_help(help));
        }
        return;
    };
    match Vec::<String>::from_arg(run, args.context) {
        Ok(argv) if argv.first().is_some_and(|program| !program.is_empty()) => {}
        Err(Mistake::Later) => {}
        _ => {
            let help = if let Value::String(line) = &run.value { Some(as_vector(line)) } else { None };
            found.push(wrong("undo", run.span, what).maybe_help(help));
        }
    }
}

fn written_others(effects: &[Effect]) -> Vec<Resource> {
    let named =
        |resource: &Resource| !matches!(resource, Resource::Path(_) | Resource::UnknownPath | Resource::Everything);
    effects.iter().filter_map(Effect::written).filter(|resource| named(resource)).cloned().collect()
}

fn brings_a_package(effect: &Effect) -> bool {
    matches!(effect.written(), Some(Resource::Package(_)))
}

struct Run {
    command: Command,
    undo: Option<Command>,
    creates: Option<PathBuf>,
    writes: Vec<PathBuf>,
    /// Whether a program that is not there now may be there once it has run.
    brings_anything: bool,
    /// What it declares to write that is no path.
    others: Vec<Resource>,
}

impl Run {
    /// An undo of the plan's own says that it went well, and nobody reads what it put back: what of it the plan declares is
    /// named. Of paths that were not there before, the end of the run reads whether they are gone.
    fn tell_what_is_not_compared(&self, work: &Work<'_>, undo: &Json) -> Result<(), Failure> {
        let there = undo.get("there").and_then(Json::as_array);
        for path in there.into_iter().flatten().filter_map(Json::as_str) {
            work.leaves(match work.host.lstat(Path::new(path))? {
                Some(_) => Remains::new(RemainsKind::NotCompared, path, "was taken back by a command of the plan"),
                None => Remains::new(RemainsKind::Lost, path, "is not there after its undo, a command of the plan"),
            });
        }
        for resource in &self.others {
            let detail = "was taken back by a command of the plan";
            work.leaves(Remains::new(RemainsKind::NotCompared, resource.to_string(), detail));
        }
        Ok(())
    }
}

impl Step for Run {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        let prediction = match &self.creates {
            Some(path) if host.lstat(path)?.is_some() => Prediction::no_change(format!("{} exists", path.display())),
            Some(path) => Prediction::change(format!("`{}` creates {}", self.command.line(), path.display())),
            None => Prediction::CannotPredict { because: format!("`{}` runs", self.command.line()) },
        };
        Ok(Probe::of(prediction))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::Own(self)
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        // What the step itself brings may be what takes it back.
        let brings = |lack: &Lack| {
            let is_own = |path: &Path| self.writes.iter().any(|own| path.starts_with(own));
            self.brings_anything || lack.on.iter().any(|on| matches!(on, Resource::Path(path) if is_own(path)))
        };
        let undo = self.lacks_to_undo(host).into_iter().filter(|lack| !brings(lack));
        of_command(host, &self.command).into_iter().chain(undo).collect()
    }

    fn lacks_to_undo(&self, host: &Reader) -> Vec<Lack> {
        self.undo.iter().flat_map(|undo| of_command(host, undo)).collect()
    }

    fn can_undo(&self, host: &Reader) -> Result<(), Failure> {
        match &self.undo {
            Some(undo) => host.can_run(undo),
            None => self.writes.iter().try_for_each(|path| host.can_restore(path)),
        }
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        if let Some(undo) = &self.undo {
            work.host.can_run(undo)?;
            let is_there = |path: &&PathBuf| !matches!(work.host.lstat(path), Ok(None));
            let there: Vec<_> = self.writes.iter().filter(is_there).map(|path| path.to_string_lossy()).collect();
            let undo = if there.is_empty() { Json::Null } else { json!({ "there": there }) };
            return Ok(Prepared::of(undo));
        }
        Ok(Prepared { restore_points: work.covering_all(&self.writes)?, ..Prepared::default() })
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let output = work.host.run_well(&self.command)?;
        let outputs = [("stdout", json!(output.text())), ("code", json!(output.status.code()))];
        let caveat = output.caveat();
        Ok(Done::saying(format!("`{}` ended with exit code 0{caveat}", self.command.line())).with(outputs))
    }

    fn confirm(&self, host: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        match &self.creates {
            None => Ok(Confirmation::CannotTell),
            Some(path) if host.lstat(path)?.is_some() => Ok(Confirmation::There),
            Some(path) => {
                let (line, path) = (self.command.line(), path.display());
                Ok(Confirmation::NotThere(format!("`{line}` ended well, but {path} is not there")))
            }
        }
    }

    fn ends_what_it_left(&self) -> bool {
        self.undo.is_some()
    }
}

impl OwnUndo for Run {
    fn undo(&self, work: &Work<'_>, data: &Json) -> Result<String, Failure> {
        let Some(undo) = &self.undo else {
            let done: Result<Vec<String>, Failure> = self.writes.iter().map(|path| work.restore(path)).collect();
            return Ok(done?.join("; "));
        };
        work.host.run_well(undo)?;
        self.tell_what_is_not_compared(work, data)?;
        Ok(format!("`{}` ended with exit code 0", undo.line()))
    }
}
