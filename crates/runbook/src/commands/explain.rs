//! `explain`: codes, from their table, and rules, from the page that tells about them.

use crate::cli::Format;
use crate::screen::Screen;
use runbook_model::{CODES, CodeDoc, OrderingRule, Refusal, did_you_mean};
use runbook_report::diagnostics;
use runbook_session::{CommandError, Exit};
use serde_json::{Value, json};

/// The one place in which rules are told about.
const PAGE: &str = include_str!("../../../../docs/rules.md");

/// A rule with its section of the page.
struct Rule {
    name: &'static str,
    /// What sort of rule it is.
    sort: &'static str,
    text: &'static str,
}

fn rules() -> impl Iterator<Item = Rule> {
    let ordering = OrderingRule::ALL.iter().map(|rule| (rule.name(), "orders steps"));
    let refusals =
        Refusal::ALL.iter().map(|rule| (rule.name(), "refuses a plan; an `allow` of the step may except it"));
    ordering.chain(refusals).map(|(name, sort)| Rule { name, sort, text: section(name) })
}

/// What stands under the heading of a rule.
fn section(name: &str) -> &'static str {
    let heading = format!("\n### {name}\n");
    let text = PAGE.split_once(heading.as_str()).map_or("", |(_, rest)| rest);
    text.split("\n#").next().unwrap_or_default().trim()
}

/// Tells about one code or rule, or lists them.
pub(crate) fn explain(screen: &Screen, name: Option<&str>) -> Result<Exit, CommandError> {
    let Some(name) = name.map(str::trim) else { return list(screen) };
    if let Some(doc) = CODES.iter().find(|doc| doc.code.eq_ignore_ascii_case(name)) {
        match screen.format {
            Format::Text => screen.text(&diagnostics::explain(doc.code).unwrap_or_default())?,
            Format::Json | Format::Ndjson => screen.json(&code(doc))?,
        }
    } else if let Some(found) = rules().find(|rule| rule.name.eq_ignore_ascii_case(name)) {
        match screen.format {
            Format::Text => screen.text(&told(&found, screen.style().width.min(80)))?,
            Format::Json | Format::Ndjson => screen.json(&rule(&found))?,
        }
    } else {
        return Err(unknown(name));
    }
    Ok(Exit::Done)
}

fn list(screen: &Screen) -> Result<Exit, CommandError> {
    if screen.format != Format::Text {
        let all: Vec<Value> = CODES.iter().map(code).chain(rules().map(|found| rule(&found))).collect();
        screen.json(&json!(all))?;
        return Ok(Exit::Done);
    }
    let mut text: String = CODES.iter().map(|doc| format!("{}  {}\n", doc.code, doc.title)).collect();
    text.push('\n');
    let width = rules().map(|rule| rule.name.len()).max().unwrap_or(0);
    rules().for_each(|rule| text.push_str(&format!("{:width$}  {}\n", rule.name, rule.sort)));
    screen.text(&text)?;
    Ok(Exit::Done)
}

fn told(rule: &Rule, width: usize) -> String {
    let mut text = format!("{}: {}\n", rule.name, rule.sort);
    for paragraph in rule.text.split("\n\n") {
        // Lines of the page end where its source does.
        let joined = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&format!("\n{}\n", runbook_report::wrap(&joined, width).join("\n")));
    }
    text
}

fn code(doc: &CodeDoc) -> Value {
    json!({ "code": doc.code, "title": doc.title, "text": doc.text })
}

fn rule(rule: &Rule) -> Value {
    let code = Refusal::from_name(rule.name).map(Refusal::code);
    json!({ "rule": rule.name, "code": code, "title": rule.sort, "text": rule.text })
}

fn unknown(name: &str) -> CommandError {
    let error = CommandError::refused(format!("there is no code and no rule `{name}`"));
    if runbook_kinds::catalogue().get(name).is_some() {
        return error.hint(format!("it is a kind: `runbook steps {name}` tells about it"));
    }
    let known: Vec<&str> = CODES.iter().map(|doc| doc.code).chain(rules().map(|rule| rule.name)).collect();
    error.hint(match did_you_mean(name, known) {
        Some(near) => format!("did you mean `{near}`? `runbook explain` lists them"),
        None => "`runbook explain` lists them".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::rules;

    #[test]
    fn every_rule_has_a_text_that_ends_where_the_next_begins() {
        for rule in rules() {
            assert!(rule.text.len() > 40 && !rule.text.contains("###"), "{}: {}", rule.name, rule.text);
        }
    }
}
