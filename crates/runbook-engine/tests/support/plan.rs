//! A plan of nothing but steps, for every test of the engine.

use runbook_model::{HostFacts, Plan, Retention, StepDef};

/// A plan that lies in `base`, which is the home too, on a host of which nothing is known.
pub(crate) fn plan(base: &str, steps: Vec<StepDef>) -> Plan {
    let text = String::new;
    let home = base.to_owned();
    let host = HostFacts { os: text(), arch: text(), libc: text(), init: text(), name: text(), user: text(), home };
    Plan {
        name: text(),
        summary: text(),
        digest: text(),
        environment: None,
        base: base.to_owned(),
        host,
        vars: vec![],
        window: None,
        retention: Retention::default(),
        review: vec![],
        steps,
    }
}
