//! Reviews are for the version that is installed, wherever that comes from, and whoever asks.

use crate::bench::Bench;

/// Installs what `version` says, and was reviewed for `reviewed`.
fn plan(bench: &Bench, version: &str, reviewed: &str) {
    bench.write(
        "plan.yaml",
        &format!(
            "kind: Plan\nversion: 1\nname: reviewed\nvars:\n  target: {{ type: version, default: 2026.4.15 }}\nreview:\n  \
             - {{ what: issues, for: {reviewed}, by: ops }}\nsteps:\n  \
             - {{ id: backup, uses: backup.create, with: {{ paths: [./prefix] }} }}\n  - id: install\n    uses: npm.install\n    \
             with: {{ package: openclaw, version: \"{version}\", prefix: ./prefix }}\n    allow:\n      \
             - {{ rule: verify-is-functional, because: a test }}\n      \
             - {{ rule: verify-is-negative, because: a test }}\n"
        ),
    );
}

#[test]
fn a_stale_review_is_refused_by_check_plan_and_apply_alike() {
    let bench = Bench::new("");
    std::fs::create_dir(bench.path("environments")).unwrap();
    bench.write("environments/prod.yaml", "kind: Environment\nversion: 1\nvars: { target: 2026.4.22 }\n");
    for (reviewed, layer, installs) in [
        ("2026.4.22", &[][..], "2026.4.15"),
        ("2026.4.15", &["--env", "prod"], "2026.4.22"),
        ("2026.4.15", &["--var", "target=2026.4.23"], "2026.4.23"),
        ("2026.4.22", &["--env", "prod", "--var", "target=2026.4.23"], "2026.4.23"),
    ] {
        plan(&bench, "{{ vars.target }}", reviewed);
        for command in [&["check"][..], &["plan"], &["apply", "--dry-run"], &["apply", "--yes"]] {
            let args = [command, &["plan.yaml"], layer].concat();
            bench
                .run(&args)
                .ends(1)
                .says("error[RB0117]")
                .says(&format!("`issues` was reviewed for {reviewed}, and the plan installs {installs}"))
                .says(&format!("write `for: {installs}`"));
        }
        assert!(!bench.has("state"), "nothing was begun");
        plan(&bench, "{{ vars.target }}", installs);
        bench.run(&[&["check", "plan.yaml"], layer].concat()).ends(0);
    }
}

#[test]
fn a_version_that_no_step_installs_is_no_target() {
    let bench = Bench::new("");
    // A variable that nothing installs does not make a review fresh.
    plan(&bench, "2026.4.23", "2026.4.15");
    bench.run(&["check", "plan.yaml"]).ends(1).says("and the plan installs 2026.4.23");
    bench.plan("review:\n  - { what: changelog, for: 1.0.0, by: ops }\nsteps:  - { id: soak, uses: wait.soak, with: { for: 1s } }\n");
    bench.run(&["check", "plan.yaml"]).ends(1).says("and the plan installs nothing").says("take the entry out");
    bench.plan("review:\n  - { what: changelog, for: latest, by: ops }\nsteps:  - { id: soak, uses: wait.soak, with: { for: 1s } }\n");
    bench.run(&["check", "plan.yaml"]).ends(1).says("it is a tag or a range");
}

#[test]
fn what_a_command_or_an_artifact_installs_is_what_it_names() {
    let bench = Bench::new("");
    let command = |version: &str| {
        format!(
            "review:\n  - {{ what: changelog, for: 1.1.0, by: ops }}\nsteps:  - id: command\n    uses: command.run\n    \
             with: {{ run: [touch, ./demo-{version}.tgz], undo: {{ run: [rm, -f, x] }}, effects: {{ writes: [{{ path: ./x }}] }} }}\n"
        )
    };
    for (version, code) in [("1.1.0", 0), ("1.1.0-2", 1), ("1.1.01", 1), ("21.1.0", 1)] {
        bench.plan(&command(version));
        bench.run(&["check", "plan.yaml"]).ends(code);
    }
}

#[test]
fn a_version_that_is_known_only_later_matches_no_review() {
    let bench = Bench::new("");
    plan(&bench, "{{ steps.published.version }}", "2026.4.15");
    let text = bench.read("plan.yaml").unwrap();
    let view = "steps:\n  - { id: published, uses: npm.view, with: { package: openclaw } }\n";
    bench.write("plan.yaml", &text.replace("steps:\n", view));
    bench.run(&["check", "plan.yaml"]).ends(1).says("does not say before it runs").says("`install` learns its version");
}

#[test]
fn what_a_review_is_about_is_what_goes_forward() {
    let bench = Bench::new("");
    let look = "  - { id: look, uses: command.capture, with: { run: [uname] } }\n";
    let link = "  - { id: switch, uses: file.link, with: { path: ./current, to: \"releases/{{ vars.target }}\" } }\n";
    let run = |args: &str, undo: &str, rest: &str| {
        format!("  - {{ id: run, uses: command.run, with: {{ run: [{args}], undo: {{ run: [{undo}] }}{rest} }} }}\n")
    };
    let deploy = |from: &str| {
        format!(
            "{look}  - {{ id: deploy, uses: command.run, with: {{ run: [tar, -xf, \"{from}\"], undo: {{ run: [\"true\"] }} }} }}\n"
        )
    };
    for (steps, code) in [
        // The way back names the version of before, which nobody reads about for this change.
        (run("touch, x", "install, demo@1.1.0", ""), 1),
        (run("touch, x", "\"true\"", ", creates: ./demo-1.1.0"), 1),
        (run("touch, x", "\"true\"", ", effects: { writes: [{ path: ./demo-1.1.0 }] }"), 1),
        (run("install, demo@1.1.0", "install, demo@1.0.0", ""), 0),
        // What is known of a path counts, though the step learns the rest of it.
        (deploy("/srv/{{ steps.look.stdout }}/demo-{{ vars.target }}.tgz"), 0),
        (deploy("/srv/{{ steps.look.stdout }}/demo-1.1.0.tgz"), 0),
        (deploy("/srv/{{ steps.look.stdout }}/demo-1.0.0.tgz"), 1),
        (deploy("/srv/demo-1.1.0.{{ steps.look.stdout }}"), 1),
        (deploy("/srv/demo-{{ steps.look.stdout }}"), 1),
        // A command that has nothing to do with it does not hide the step that switches the release.
        (format!("{link}{}", run("touch, x", "\"true\"", "")), 0),
        (link.replace("{{ vars.target }}", "1.0.0"), 1),
    ] {
        bench.plan(&format!(
            "vars:\n  target: {{ type: version, default: 1.1.0 }}\nreview:\n  \
             - {{ what: changelog, for: 1.1.0, by: ops }}\nsteps:\n{steps}"
        ));
        let stale = bench.run(&["check", "plan.yaml"]).err.contains("error[RB0117]");
        assert_eq!(stale, code == 1, "{steps}");
    }
}
