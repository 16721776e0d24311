//! The terminal: what it can show, and the only places that print.
use crate::asking::AtTerminal;
use crate::caller::caller;
use crate::cli::{Format, Global};
use crate::interrupts::Interrupts;
use crate::paper::{Named, NamedRows, Paper};
use crate::terminal::{are_one_file, color, unicode, width};
use crate::typed::nothing_typed_ahead;
use crate::watching::{Silent, Watching};
use runbook_engine::Observer;
use runbook_model::{Caller, Diagnostic, RunState, SourceMap};
use runbook_report::{Ndjson, Plain, Reporter, Style, Terminal, diagnostics};
use runbook_session::{CommandError, Controls, Exit};
use serde_json::{Value, json};
use std::env;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is written to.
pub(crate) struct Screen {
    pub(crate) format: Format,
    out: Style,
    err: Style,
    /// Whether who reads what is said on standard error reads the account of a run as well: it is on a terminal, or goes
    /// to the same file.
    together: bool,
    interrupts: Interrupts,
    caller: Caller,
    paper: Paper,
    /// The host that each row is about, where there may be several.
    named: Option<Named>,
}

/// Says that a signal ended the command.
pub(crate) fn say_interrupted() {
    let _ = writeln!(io::stderr(), "interrupted");
}

/// Says why nothing can be done at all.
pub(crate) fn cannot_start(error: &io::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: cannot listen for signals: {error}");
    Exit::Refused.code()
}

impl Screen {
    pub(crate) fn new(global: &Global, interrupts: Interrupts) -> Self {
        let style = |stream_is_terminal: bool| Style {
            color: color(global.color, stream_is_terminal),
            unicode: unicode(),
            width: if stream_is_terminal { width() } else { 100 },
        };
        let account_is_seen = io::stdout().is_terminal() || are_one_file(io::stdout(), io::stderr());
        Self {
            format: global.format,
            out: style(io::stdout().is_terminal()),
            err: style(io::stderr().is_terminal()),
            together: global.format == Format::Text && account_is_seen,
            interrupts,
            caller: caller(global.state_dir.as_deref()),
            paper: Paper::default(),
            named: None,
        }
    }

    /// The same screen for a command that is done elsewhere: commands that go on from here are typed as `caller` says.
    pub(crate) fn calling(&self, caller: Caller) -> Self {
        Self {
            caller,
            interrupts: self.interrupts.clone(),
            paper: self.paper.clone(),
            named: self.named.clone(),
            ..*self
        }
    }

    /// The same screen for one host of several: its rows name it, and all goes onto `paper`.
    pub(crate) fn of_host(&self, host: &str, paper: Paper) -> Self {
        Self { paper, named: Some(Named::host(host)), ..self.calling(self.caller.clone()) }
    }

    /// Says in words what happens to a link, from any thread.
    pub(crate) fn notes(&self) -> impl Fn(&str) + Send + use<> {
        let (told, paper) = (self.format == Format::Text, self.paper.clone());
        move |text| {
            if told {
                // Nobody may be there to read it any more.
                let _ = paper.beside(&format!("{text}\n"));
            }
        }
    }

    /// Who hears the signals of this process.
    pub(crate) fn interrupts(&self) -> &Interrupts {
        &self.interrupts
    }

    /// How the commands that are named here are typed.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The observer of a run on this screen, and what the run is told from here: every Ctrl-C once it is watched, and answers
    /// where somebody may take `patience` to give them.
    pub(crate) fn steering(
        &self,
        patience: Option<Duration>,
    ) -> (impl FnOnce(RunState) -> Box<dyn Observer>, Controls) {
        let (send, told) = unbounded_channel();
        let watch = move |state| {
            self.interrupts.steer(send.clone());
            self.observer(state, patience.and_then(|_| AtTerminal::answering(send)))
        };
        (watch, Controls { patience, told })
    }

    /// How standard output looks.
    pub(crate) fn style(&self) -> &Style {
        &self.out
    }

    /// Prints a finished text.
    pub(crate) fn text(&self, text: &str) -> Result<(), CommandError> {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let whole = format!("{text}{end}");
        match &self.named {
            Some(named) if self.format == Format::Ndjson => self.paper.result(&named.rows(&whole)),
            _ => self.paper.result(&whole),
        }
        .map_err(Into::into)
    }

    /// Prints one JSON document; on one line where each line is one.
    pub(crate) fn json(&self, value: &Value) -> Result<(), CommandError> {
        match self.format {
            Format::Ndjson => self.text(&runbook_report::json_line(value, &self.caller)),
            _ => self.text(&runbook_report::json_text(value, &self.caller)),
        }
    }

    /// Says what came of a command that has nothing else to show.
    pub(crate) fn conclude(&self, text: &str) -> Result<(), CommandError> {
        match self.format {
            Format::Text => self.note(text),
            Format::Json | Format::Ndjson => self.json(&json!({ "note": self.caller.spell(text) }))?,
        }
        Ok(())
    }

