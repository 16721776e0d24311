//! `hosts --check`: every host is asked at once what it is and how it stands. Nothing is changed but that the agent is put in place.

use super::forks::ask_each;
use super::reaching::Reaching;
use super::rows::{finish, row};
use crate::screen::Screen;
use runbook_model::InventoryHost;
use runbook_report::clean;
use runbook_session::{CommandError, Door, Exit, Survey, Surveyed, now_ms};
use serde_json::{Value, json};

/// What a host says of itself.
struct Says {
    surveyed: Surveyed,
    version: String,
    /// How far its clock is from the one here, in milliseconds; what the way there took is in it.
    skew_ms: i64,
}

/// Asks all of `hosts`, `forks` at a time, and shows a row a host as they are listed.
pub(super) fn check(
    screen: &Screen,
    reaching: &Reaching,
    hosts: &[&InventoryHost],
    forks: u16,
) -> Result<Exit, CommandError> {
    let width = hosts.iter().map(|host| host.name.as_str().chars().count()).max().unwrap_or(0);
    let (mut rows, mut exit) = (Vec::new(), Exit::Done);
    let show = |host: &&InventoryHost, said: Result<Says, CommandError>| {
        exit = exit.worse(said.as_ref().map_or_else(|error| error.exit, |says| Exit::of_host(&says.surveyed.standing)));
        row(screen, &mut rows, &format!("{:width$}  {}\n", host.name, line(&said)), document(host, &said))
    };
    ask_each(hosts, forks, |host| ask(screen, reaching, host), show)?;
    finish(screen, &rows)?;
    Ok(exit)
}

fn ask(screen: &Screen, reaching: &Reaching, host: &InventoryHost) -> Result<Says, CommandError> {
    let mut afar = reaching.reach(screen, host)?;
    let asked = now_ms();
    let surveyed = afar.ask(Survey {})?;
    Ok(Says { skew_ms: surveyed.now_ms - asked.midpoint(now_ms()), version: afar.welcome().version.clone(), surveyed })
}

fn line(said: &Result<Says, CommandError>) -> String {
    let Says { surveyed, version, skew_ms } = match said {
        Ok(says) => says,
        Err(error) => return clean(error.message.lines().next().unwrap_or_default()),
    };
    let facts = &surveyed.facts;
    let standing = surveyed.standing.blocks.first().map_or("free", |block| block.why.as_str());
    let node = surveyed.node.as_deref().unwrap_or("no node");
    clean(&format!(
        "{} {} {} {}  {node}  {:.1} GiB free  clock {:+.1} s  runbook {version}  {standing}",
        facts.os,
        facts.arch,
        facts.libc,
        facts.init,
        surveyed.free_bytes as f64 / f64::from(1 << 30),
        *skew_ms as f64 / 1000.0
    ))
}

fn document(host: &InventoryHost, said: &Result<Says, CommandError>) -> Value {
    match said {
        Err(error) => {
            json!({ "name": host.name, "reached": false, "error": error.message, "hint": error.hint, "exit": error.exit as u8 })
        }
        Ok(Says { surveyed, version, skew_ms }) => json!({
            "name": host.name, "reached": true, "facts": surveyed.facts, "node": surveyed.node, "free_bytes": surveyed.free_bytes,
            "clock_skew_ms": skew_ms, "version": version, "blocks": surveyed.standing.blocks, "holder": surveyed.holder.as_ref().map(|holder| &holder.who),
        }),
    }
}
