//! Scenarios of jobs of launchd, each with a stand-in for launchd of its own: there is no Mac here.

use conformance::{Scenario, World, stand_in_scenarios};
use serde_json::{Value as Json, json};
use std::process::Command;

/// The label of the job.
const LABEL: &str = "law.job";

/// What `launchctl WORD…` printed, and whether it succeeded.
fn launchctl(words: &[&str]) -> (bool, String) {
    let output = Command::new("launchctl").args(words).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn launchctl_well(words: &[&str]) -> String {
    let (ended_well, said) = launchctl(words);
    assert!(ended_well, "launchctl {words:?}");
    said
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn target() -> String {
    format!("{}/{LABEL}", domain())
}

fn plist_path(world: &World) -> std::path::PathBuf {
    world.home.join("Library/LaunchAgents").join(format!("{LABEL}.plist"))
}

/// The property list of a job that runs `program` and has these further keys.
fn plist(program: &str, keys: &str) -> String {
    // Short enough for the trees to show it and not a digest of it, in which the place of the world would be.
    format!(
        "<plist><dict><key>Label</key><string>{LABEL}</string><key>Program</key><string>{program}</string>{keys}</dict></plist>\n"
    )
}

const KEPT: &str = "<key>KeepAlive</key><true/>";

/// A job that sleeps, with its property list in place; not loaded.
fn install_with(world: &World, keys: &str) -> String {
    let program = world.file_with_mode("program", "#!/bin/sh\nexec sleep 1000\n", 0o755);
    let text = plist(&program.to_string_lossy(), keys);
    std::fs::create_dir_all(plist_path(world).parent().unwrap()).unwrap();
    std::fs::write(plist_path(world), &text).unwrap();
    text
}

fn install(world: &World) -> String {
    install_with(world, KEPT)
}

fn load(world: &World) {
    // Stamps of files are as exact as the clock's ticks: what is started from here on is newer than its files.
    let changed = |path: &std::path::Path| path.metadata().unwrap().modified().unwrap();
    let (tick, written) = (world.state.join("tick"), changed(&plist_path(world)));
    while {
        std::fs::write(&tick, "").unwrap();
        changed(&tick) < written + std::time::Duration::from_millis(30)
    } {
        std::thread::yield_now();
    }
    // The label of the job of the case before may not be free yet.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !launchctl(&["bootstrap", &domain(), &plist_path(world).to_string_lossy()]).0 {
        assert!(std::time::Instant::now() < until, "the job cannot be loaded");
    }
}

fn install_and_load(world: &World) -> String {
    let text = install(world);
    load(world);
    text
}

fn job() -> Json {
    json!({ "label": LABEL, "domain": domain() })
}

fn settled() -> Json {
    json!({ "label": LABEL, "domain": domain(), "settle": "50ms" })
}

/// Whether it is loaded, runs and is disabled, what it runs, and every file.
fn seen(world: &World) -> String {
    state(world) + &world.tree()
}

/// The same without the times of files.
fn made(world: &World) -> String {
    state(world) + &world.tree_without_times()
}

fn state(world: &World) -> String {
    let (loaded, printed) = launchctl(&["print", &target()]);
    let has = |wanted: &str| printed.lines().any(|line| line.trim_start().starts_with(wanted));
    let arguments = printed.split("arguments = {").nth(1).and_then(|rest| rest.split('}').next()).unwrap_or_default();
    let top = world.root.parent().unwrap().to_string_lossy().into_owned();
    let disabled = launchctl_well(&["print-disabled", &domain()]).contains(&format!("\"{LABEL}\" => disabled"));
    format!(
        "loaded {loaded}\nruns {}\nhas run {}\ndisabled {disabled}\nexecutes {}\n",
        has("pid = "),
        has("last exit code = 0"),
        arguments.trim().replace(&top, "TOP"),
    )
}

fn has(world: &World, line: &str) {
    let seen = seen(world);
    assert!(seen.lines().any(|one| one == line), "{line}\n{seen}");
}

/// The label is free when this returns.
fn clear(_: &World) {
    launchctl(&["bootout", &target()]);
    launchctl(&["enable", &target()]);
}

fn about_the_job(scenario: Scenario) -> Scenario {
    scenario.observing(seen).resulting(made).teardown(clear)
}

fn bootstrap_what_is_not_loaded() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        settled()
    };
    about_the_job(Scenario::change("launchd.bootstrap", with)).afterwards(|world, done| {
        assert_eq!(done.results.outputs["service"]["state"], "up");
        assert!(done.results.outputs["pid"].is_number(), "{:?}", done.results.outputs);
        has(world, "runs true");
    })
}