    /// Prints what was found in plans; on standard error for people, on standard output for programs.
    pub(crate) fn diagnostics(&self, found: &[Diagnostic], sources: &SourceMap) -> Result<(), CommandError> {
        match self.format {
            Format::Text if found.is_empty() => Ok(()),
            Format::Text => self.paper.beside(&diagnostics::render(found, sources, &self.err)).map_err(Into::into),
            Format::Json => self.json(&diagnostics::json(found, sources)),
            Format::Ndjson => self.text(&diagnostics::ndjson(found, sources)),
        }
    }

    /// Shows what was found in what is read beside the result.
    pub(crate) fn diagnostics_beside(&self, found: &[Diagnostic], sources: &SourceMap) -> Result<(), CommandError> {
        if self.format == Format::Text {
            return self.diagnostics(found, sources);
        }
        for one in found {
            let place = sources.place(one.primary.span).map_or(String::new(), |place| format!(" ({place})"));
            self.complain(&runbook_report::clean(&format!("warning[{}]: {}{place}", one.code, one.message)));
        }
        Ok(())
    }

    /// Says which host what follows is about.
    pub(crate) fn heading(&self, host: &str) -> Result<(), CommandError> {
        if self.format == Format::Text { self.text(&format!("== {host}\n")) } else { Ok(()) }
    }

    /// Says something that is not part of the result.
    pub(crate) fn note(&self, text: &str) {
        if self.format == Format::Text {
            // Nobody may be there to read it any more, and that is no reason to stop half-way.
            let _ = self.paper.beside(&format!("{}\n", self.caller.spell(text)));
        }
    }

    /// Says what the account of a run says too, where that goes elsewhere.
    pub(crate) fn note_beside_account(&self, text: &str) {
        if !self.together {
            self.note(text);
        }
    }

    /// Says what must not go unheard although the result is for programs.
    pub(crate) fn complain(&self, text: &str) {
        let _ = self.paper.beside(&format!("{}\n", self.caller.spell(text)));
    }

    /// Says why a command failed, and gives its exit code.
    pub(crate) fn fail(&self, error: &CommandError) -> ExitCode {
        // Nobody reads what this process writes.
        if error.message.starts_with("Broken pipe") {
            return error.exit.code();
        }
        error.warnings.iter().for_each(|warning| self.note(warning));
        if let Some((found, sources)) = error.found.as_deref() {
            // The error itself says where to look if nobody can be shown this.
            let _ = self.diagnostics(found, sources);
        }
        let message = self.caller.spell(&error.message);
        let hint = error.hint.as_ref().map(|hint| self.caller.spell(hint));
        match self.format {
            Format::Text => {
                let hint = hint.map(|hint| format!("  help: {hint}\n")).unwrap_or_default();
                let code = error.code.as_ref().map_or(String::new(), |code| format!("[{code}]"));
                let _ = self.paper.beside(&format!("error{code}: {message}\n{hint}"));
            }
            Format::Json | Format::Ndjson => {
                let value = json!({ "error": message, "code": error.code, "hint": hint, "exit": error.exit as u8 });
                if self.json(&value).is_err() {
                    let _ = self.paper.beside(&format!("error: {message}\n"));
                }
            }
        }
        error.exit.code()
    }

    /// Asks. Without a terminal and without `yes` the answer is a refusal.
    pub(crate) fn consent(&self, question: &str, yes: bool) -> Result<(), CommandError> {
        if yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(CommandError::refused("nobody is here to ask: standard input is not a terminal")
                .hint("give --yes to go ahead without being asked"));
        }
        let mut screen = io::stderr();
        nothing_typed_ahead();
        write!(screen, "{question} [y/N] ")?;
        screen.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(CommandError::new(Exit::Cancelled, "nothing was done")),
        }
    }

    /// Whether somebody can be asked.
    pub(crate) fn interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal() && self.format == Format::Text
    }

    /// How long somebody is waited for who can be asked while a run goes on: nobody with `yes`, and nobody without a terminal.
    pub(crate) fn patience(&self, yes: bool, patience: Duration) -> Option<Duration> {
        (!yes && self.interactive()).then_some(patience)
    }

    /// Who watches a run on this screen, from `state` on.
    fn observer(&self, state: RunState, asking: Option<AtTerminal>) -> Box<dyn Observer> {
        let caller = self.caller.clone();
        let reporter: Box<dyn Reporter> = match self.format {
            Format::Json => Box::new(Silent),
            Format::Ndjson => match self.named.clone() {
                Some(named) => Box::new(Ndjson::going_on(NamedRows::onto(io::stdout(), named), caller, state)),
                None => Box::new(Ndjson::going_on(io::stdout(), caller, state)),
            },
            Format::Text if io::stdout().is_terminal() && env::var("TERM").as_deref() != Ok("dumb") => {
                Box::new(Terminal::going_on(io::stdout(), caller, self.out, state))
            }
            Format::Text => Box::new(Plain::going_on(io::stdout(), caller, self.out, state)),
        };
        Box::new(Watching { reporter, asking, together: self.together, caller: self.caller.clone() })
    }
}

/// With `RUNBOOK_LOG=debug` (or `runbook_engine=debug`), what the tool itself does goes to standard error.
pub(crate) fn trace() {
    let filter = env::var("RUNBOOK_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    if let Some(filter) = filter {
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
        tracing_subscriber::registry().with(lines.with_filter(filter)).init();
    }
}
