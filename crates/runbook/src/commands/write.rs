//! Commands that write files to work with: `init`, `schema`, `completions`, `man`.

use crate::cli::{SchemaArgs, SchemaName, table};
use crate::screen::Screen;
use clap_complete::Shell;
use runbook_model::Next;
use runbook_plan::{environment_schema, inventory_schema, plan_schema, rollout_schema};
use runbook_session::{CommandError, Exit, plain};
use runbook_step::plan_schema_with_kinds;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

const TEMPLATE: &str = include_str!("../plan-template.yaml");

pub(crate) fn init(screen: &Screen, path: &Path) -> Result<Exit, CommandError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists if path.is_dir() => {
            CommandError::refused(format!("{} is a directory", path.display()))
                .hint(format!("name a file: runbook init {}", path.join("plan.yaml").display()))
        }
        std::io::ErrorKind::AlreadyExists => {
            CommandError::refused(format!("{} is there already", path.display())).hint("name another file")
        }
        std::io::ErrorKind::NotFound => {
            let above = path.parent().unwrap_or(path);
            CommandError::refused(format!(
                "cannot write {}: the directory {} is not there",
                path.display(),
                above.display()
            ))
            .hint(format!("make it first: mkdir -p {}", above.display()))
        }
        _ => CommandError::refused(format!("cannot write {}: {}", path.display(), plain(&error))),
    })?;
    file.write_all(TEMPLATE.as_bytes())?;
    let look = screen.caller().command(&Next::DryRun(path.to_owned()));
    screen.conclude(&format!("{} written. It runs as it stands: `{look}` shows what it would do", path.display()))?;
    Ok(Exit::Done)
}

pub(crate) fn schema(screen: &Screen, args: &SchemaArgs) -> Result<Exit, CommandError> {
    if let Some(dir) = &args.check {
        return check_schemas(dir);
    }
    if let Some(dir) = &args.write {
        fs::create_dir_all(dir)?;
        for (name, schema) in schemas() {
            fs::write(dir.join(name), pretty(&schema))?;
        }
        return Ok(Exit::Done);
    }
    let [plan, environment, inventory, rollout] = schemas();
    let (_, schema) = match args.name {
        SchemaName::Plan => plan,
        SchemaName::Environment => environment,
        SchemaName::Inventory => inventory,
        SchemaName::Rollout => rollout,
    };
    screen.json(&schema)?;
    Ok(Exit::Done)
}

fn schemas() -> [(&'static str, Value); 4] {
    let plan = plan_schema_with_kinds(plan_schema(), &runbook_kinds::catalogue());
    let (environment, inventory) = (environment_schema(), inventory_schema());
    [
        ("plan.schema.json", plan),
        ("environment.schema.json", environment),
        ("inventory.schema.json", inventory),
        ("rollout.schema.json", rollout_schema()),
    ]
}

fn pretty(schema: &Value) -> String {
    format!("{schema:#}\n")
}

fn check_schemas(dir: &Path) -> Result<Exit, CommandError> {
    for (name, schema) in schemas() {
        let path = dir.join(name);
        if fs::read_to_string(&path).unwrap_or_default() != pretty(&schema) {
            return Err(CommandError::refused(format!("{} is not current", path.display()))
                .hint(format!("runbook schema --write {}", dir.display())));
        }
    }
    Ok(Exit::Done)
}

pub(crate) fn completions(screen: &Screen, shell: Shell) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut table(), "runbook", &mut script);
    screen.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

pub(crate) fn man(screen: &Screen, dir: &Path) -> Result<Exit, CommandError> {
    fs::create_dir_all(dir)?;
    clap_mangen::generate_to(table(), dir)?;
    screen.conclude(&format!("manual pages written to {}", dir.display()))?;
    Ok(Exit::Done)
}