fn bootstrap_what_is_loaded() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        settled()
    };
    about_the_job(Scenario::nothing_to_do("launchd.bootstrap", with))
}

fn bootstrap_from_a_named_file() -> Scenario {
    let with = |world: &mut World| {
        let text = install(world);
        let named = world.file_with_mode("jobs/named.plist", text, 0o644);
        json!({ "label": LABEL, "domain": domain(), "settle": "50ms", "plist": named })
    };
    about_the_job(Scenario::change("launchd.bootstrap", with)).afterwards(|world, _| has(world, "runs true"))
}

fn bootstrap_a_command() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        std::fs::write(plist_path(world), plist("/bin/true", "<key>RunAtLoad</key><true/>")).unwrap();
        settled()
    };
    about_the_job(Scenario::change("launchd.bootstrap", with)).afterwards(|world, _| has(world, "has run true"))
}

fn bootstrap_what_waits_for_demand() -> Scenario {
    let with = |world: &mut World| {
        install_with(world, "");
        settled()
    };
    about_the_job(Scenario::change("launchd.bootstrap", with)).afterwards(|world, done| {
        assert!(done.results.outputs["pid"].is_null());
        has(world, "runs false");
    })
}

fn bootstrap_what_is_disabled() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        launchctl_well(&["disable", &target()]);
        settled()
    };
    about_the_job(Scenario::refusal("launchd.bootstrap", "is disabled", with))
}

fn bootstrap_what_is_disabled_by_its_property_list() -> Scenario {
    let with = |world: &mut World| {
        install_with(world, "<key>Disabled</key><true/>");
        settled()
    };
    about_the_job(Scenario::refusal("launchd.bootstrap", "is disabled", with))
}

fn bootstrap_what_is_loaded_with_something_else() -> Scenario {
    let with = |world: &mut World| {
        let text = install_and_load(world);
        std::fs::write(plist_path(world), text.replace("program</string>", "other</string>")).unwrap();
        settled()
    };
    about_the_job(Scenario::refusal("launchd.bootstrap", "`launchd.bootout` of the job before this step", with))
}

fn bootstrap_what_has_no_property_list() -> Scenario {
    about_the_job(Scenario::refusal("launchd.bootstrap", "there is no property list", |_| settled()))
}

fn bootstrap_what_does_not_stay_up() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        let log = world.state.join("log");
        let keys = format!("{KEPT}<key>StandardErrorPath</key><string>{}</string>", log.display());
        let failing = world.file_with_mode("program", "#!/bin/sh\necho no port is free >&2\nexit 7\n", 0o755);
        std::fs::write(plist_path(world), plist(&failing.to_string_lossy(), &keys)).unwrap();
        settled()
    };
    // Without undo it is loaded; what is tried here is what it says.
    Scenario::refusal("launchd.bootstrap", "exit status 7\nno port is free", with)
        .observing(|_| String::new())
        .teardown(clear)
}

/// What ends well again and again is not up.
fn bootstrap_what_ends_well_again_and_again() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        std::fs::write(plist_path(world), plist("/bin/true", KEPT)).unwrap();
        settled()
    };
    Scenario::refusal("launchd.bootstrap", "did not stay up", with).observing(|_| String::new()).teardown(clear)
}

/// What failed before the step is loaded again, and nothing waits for it to stay up.
fn bootout_what_keeps_failing() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        std::fs::write(plist_path(world), plist("/bin/false", KEPT)).unwrap();
        load(world);
        let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !launchctl_well(&["print", &target()]).contains("last exit code = 1") {
            assert!(std::time::Instant::now() < until, "the job does not fail");
            std::thread::yield_now();
        }
        job()
    };
    let is_loaded = |_: &World| launchctl(&["print", &target()]).0.to_string();
    Scenario::change("launchd.bootout", with).observing(is_loaded).teardown(clear)
}

