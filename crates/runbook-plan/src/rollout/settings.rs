//! Numbers of a rollout: how many hosts at the same time, how many may fail, how large a wave is.

use crate::fields::{Fields, items, number, wrong_type};
use runbook_model::{Amount, Code, Concurrency, Diagnostic, Diagnostics, MaxFailed, Node, Value};
use std::num::NonZeroU32;

/// How many hosts are at work where a rollout does not say.
const ESTATE: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);
/// More hosts than one controller has.
const MOST: u32 = 10_000;

pub(super) fn concurrency(node: Option<&Node>, faults: &mut Diagnostics) -> Concurrency {
    let fields = node.and_then(|node| Fields::open(node, "`concurrency`", &["estate", "per_jump"], faults));
    let at_least_one = |name: &str, faults: &mut Diagnostics| {
        let node = fields.as_ref()?.get(name)?;
        number(node, name, 1, MOST, faults).and_then(NonZeroU32::new)
    };
    let estate = at_least_one("estate", faults).unwrap_or(ESTATE);
    Concurrency { estate, per_jump: at_least_one("per_jump", faults) }
}

pub(super) fn max_failed(node: Option<&Node>, faults: &mut Diagnostics) -> MaxFailed {
    let fields = node.and_then(|node| Fields::open(node, "`max_failed`", &["wave", "rollout"], faults));
    let read = |name: &str, faults: &mut Diagnostics| {
        let node = fields.as_ref()?.get(name)?;
        amount(node, name, 0, faults)
    };
    MaxFailed { wave: read("wave", faults).unwrap_or_default(), rollout: read("rollout", faults).unwrap_or_default() }
}

/// The sizes of waves; all hosts at once where nothing is said.
pub(super) fn batches(node: Option<&Node>, faults: &mut Diagnostics) -> Vec<Amount> {
    let nodes = node.map_or(&[][..], |node| items(node, "batches", faults));
    let found: Vec<Amount> = nodes.iter().filter_map(|node| amount(node, "batches", 1, faults)).collect();
    if found.is_empty() { vec![Amount::Percent(100)] } else { found }
}

/// A number of hosts, or a share of them such as `25%`.
fn amount(node: &Node, name: &str, least: u8, faults: &mut Diagnostics) -> Option<Amount> {
    let share = match &node.value {
        Value::Int(_) => return number(node, name, u32::from(least), MOST, faults).map(Amount::Count),
        Value::String(text) => text.strip_suffix('%').and_then(|digits| digits.parse::<u8>().ok()),
        _ => {
            wrong_type(node, name, "a whole number or a share", faults);
            return None;
        }
    };
    let share = share.filter(|percent| (least..=100).contains(percent));
    if share.is_none() {
        let message = format!("`{name}` is neither a number of hosts nor a share of them");
        let help = format!("write a number from {least}, or from `{least}%` to `100%`");
        faults.push(Diagnostic::error(Code::OUT_OF_RANGE, node.span, message).help(help));
    }
    share.map(Amount::Percent)
}
