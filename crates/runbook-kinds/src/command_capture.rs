//! `command.capture`: what a command says, as outputs for later steps.

use runbook_host::{Command, Output, Reader};
use runbook_model::{
    Declaration, Diagnostic, Diagnostics, Failure, Node, Outputs, Prediction, Resource, Role, Value, outputs,
};
use runbook_step::lack::of_command;
use runbook_step::{
    Args, Confirmation, Done, FromArg, Kind, KindDoc, Lack, Mistake, OutputDoc, Param, ParamType, Probe, Step, Undoing,
    Work, wrong,
};
use serde_json::{Value as Json, json};

/// The kind.
pub(crate) struct CommandCapture;

static DOC: KindDoc = KindDoc {
    name: "command.capture",
    summary: "Runs a command that only reads, and keeps what it says",
    text: "For commands that tell something and change nothing, which their author vouches for: it is declared as \
         reading, needs no undo, and may run again after a crash. A dry run does not execute it. An exit code that is \
         not listed in `codes` is a failure that shows what the command said last. With `json: true` the standard \
         output must be one JSON document. Of more than two megabytes of output the middle is left out.",
    params: &[
        Param::required("run", ParamType::Command, "The argument vector, the program first"),
        Param::optional("cwd", ParamType::Path, "Where it runs; the plan's directory without it"),
        Param::optional("env", ParamType::Env, "Added to its environment"),
        Param::default("json", ParamType::Bool, "false", "Whether its standard output is read as JSON"),
        Param::optional("codes", ParamType::Any, "The exit codes that are no failure, a list; [0] without it"),
    ],
    outputs: &[
        OutputDoc { name: "stdout", help: "what it wrote, without the last line ends, text" },
        OutputDoc { name: "stderr", help: "what it wrote on standard error, without the last line ends, text" },
        OutputDoc { name: "code", help: "its exit code, a number" },
        OutputDoc { name: "json", help: "its standard output as a value, with `json: true`; else null" },
    ],
    example: "- id: plugins\n  uses: command.capture\n  with:\n    run: [openclaw, plugins, list, --json]\n    json: true\n",
};

impl Kind for CommandCapture {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        if let Err(fault) = read_codes(args)
            && args.given("codes").is_some_and(|node| node.waits_for().is_empty())
        {
            found.push(fault);
        }
    }

    fn declare(&self, args: &Args<'_>) -> Declaration {
        let mut declaration = Declaration::inspection().role(Role::Inventory).reads(Resource::Everything);
        declaration.commands.push(args.known_words(args.given("run")));
        declaration
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Capture {
            command: Command { env: args.maybe("env")?.unwrap_or_default(), ..args.command("run")? },
            json: args.need("json")?,
            codes: read_codes(args)?,
        }))
    }
}

fn read_codes(args: &Args<'_>) -> Result<Vec<i32>, Diagnostic> {
    let what = "a list of exit codes from 0 to 255, such as [0, 1]";
    let Some(node) = args.given("codes") else { return Ok(vec![0]) };
    let Value::List(items) = &node.value else { return Err(wrong("codes", node.span, what)) };
    let code = |item: &Node| match u64::from_arg(item, args.context) {
        Ok(code @ 0..=255) => Ok(i32::try_from(code).unwrap_or_default()),
        Ok(_) | Err(Mistake::Wrong(..) | Mistake::Later) => Err(wrong("codes", item.span, what)),
    };
    let codes: Vec<i32> = items.iter().map(code).collect::<Result<_, _>>()?;
    if codes.is_empty() { Err(wrong("codes", node.span, what)) } else { Ok(codes) }
}

struct Capture {
    command: Command,
    json: bool,
    codes: Vec<i32>,
}

/// How much of what it said stands in the summary.
const SHOWN: usize = 80;

impl Capture {
    /// `openclaw --version`: "OpenClaw 2026.4.15". What was found out is the evidence, not that something was.
    fn summary(&self, output: &Output) -> String {
        let said = runbook_host::without_escapes(output.text().as_str());
        let mut lines = said.lines().filter(|line| !line.trim().is_empty());
        let first = lines.next().map(str::trim).filter(|line| line.chars().count() <= SHOWN);
        let success = output.status.code() == Some(0);
        match first.filter(|_| success) {
            Some(first) => {
                let more = match lines.count() {
                    0 => String::new(),
                    1 => ", and 1 line more".to_owned(),
                    many => format!(", and {many} lines more"),
                };
                format!("`{}`: \"{first}\"{more}", self.command.line())
            }
            None => format!("`{}` ended with {}", self.command.line(), output.ending()),
        }
    }

    fn outputs(&self, output: &Output) -> Result<Outputs, Failure> {
        let json = match self.json {
            true => serde_json::from_slice(&output.stdout).map_err(|error| {
                Failure::failed(format!("`{}` did not write JSON: {error}", self.command.line())).detail(output.tail())
            })?,
            false => Json::Null,
        };
        let stderr = String::from_utf8_lossy(&output.stderr).trim_end_matches('\n').to_owned();
        Ok(outputs([
            ("stdout", json!(output.text())),
            ("stderr", json!(stderr)),
            ("code", json!(output.status.code())),
            ("json", json),
        ]))
    }
}

impl Step for Capture {
    fn probe(&self, _: &Reader) -> Result<Probe, Failure> {
        Ok(Probe::of(Prediction::CannotPredict { because: format!("`{}` runs", self.command.line()) }))
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn lacks(&self, host: &Reader, _: Option<&Failure>) -> Vec<Lack> {
        of_command(host, &self.command)
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        let output = work.host.run(&self.command)?;
        if !output.status.code().is_some_and(|code| self.codes.contains(&code)) {
            return Err(Failure::failed(format!("`{}` ended with {}", self.command.line(), output.ending()))
                .detail(output.tail()));
        }
        Ok(Done::saying(format!("{}{}", self.summary(&output), output.caveat())).with(self.outputs(&output)?))
    }

    fn confirm(&self, _: &Reader, _: &Json) -> Result<Confirmation, Failure> {
        Ok(Confirmation::CannotTell)
    }
}