fn bootout_what_runs() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        job()
    };
    about_the_job(Scenario::change("launchd.bootout", with)).afterwards(|world, done| {
        assert_eq!(done.results.outputs["service"]["state"], "down");
        has(world, "loaded false");
    })
}

fn bootout_what_takes_its_time() -> Scenario {
    let with = |world: &mut World| {
        let program = "#!/bin/sh\ntrap 'kill $!; exec sleep 0.4' TERM\nsleep 1000 &\nwait\n";
        install(world);
        world.file_with_mode("program", program, 0o755);
        load(world);
        job()
    };
    about_the_job(Scenario::change("launchd.bootout", with)).afterwards(|world, _| has(world, "loaded false"))
}

fn bootout_what_was_started_on_demand() -> Scenario {
    let with = |world: &mut World| {
        install_with(world, "");
        load(world);
        launchctl_well(&["kickstart", &target()]);
        job()
    };
    about_the_job(Scenario::change("launchd.bootout", with))
}

fn bootout_what_is_loaded_and_disabled() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        launchctl_well(&["disable", &target()]);
        job()
    };
    about_the_job(Scenario::change("launchd.bootout", with)).afterwards(|world, _| has(world, "disabled true"))
}

fn bootout_what_is_not_loaded() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        job()
    };
    about_the_job(Scenario::nothing_to_do("launchd.bootout", with))
}

fn bootout_what_could_not_come_back() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        std::fs::remove_file(plist_path(world)).unwrap();
        job()
    };
    about_the_job(Scenario::refusal("launchd.bootout", "could not be loaded again", with))
}

fn bootout_in_a_domain_that_is_not_there() -> Scenario {
    let with = |_: &mut World| json!({ "label": LABEL, "domain": "gui/4242" });
    about_the_job(Scenario::refusal("launchd.bootout", "while that user is logged in", with))
}

fn kickstart_after_a_change() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        let next = world.file_with_mode("next", "#!/bin/sh\nexec sleep 1000 # anew\n", 0o755);
        std::fs::rename(next, world.root.join("program")).unwrap();
        settled()
    };
    about_the_job(Scenario::change("launchd.kickstart", with)).afterwards(|world, _| has(world, "runs true"))
}

fn kickstart_what_waits_for_demand() -> Scenario {
    let with = |world: &mut World| {
        install_with(world, "");
        load(world);
        settled()
    };
    about_the_job(Scenario::change("launchd.kickstart", with)).afterwards(|world, _| has(world, "runs true"))
}

fn kickstart_what_is_new() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        settled()
    };
    about_the_job(Scenario::nothing_to_do("launchd.kickstart", with))
}

fn kickstart_what_is_not_loaded() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        settled()
    };
    about_the_job(Scenario::refusal("launchd.kickstart", "load it with `launchd.bootstrap`", with))
}

fn kickstart_what_would_not_read_its_property_list() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        let keys = format!("{KEPT}<key>EnvironmentVariables</key><dict><key>PORT</key><string>1</string></dict>");
        install_with(world, &keys);
        settled()
    };
    about_the_job(Scenario::refusal("launchd.kickstart", "a restart does not read it", with))
}

fn enable_what_is_disabled() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        launchctl_well(&["disable", &target()]);
        job()
    };
    about_the_job(Scenario::change("launchd.enable", with)).afterwards(|world, done| {
        assert_eq!(done.results.outputs["state"], "enabled");
        has(world, "disabled false");
    })
}

fn enable_what_nobody_disabled() -> Scenario {
    let with = |world: &mut World| {
        install(world);
        job()
    };
    about_the_job(Scenario::nothing_to_do("launchd.enable", with))
}

fn enable_what_its_property_list_disables() -> Scenario {
    let with = |world: &mut World| {
        install_with(world, "<key>Disabled</key><true/>");
        job()
    };
    // The entry that undo leaves says what the property list said before.
    let entry = |_: &World| launchctl_well(&["print-disabled", &domain()]).contains("=> enabled").to_string();
    Scenario::change("launchd.enable", with).observing(entry).teardown(clear_all)
}

