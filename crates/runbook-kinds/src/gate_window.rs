//! `gate.window`: the plan goes on only inside a maintenance window.

use runbook_host::Reader;
use runbook_model::{Code, Declaration, Diagnostic, Diagnostics, Failure, Prediction, Results, Role, Window};
use runbook_step::window::{WindowState, is_zone, local_time, window_state};
use runbook_step::{Args, Done, Kind, KindDoc, OutputDoc, Param, ParamType, Prepared, Probe, Step, Undoing, Work};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// The longest pause between two looks at the clock, which may be set meanwhile.
const LOOK: Duration = Duration::from_secs(30);

/// The kind.
pub(crate) struct GateWindow;

static DOC: KindDoc = KindDoc {
    name: "gate.window",
    summary: "Lets the plan go on only inside a maintenance window",
    text: "Without parameters it is the plan's own window, looked at again at this point, which matters after a long \
         backup or an approval. When the window is closed the step refuses and says when it opens next, or waits for \
         that with `wait: true`. Where clocks are changed, a time that is skipped counts as the moment of the change, \
         and of a time that comes twice the first counts. It changes nothing, so there is nothing to undo.",
    params: &[
        Param::optional("zone", ParamType::String, "An IANA name such as Europe/Madrid"),
        Param::optional("days", ParamType::Strings, "The days on which it opens, mon to sun; all without it"),
        Param::optional("from", ParamType::String, "When it opens, as a quoted time of day"),
        Param::optional("to", ParamType::String, "When it closes; before `from` means on the next day"),
        Param::default("wait", ParamType::Bool, "false", "Whether to wait until it opens"),
    ],
    outputs: &[OutputDoc { name: "until", help: "when the window closes, by its own clock, text" }],
    example: "- id: quiet-hours\n  uses: gate.window\n  with:\n    zone: Europe/Madrid\n    days: [sat, sun]\n    \
         from: \"02:00\"\n    to: \"05:00\"\n",
};

impl Kind for GateWindow {
    fn doc(&self) -> &KindDoc {
        &DOC
    }

    fn check(&self, args: &Args<'_>, found: &mut Diagnostics) {
        let before = found.len();
        if let Some(zone) = args.peek::<String>("zone").known().filter(|zone| !is_zone(zone)) {
            let message = format!("this host knows no time zone `{zone}`");
            let help = "write an IANA name such as `Europe/Madrid`";
            found.push(Diagnostic::error(Code::BAD_WINDOW, args.span("zone"), message).help(help));
        }
        let times = ["from", "to"].into_iter().filter(|name| args.peek::<String>(name).known().is_some());
        found.extend(times.filter_map(|name| minutes(args, name).err()));
        if found.len() == before
            && args.node.waits_for().is_empty()
            && let Err(fault) = read_window(args)
        {
            found.push(fault);
        }
    }

    fn declare(&self, _: &Args<'_>) -> Declaration {
        Declaration::attendant().role(Role::Gate)
    }

    fn bind(&self, args: &Args<'_>) -> Result<Box<dyn Step>, Diagnostic> {
        Ok(Box::new(Gate { window: read_window(args)?, wait: args.need("wait")? }))
    }
}

/// The window of the parameters, or that of the plan if they give none.
fn read_window(args: &Args<'_>) -> Result<Window, Diagnostic> {
    let own = ["zone", "days", "from", "to"].iter().any(|name| args.given(name).is_some());
    if !own {
        return args.context.window.clone().ok_or_else(|| {
            Diagnostic::error(Code::MISSING_PARAMETER, args.step_span, "`gate.window` has no window to look at")
                .help("give the plan a `window`, or the step `zone`, `from` and `to`")
        });
    }
    let window = Window {
        zone: args.need("zone")?,
        zone_span: args.span("zone"),
        days: args.maybe::<Vec<String>>("days")?.unwrap_or_default(),
        from: minutes(args, "from")?,
        to: minutes(args, "to")?,
    };
    // The moment does not matter: this finds a zone or a day that does not exist.
    window_state(&window, 0).map_err(|failure| {
        Diagnostic::error(Code::BAD_WINDOW, args.node.span, failure.message)
            .help("zones are IANA names such as Europe/Madrid, days are mon to sun")
    })?;
    Ok(window)
}

/// A time of day as minutes from midnight.
fn minutes(args: &Args<'_>, name: &str) -> Result<u16, Diagnostic> {
    let text: String = args.need(name)?;
    let digits = |part: &str| if part.len() == 2 { part.parse::<u16>().ok() } else { None };
    let time = text.split_once(':').and_then(|(hour, minute)| Some((digits(hour)?, digits(minute)?)));
    match time {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok(hour * 60 + minute),
        _ => Err(Diagnostic::error(
            Code::BAD_WINDOW,
            args.span(name),
            format!("`{name}` must be a quoted time of day such as \"02:00\""),
        )),
    }
}

struct Gate {
    window: Window,
    wait: bool,
}

impl Gate {
    fn closed(&self, opens_ms: i64) -> Failure {
        Failure::refused(format!("the maintenance window is closed until {}", local_time(&self.window, opens_ms)))
            .hint("run the plan then, or set `wait: true` on the step")
    }

    fn open(&self, until_ms: i64) -> (String, Results) {
        let until = local_time(&self.window, until_ms);
        let outputs = [("until", json!(until))];
        (format!("the maintenance window is open until {until}"), outputs.into())
    }
}

impl Step for Gate {
    fn probe(&self, host: &Reader) -> Result<Probe, Failure> {
        match window_state(&self.window, host.now_ms())? {
            WindowState::Open { until_ms } => {
                let (summary, outputs) = self.open(until_ms);
                Ok(Probe::of(Prediction::no_change(summary)).with(outputs))
            }
            WindowState::Closed { opens_ms } => {
                let opens = local_time(&self.window, opens_ms);
                let does = if self.wait { "waits until then" } else { "refuses until then" };
                Ok(Probe::of(Prediction::CannotPredict {
                    because: format!("the maintenance window opens {opens}; the step {does}"),
                }))
            }
        }
    }

    fn undoing(&self) -> Undoing<'_> {
        Undoing::NotNeeded
    }

    fn prepare(&self, work: &Work<'_>) -> Result<Prepared, Failure> {
        match window_state(&self.window, work.host.now_ms())? {
            WindowState::Closed { opens_ms } if !self.wait => Err(self.closed(opens_ms)),
            WindowState::Closed { .. } | WindowState::Open { .. } => Ok(Prepared::default()),
        }
    }

    fn apply(&self, work: &Work<'_>, _: &Json) -> Result<Done, Failure> {
        loop {
            let now = work.host.now_ms();
            match window_state(&self.window, now)? {
                WindowState::Open { until_ms } => {
                    let (summary, outputs) = self.open(until_ms);
                    return Ok(Done::saying(summary).with(outputs));
                }
                WindowState::Closed { opens_ms } if self.wait => {
                    work.say(format!("waits for the window, which opens {}", local_time(&self.window, opens_ms)));
                    let left = u64::try_from(opens_ms.saturating_sub(now)).unwrap_or_default();
                    work.host.pause(Duration::from_millis(left).min(LOOK))?;
                }
                WindowState::Closed { opens_ms } => return Err(self.closed(opens_ms)),
            }
        }
    }
}
