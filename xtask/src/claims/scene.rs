//! A scratch host and a plan for it: which paths its steps declare, and which they change without saying so.

use fastrand::Rng;
use std::fs;
use std::path::{Path, PathBuf};

/// A scratch directory with `host/`, `state/` and `plan.yaml`. It is removed with the value.
pub(super) struct Scene {
    dir: tempfile::TempDir,
    steps: Vec<PlannedStep>,
}

/// One step of the plan.
#[derive(Clone, Debug)]
pub(super) struct PlannedStep {
    pub(super) id: String,
    yaml: String,
    /// What it declares to write, or what a rollback brings back with it.
    pub(super) declared: Vec<PathBuf>,
    /// What it changes besides.
    pub(super) undeclared: Vec<PathBuf>,
    /// A path with the text that is there after it, if no later step changes it.
    pub(super) leaves: Option<(PathBuf, String)>,
}

impl Scene {
    pub(super) fn make(random: &mut Rng) -> Result<Self, String> {
        let dir = tempfile::Builder::new().prefix("claims-").tempdir().map_err(|error| error.to_string())?;
        let mut scene = Self { dir, steps: Vec::new() };
        scene.furnish().map_err(|error| format!("the scratch host cannot be made: {error}"))?;
        scene.plan(random)?;
        Ok(scene)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn host(&self) -> PathBuf {
        self.dir.path().join("host")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub(super) fn plan_file(&self) -> PathBuf {
        self.dir.path().join("plan.yaml")
    }

    pub(super) fn steps(&self) -> &[PlannedStep] {
        &self.steps
    }

    /// What is on the host before. Also called when a file system was mounted there.
    pub(super) fn furnish(&self) -> std::io::Result<()> {
        let host = self.host();
        for dir in ["app/bin", "dep", "st", "dir/inner", "other", "elsewhere"] {
            fs::create_dir_all(host.join(dir))?;
        }
        for (file, text) in [
            ("app/V", "1\n"),
            ("app/bin/run", "#!/bin/sh\n"),
            ("dep/V", "1\n"),
            ("st/db", "messages\n"),
            ("conf.json", "{ \"a\": 1 }\n"),
            ("f1", "one\n"),
            ("dir/inner/x", "x\n"),
            ("elsewhere/keep", "keep\n"),
            ("ok", ""),
            ("app.log", "begun\n"),
        ] {
            fs::write(host.join(file), text)?;
        }
        fs::create_dir_all(self.dir.path().join("release/bin"))?;
        fs::write(self.dir.path().join("release/V"), "2\n")?;
        fs::write(self.dir.path().join("release/bin/run"), "#!/bin/sh\n# 2\n")
    }

    fn plan(&mut self, random: &mut Rng) -> Result<(), String> {
        let restore = ["always", "if-needed", "never"].get(random.usize(..3)).copied().unwrap_or("always");
        let host = self.host().display().to_string();
        let mut yaml = format!(
            "kind: Plan\nversion: 1\nname: claims\nsteps:\n  - id: backup\n    uses: backup.create\n    with: {{ paths: [{host}/app, \
             {host}/dep, {{ path: {host}/st, restore: {restore} }}] }}\n"
        );
        let count = random.usize(1..5);
        let mut kinds: Vec<u32> = (0..KINDS).collect();
        random.shuffle(&mut kinds);
        let mut before = "backup".to_owned();
        for (nth, kind) in kinds.into_iter().take(count).enumerate() {
            let step = self.step(kind, nth, &before);
            yaml.push_str(&step.yaml);
            before.clone_from(&step.id);
            self.steps.push(step);
        }
        // What replaces a program has to be verified.
        let deploys = yaml.contains("artifact.deploy");
        if deploys || random.u32(0..3) > 0 {
            yaml.push_str(&format!(
                "  - id: verify\n    uses: verify.signals\n    needs: [{before}]\n    with:\n      within: 3s\n      log: {host}/app.log\n      watch: 20ms\n      \
                 signals:\n        works: {{ command: [test, -e, {host}/ok], kind: functional }}\n        bad: {{ log_absent: error, kind: negative }}\n"
            ));
            before = "verify".to_owned();
        }
        if random.u32(0..5) > 1 {
            let policy = match random.u32(0..6) {
                0 => "    on_failure: stop\n",
                1 => "    on_failure: continue\n",
                _ => "",
            };
            yaml.push_str(&format!(
                "  - id: fails\n    uses: command.run\n    needs: [{before}]\n{policy}    with: {{ run: [\"false\"], undo: {{ run: [\"true\"] }} }}\n"
            ));
        }
        fs::write(self.plan_file(), yaml).map_err(|error| error.to_string())
    }

    fn step(&self, kind: u32, nth: usize, before: &str) -> PlannedStep {
        let host = self.host();
        let at = |name: &str| host.join(name);
        let h = host.display().to_string();
        let id = format!("s{nth}");
        let make = |uses: &str, with: String, declared: Vec<PathBuf>| PlannedStep {
            yaml: format!("  - id: {id}\n    uses: {uses}\n    needs: [{before}]\n    with: {with}\n"),
            id: id.clone(),
            declared,
            undeclared: Vec::new(),
            leaves: None,
        };
        let command = |text: &str, declared: &str| {
            let text = format!("\"{}\"", text.replace("H/", &format!("{h}/")).replace('"', "\\\""));
            let with = format!("{{ run: [sh, -c, {text}], effects: {{ writes: [{{ path: {h}/{declared} }}] }} }}");
            make("command.run", with, vec![at(declared)])
        };
        match kind {
            0 => with_text(
                make("file.write", format!("{{ path: {h}/n{nth}, content: new }}"), vec![at(&format!("n{nth}"))]),
                "new",
            ),
            1 => with_text(
                make("file.write", format!("{{ path: {h}/f1, content: two, mode: \"0600\" }}"), vec![at("f1")]),
                "two",
            ),
            2 => make("file.copy", format!("{{ from: {h}/ok, path: {h}/c{nth} }}"), vec![at(&format!("c{nth}"))]),
            3 => make("file.remove", format!("{{ path: {h}/dir/inner/x }}"), vec![at("dir/inner/x")]),
            4 => make("file.link", format!("{{ path: {h}/l{nth}, to: {h}/ok }}"), vec![at(&format!("l{nth}"))]),
            5 => make("file.directory", format!("{{ path: {h}/new/deep{nth}, parents: true }}"), vec![at("new")]),
            6 => make("json.edit", format!("{{ path: {h}/conf.json, set: {{ /a: 2 }} }}"), vec![at("conf.json")]),
            7 => command("echo 2 > H/app/V; rm -f H/app/bin/run; mkdir H/app/more", "app"),
            8 => PlannedStep { undeclared: vec![at("st")], ..command("echo 2 > H/app/V; echo more >> H/st/db", "app") },
            9 => {
                PlannedStep { undeclared: vec![at("other")], ..command("echo 2 > H/app/V; echo x > H/other/x", "app") }
            }
            10 => command("(sleep 0.4; echo late > H/app/late) >/dev/null 2>&1 & echo 2 > H/app/V; exit 3", "app"),
            11 => command("setsid sh -c 'sleep 0.4; echo late > H/app/late' >/dev/null 2>&1 & echo 2 > H/app/V", "app"),
            12 => PlannedStep {
                undeclared: vec![at("app.moved"), at("elsewhere")],
                ..command("mv H/app H/app.moved; ln -s H/elsewhere H/app", "app")
            },
            13 => PlannedStep { undeclared: vec![at("ok")], ..command("rm -f H/ok; echo 2 > H/app/V", "app") },
            14 => {
                let with = format!(
                    "{{ run: [touch, {h}/u{nth}], undo: {{ run: [rm, -f, {h}/u{nth}] }}, effects: {{ writes: [{{ path: {h}/u{nth} }}] }} }}"
                );
                make("command.run", with, vec![at(&format!("u{nth}"))])
            }
            15 => {
                let from = self.dir.path().join("release").display().to_string();
                make("artifact.deploy", format!("{{ from: {from}, to: {h}/dep }}"), vec![at("dep")])
            }
            _ => command("echo 2 > H/app/V; echo 'an error' >> H/app/bin/run", "app"),
        }
    }
}

/// How many sorts of steps there are.
const KINDS: u32 = 17;

fn with_text(step: PlannedStep, text: &str) -> PlannedStep {
    let leaves = step.declared.first().map(|path| (path.clone(), text.to_owned()));
    PlannedStep { leaves, ..step }
}
