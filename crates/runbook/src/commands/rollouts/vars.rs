//! `vars` of a rollout: the variables of each stage, once for hosts that have the same.

use crate::cli::{Format, VarsArgs};
use crate::commands::judged::{table, variable};
use crate::screen::Screen;
use runbook_fleet::alike;
use runbook_model::HostName;
use runbook_session::{CommandError, Exit, PlanText, Session};
use serde_json::{Value, json};

pub(in crate::commands) fn vars(
    screen: &Screen,
    session: &Session,
    text: &PlanText,
    args: &VarsArgs,
) -> Result<Exit, CommandError> {
    if args.as_environment {
        return Err(CommandError::refused("an environment is made from the variables of one plan")
            .hint("name a plan of the rollout"));
    }
    let Some(files) = super::sound(screen, text)? else { return Ok(Exit::Refused) };
    let judged = files.judge(session, |_| Some(session.facts()), args.source.flags())?;
    let sound = judged.is_sound();
    let mut documents: Vec<Value> = Vec::new();
    for stage in judged.stages {
        let each = stage.hosts.into_iter().map(|host| (host.host, host.vars));
        for same in alike(each) {
            let hosts = same.hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ");
            let vars = same.what.iter().map(|var| variable(var, &stage.sources)).collect::<Vec<_>>();
            let document = json!({ "stage": stage.stage, "hosts": same.hosts, "vars": vars });
            match screen.format {
                Format::Text => {
                    screen.text(&format!("== {}: {hosts}\n{}", stage.stage, table(&same.what, &stage.sources)))?;
                }
                Format::Json => documents.push(document),
                Format::Ndjson => screen.json(&document)?,
            }
        }
        if screen.format == Format::Text {
            screen.diagnostics(&stage.diagnostics, &stage.sources)?;
        }
    }
    match screen.format {
        Format::Json => screen.json(&documents.into())?,
        Format::Text => screen.diagnostics(&judged.diagnostics, &files.sources)?,
        Format::Ndjson => {}
    }
    Ok(if sound { Exit::Done } else { Exit::Refused })
}
