//! Report 1: "0 errors: Cannot find package" was part of the validation that let the second attempt stand.

use super::case::{Case, Scene};
use super::{Rule, verification};
use runbook_model::{Code, Refusal, SignalKind};

pub(super) const RULE: Rule = Rule { name: Refusal::VerifyIsNegative, cases };

fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let help = "add a signal with `kind: negative` and `role: blocking`: `log_absent` with an error that is known";
    verification::without(scene, Code::VERIFY_IS_NEGATIVE, SignalKind::Negative, "looks for known errors", help)
}
