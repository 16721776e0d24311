//! The cost of a large plan grows with its size. Run by hand: `cargo test --release -p runbook-plan --test speed -- --ignored --nocapture`.

mod support;

use std::time::Instant;

fn large(steps: usize) -> String {
    let mut plan = String::from(
        "kind: Plan\nversion: 1\nname: large\nvars:\n  target: { type: version, default: 1.0.0 }\nsteps:\n",
    );
    for step in 0..steps {
        plan.push_str(&format!(
            "  - id: s{step}\n    uses: service.inspect\n    timeout: 10s\n    with:\n      manager: systemd\n      unit: unit-{step}.service\n      version: \"{{{{ vars.target }}}}\"\n      list: [a, b, c]\n"
        ));
        if step > 0 {
            plan.push_str(&format!("      pid: \"{{{{ steps.s{}.pid }}}}\"\n    needs: [s{}]\n", step - 1, step - 1));
        }
    }
    plan
}

#[test]
#[ignore = "a measurement, not a check"]
fn ten_thousand_steps() {
    for steps in [1_000, 10_000, 20_000] {
        let plan = large(steps);
        let start = Instant::now();
        let (node, _) = runbook_plan::read(runbook_model::SourceId(0), &plan);
        let read = start.elapsed();
        drop(node);
        let start = Instant::now();
        let loaded = support::load_text(&plan, None, &[]);
        println!("{steps} steps, {} KiB: read {read:?}, loaded {:?}", plan.len() >> 10, start.elapsed());
        assert_eq!(loaded.plan.unwrap().steps.len(), steps);
    }
}

#[test]
fn a_thousand_steps_load() {
    let loaded = support::load_text(&large(1_000), None, &[]);
    assert_eq!(support::found(&loaded), [""; 0]);
}