/// An entry cannot be removed, and each scenario starts several times.
fn clear_all(world: &World) {
    clear(world);
    launchctl_well(&["disable", &target()]);
}

fn disable_what_is_enabled() -> Scenario {
    let with = |world: &mut World| {
        install_and_load(world);
        job()
    };
    about_the_job(Scenario::change("launchd.disable", with)).afterwards(|world, _| {
        has(world, "disabled true");
        has(world, "runs true");
    })
}

fn disable_what_is_disabled() -> Scenario {
    let with = |world: &mut World| {
        install_with(world, "<key>Disabled</key><true/>");
        launchctl_well(&["disable", &target()]);
        job()
    };
    about_the_job(Scenario::nothing_to_do("launchd.disable", with))
}

fn written(content: &str) -> Json {
    json!({ "label": LABEL, "domain": domain(), "content": content })
}

fn write_a_new_property_list() -> Scenario {
    let with = |_: &mut World| written(&plist("/bin/true", ""));
    about_the_job(Scenario::change("launchd.plist", with)).afterwards(|world, done| {
        assert_eq!(done.results.outputs["path"], plist_path(world).to_string_lossy().into_owned());
    })
}

fn change_the_property_list_of_a_job_that_runs() -> Scenario {
    let with = |world: &mut World| {
        let text = install_and_load(world);
        json!({ "label": LABEL, "domain": domain(), "content": text.replace("<true/>", "<false/>"), "mode": "0600" })
    };
    about_the_job(Scenario::change("launchd.plist", with)).afterwards(|world, _| has(world, "runs true"))
}

fn change_a_binary_property_list() -> Scenario {
    let with = |world: &mut World| {
        let text = install(world);
        let value = ::plist::Value::from_reader_xml(text.as_bytes()).unwrap();
        value.to_file_binary(plist_path(world)).unwrap();
        written(&text)
    };
    about_the_job(Scenario::change("launchd.plist", with))
}

fn write_what_is_there() -> Scenario {
    let with = |world: &mut World| {
        let text = install(world);
        written(&text)
    };
    about_the_job(Scenario::nothing_to_do("launchd.plist", with))
}

fn write_through_a_link() -> Scenario {
    let with = |world: &mut World| {
        let text = install(world);
        let elsewhere = world.root.join("elsewhere.plist");
        std::fs::rename(plist_path(world), &elsewhere).unwrap();
        std::os::unix::fs::symlink(elsewhere, plist_path(world)).unwrap();
        written(&text)
    };
    about_the_job(Scenario::refusal("launchd.plist", "is a link to", with))
}

stand_in_scenarios![
    bootstrap_what_is_not_loaded,
    bootstrap_what_is_loaded,
    bootstrap_from_a_named_file,
    bootstrap_a_command,
    bootstrap_what_waits_for_demand,
    bootstrap_what_is_disabled,
    bootstrap_what_is_disabled_by_its_property_list,
    bootstrap_what_is_loaded_with_something_else,
    bootstrap_what_has_no_property_list,
    bootstrap_what_does_not_stay_up,
    bootstrap_what_ends_well_again_and_again,
    bootout_what_keeps_failing,
    bootout_what_runs,
    bootout_what_takes_its_time,
    bootout_what_was_started_on_demand,
    bootout_what_is_loaded_and_disabled,
    bootout_what_is_not_loaded,
    bootout_what_could_not_come_back,
    bootout_in_a_domain_that_is_not_there,
    kickstart_after_a_change,
    kickstart_what_waits_for_demand,
    kickstart_what_is_new,
    kickstart_what_is_not_loaded,
    kickstart_what_would_not_read_its_property_list,
    enable_what_is_disabled,
    enable_what_nobody_disabled,
    enable_what_its_property_list_disables,
    disable_what_is_enabled,
    disable_what_is_disabled,
    write_a_new_property_list,
    change_the_property_list_of_a_job_that_runs,
    change_a_binary_property_list,
    write_what_is_there,
    write_through_a_link,
];
