//! Report 1: a service that logs ready can still be broken. `doctor` was green while both channels were down.

use super::case::{Case, Scene};
use super::{Rule, verification};
use runbook_model::{Code, Refusal, SignalKind};

pub(super) const RULE: Rule = Rule { name: Refusal::VerifyIsFunctional, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let help = "add a signal with `kind: functional` and `role: blocking`: a message through a channel, a real request";
    verification::without(scene, Code::VERIFY_IS_FUNCTIONAL, SignalKind::Functional, "tests a real flow", help)
}
