//! `steps`: which kinds there are, and what each takes. The same as Markdown is the page of kinds.

use crate::cli::{Format, StepsArgs};
use crate::screen::Screen;
use runbook_model::did_you_mean;
use runbook_session::{CommandError, Exit};
use runbook_step::{KindDoc, Need, Param, ParamType, kind_schema};
use serde_json::json;

pub(crate) fn steps(screen: &Screen, args: &StepsArgs) -> Result<Exit, CommandError> {
    let catalogue = runbook_kinds::catalogue();
    let Some(name) = &args.kind else {
        let docs: Vec<&KindDoc> = catalogue.built_in().map(|kind| kind.doc()).collect();
        match (screen.format, args.markdown) {
            (Format::Text, false) => screen.text(&list(&docs))?,
            (Format::Text, true) => screen.text(&markdown_of_all(&docs))?,
            (Format::Json | Format::Ndjson, _) => {
                let all =
                    docs.iter().map(|doc| json!({ "kind": doc.name, "summary": doc.summary })).collect::<Vec<_>>();
                screen.json(&json!(all))?;
            }
        }
        return Ok(Exit::Done);
    };
    let Some(kind) = catalogue.get(name) else {
        let near = did_you_mean(name, catalogue.built_in().map(|kind| kind.doc().name));
        let error = CommandError::refused(format!("there is no kind `{name}`"));
        return Err(
            error.hint(near.map_or("`runbook steps` lists them".to_owned(), |near| format!("did you mean `{near}`?")))
        );
    };
    match screen.format {
        Format::Text if args.markdown => screen.text(&markdown(kind.doc()))?,
        Format::Text => screen.text(&plain(kind.doc(), screen.style().width))?,
        Format::Json | Format::Ndjson => screen.json(&kind_schema(kind))?,
    }
    Ok(Exit::Done)
}

fn list(docs: &[&KindDoc]) -> String {
    let width = docs.iter().map(|doc| doc.name.len()).max().unwrap_or(0);
    docs.iter().map(|doc| format!("{:width$}  {}\n", doc.name, doc.summary)).collect()
}

fn markdown_of_all(docs: &[&KindDoc]) -> String {
    let mut text =
        "# Kinds of steps\n\nWritten by `runbook steps --markdown` from the tables of the kinds.\n\n".to_owned();
    for doc in docs {
        text.push_str(&format!("- [`{0}`](#{1}): {2}\n", doc.name, doc.name.replace('.', ""), doc.summary));
    }
    docs.iter().for_each(|doc| text.push_str(&format!("\n{}", markdown(doc))));
    text
}

fn markdown(doc: &KindDoc) -> String {
    let mut text = format!("## {}\n\n{}.\n\n{}\n", doc.name, doc.summary, doc.text);
    if !doc.params.is_empty() {
        text.push_str("\n| parameter | takes | |\n|---|---|---|\n");
        doc.params.iter().for_each(|param| text.push_str(&row(param)));
    }
    if !doc.outputs.is_empty() {
        text.push_str("\nOutputs:\n\n");
        doc.outputs.iter().for_each(|output| text.push_str(&format!("- `{}`: {}\n", output.name, output.help)));
    }
    text.push_str(&format!("\n```yaml\n{}```\n", doc.example));
    text
}

fn row(param: &Param) -> String {
    let help = help(param).replace('|', "\\|");
    format!("| `{}` | {} | {help} |\n", param.name, takes(param.ty))
}

/// What a parameter is for, and whether it must be given.
fn help(param: &Param) -> String {
    match param.need {
        Need::Required => format!("{}. Required.", param.help),
        Need::Optional => format!("{}.", param.help),
        Need::Default(default) => format!("{}. Default: `{default}`.", param.help),
    }
}

/// The same for a terminal: wrapped at `width`, without tables.
fn plain(doc: &KindDoc, width: usize) -> String {
    let indented = |text: &str, indent: usize| -> String {
        let lines = runbook_report::wrap(text, width.saturating_sub(indent).max(24));
        lines.iter().map(|line| format!("{:indent$}{line}\n", "")).collect()
    };
    let mut text = format!("{}: {}\n", doc.name, doc.summary);
    for paragraph in doc.text.split("\n\n") {
        text.push_str(&format!("\n{}", indented(paragraph, 0)));
    }
    if !doc.params.is_empty() {
        text.push_str("\nParameters:\n\n");
    }
    for param in doc.params.iter() {
        text.push_str(&format!("  {}: {}\n{}", param.name, takes(param.ty), indented(&help(param), 6)));
    }
    if !doc.outputs.is_empty() {
        text.push_str("\nOutputs:\n\n");
    }
    for output in doc.outputs.iter() {
        text.push_str(&format!("  {}\n{}", output.name, indented(&format!("{}.", output.help), 6)));
    }
    text.push_str("\nExample:\n\n");
    doc.example.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
    text
}

fn takes(ty: ParamType) -> String {
    let words = match ty {
        ParamType::String | ParamType::Name(_) => "text",
        ParamType::Content => "text, secrets allowed",
        ParamType::Path => "a path",
        ParamType::File => "a file, of the plan if relative",
        ParamType::Paths => "paths",
        ParamType::Bool => "true or false",
        ParamType::Count => "a number",
        ParamType::Port => "a port",
        ParamType::Duration => "a duration",
        ParamType::Mode => "a quoted octal mode",
        ParamType::Version => "a version",
        ParamType::Argv => "an argument vector",
        ParamType::Command => "an argument vector, what it names relative is of the plan",
        ParamType::Strings => "a list of text",
        ParamType::Env => "names and text, secrets allowed",
        ParamType::Choice(words) => return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        ParamType::Pointer => "a JSON Pointer",
        ParamType::Any => "see the text",
    };
    words.to_owned()
}

pub(crate) fn version(screen: &Screen) -> Result<Exit, CommandError> {
    let version = env!("CARGO_PKG_VERSION");
    match screen.format {
        Format::Text => screen.text(&format!("runbook {version}\n"))?,
        Format::Json | Format::Ndjson => screen.json(&json!({ "version": version }))?,
    }
    Ok(Exit::Done)
}
